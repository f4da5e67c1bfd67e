"""How long to wait: what hubs say about it, and what is decent where they say nothing. Pure but for the wall clock."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

_RATE_LIMIT: Final = re.compile(r'"([^"]*)"\s*;\s*r=(\d{1,9})\s*;\s*t=(\d{1,9})')
_LONGEST_BACKOFF_S: Final = 30.0


class RateLimit(msgspec.Struct, frozen=True):
    """Hugging Face's `RateLimit: "api";r=489;t=60`."""

    remaining: int
    seconds: int


def rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """What remains of the hub's window, None where the hub does not tell."""
    match = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    return RateLimit(int(match[2]), int(match[3])) if match else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the hub asks to wait; None where it does not ask.

    `Retry-After` (seconds or a date), else Hugging Face's window with one second more, as its own client does.

    Args:
        now: Seconds since 1970.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text, re.ASCII):
        return float(text)
    if text and (moment := _moment(text)) is not None:
        return max(0.0, moment - now)
    limit = rate_limit(headers)
    return limit.seconds + 1.0 if limit and limit.remaining == 0 else None


def _moment(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def backoff(attempt: int, chance: Callable[[], float]) -> float:
    """Seconds before the try after `attempt` (1, 2, ...): doubled each time, half of it by chance, at most 30."""
    longest = min(_LONGEST_BACKOFF_S, 2.0 ** (attempt - 1))
    return longest * (0.5 + 0.5 * chance())
