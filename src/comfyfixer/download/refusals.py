"""What a status other than success means at Civitai, Hugging Face and their storages; each with the page to click."""

import re
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec

from comfyfixer.download.pace import TryAgain
from comfyfixer.errors import DownloadError
from comfyfixer.model.candidate import Candidate
from comfyfixer.net.waiting import retry_after
from comfyfixer.redact import plain

_EXPIRED: Final = re.compile(
    rb"expired_auth_token|Request has expired|ExpiredToken|AccessDenied.{0,200}expired", re.DOTALL
)
_DISABLED: Final = re.compile(r"(?i)disabled downloads|is disabled")
_BAD_KEY: Final = re.compile(r"(?i)invalid (?:user ?name or password|credentials|token)|invalid user token")
_KEY_NAMES: Final = {"civitai": "CIVITAI_API_KEY", "huggingface": "HF_TOKEN"}
_KEY_PAGES: Final = {
    "civitai": "https://civitai.com/user/account",
    "huggingface": "https://huggingface.co/settings/tokens",
}
_LATER: Final = "Run `comfyfixer resume` {}; what has arrived is kept"


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, candidate: Candidate, *, key_sent: str | None = None
) -> DownloadError:
    """The error for an answer that is neither 200 nor 206.

    Args:
        key_sent: Environment variable of the key that was sent along: Civitai says the same of a wrong key as of none.

    Returns:
        A `TryAgain` where the same request may succeed later.
    """
    words = _words(headers, body)
    if status in (400, 401, 403) and _EXPIRED.search(body):
        return TryAgain(
            f"The storage's signed address for `{_name(candidate)}` has expired", code="download-interrupted"
        )
    if status in (408, 425, 429) or status >= 500:
        return _later(status, headers, words, candidate)
    if status == 401:
        return _unauthorised(headers, words, candidate, key_sent)
    if status == 403:
        return _forbidden(headers, words, candidate)
    return _gone(status, words, candidate)


def _later(status: int, headers: Mapping[str, str], words: str, candidate: Candidate) -> DownloadError:
    wait_s = retry_after(headers, time.time())
    hint = _LATER.format(
        f"after {datetime.now().astimezone() + timedelta(seconds=wait_s):%H:%M}" if wait_s else "later"
    )
    if status == 429:
        message = f"{_host(candidate)} asks for fewer requests{words}"
        return TryAgain(message, code="hub-rate-limited", hint=hint, wait_s=wait_s)
    message = f"{_host(candidate)} has a fault of its own (HTTP {status}{words})"
    return TryAgain(message, code="hub-error", hint=hint, wait_s=wait_s)


def _unauthorised(headers: Mapping[str, str], words: str, candidate: Candidate, key_sent: str | None) -> DownloadError:
    code = headers.get("x-error-code", "")
    if code == "GatedRepo":
        return _gated(words, candidate)
    if _DISABLED.search(words):
        return _download_disabled(words, candidate)
    if code in ("RepoNotFound", "RepositoryNotFound"):
        message = f"The repository of `{_name(candidate)}` does not exist, or is private{words}"
        return DownloadError(message, code="file-not-found", hint=f"Look at {_page(candidate)}; {_set_key(candidate)}")
    if key_sent or _BAD_KEY.search(words):
        hint = f"Make a new key at {_key_page(candidate)} and put it into {_key_name(candidate)}, or unset it"
        return DownloadError(f"{_host(candidate)} refused the key{words}", code="hub-key-refused", hint=hint)
    message = f"`{_name(candidate)}` can be had only with a key that {_host(candidate)} accepts{words}"
    return DownloadError(message, code="login-required", hint=f"{_set_key(candidate)}; its page is {_page(candidate)}")


def _forbidden(headers: Mapping[str, str], words: str, candidate: Candidate) -> DownloadError:
    if headers.get("x-error-code") == "GatedRepo":
        return _gated(words, candidate)
    if "early access" in words.lower():
        hint = f"Buy access at {_page(candidate)}, or wait until the early access ends"
        return DownloadError(f"`{_name(candidate)}` is in early access{words}", code="early-access", hint=hint)
    if _DISABLED.search(words):
        return _download_disabled(words, candidate)
    message = f"{_host(candidate)} refused to give `{_name(candidate)}`{words or ' (HTTP 403)'}"
    return DownloadError(message, code="hub-refused", hint=f"Open {_page(candidate)} in a browser to see why")


def _gone(status: int, words: str, candidate: Candidate) -> DownloadError:
    page = _page(candidate)
    if status == 404:
        message = f"`{_name(candidate)}` is not at {_host(candidate)} any more{words}"
        return DownloadError(message, code="file-not-found", hint=f"Look at {page} for its successor")
    if status == 410:
        message = f"{_host(candidate)} has archived `{_name(candidate)}`{words}"
        return DownloadError(message, code="file-archived", hint=f"Look at {page} for another version")
    if status == 451:
        message = f"{_host(candidate)} does not serve this region{words}"
        return DownloadError(message, code="hub-region-blocked", hint="Choose another source for this file")
    message = f"{_host(candidate)} did not give `{_name(candidate)}` (HTTP {status}{words})"
    return DownloadError(message, code="hub-refused", hint=f"Open {page} in a browser to see why")


def login_page(candidate: Candidate) -> DownloadError:
    """The error for the page that asks for a log-in, sent with status 200."""
    message = f"{_host(candidate)} sent its log-in page instead of `{_name(candidate)}`"
    return DownloadError(message, code="login-required", hint=f"{_set_key(candidate)}; its page is {_page(candidate)}")


def _gated(words: str, candidate: Candidate) -> DownloadError:
    message = f"The licence of `{_name(candidate)}` has to be accepted first{words}"
    hint = f"Accept it at {_page(candidate)}, then {_set_key(candidate, start='set')} of the same account"
    return DownloadError(message, code="gated", hint=hint)


def _download_disabled(words: str, candidate: Candidate) -> DownloadError:
    message = f"The author allows no download of `{_name(candidate)}`{words}"
    return DownloadError(message, code="download-disabled", hint=f"No key helps; see {_page(candidate)}")


def _words(headers: Mapping[str, str], body: bytes) -> str:
    """What the hub itself says, as the end of a sentence; empty where it says nothing readable."""
    header = headers.get("x-error-message", "")
    said = ": ".join(plain(text) for text in ([header] if header else _said(body)) if text.strip())
    return f": {plain(said)}" if said else ""


def _said(body: bytes) -> list[str]:
    """The sentences of Civitai's JSON errors."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    texts = [document.get(name) for name in ("error", "message", "deadline")] if isinstance(document, dict) else []
    return [text for text in texts if isinstance(text, str)]


def _name(candidate: Candidate) -> str:
    return plain(candidate.filename)


def _host(candidate: Candidate) -> str:
    names = {"civitai": "Civitai", "huggingface": "Hugging Face"}
    try:
        return names.get(candidate.source) or plain(urlsplit(candidate.download_url).hostname or "the server")
    except ValueError:
        return "the server"


def _page(candidate: Candidate) -> str:
    return plain(candidate.page_url or candidate.download_url)


def _key_name(candidate: Candidate) -> str:
    return _KEY_NAMES.get(candidate.source, "the key of that host")


def _key_page(candidate: Candidate) -> str:
    return _KEY_PAGES.get(candidate.source, _page(candidate))


def _set_key(candidate: Candidate, *, start: str = "Set") -> str:
    if candidate.source not in _KEY_NAMES:
        return "Fetch the file with a browser and place it by hand"
    return f"{start} {_KEY_NAMES[candidate.source]} to a valid key from {_key_page(candidate)}"
