"""What the value of a setting may be.

Each function makes ours of a foreign one, or raises `ValueError` with what is wrong with it.
"""

import os
import re
from collections.abc import Callable
from typing import Any, Final

from comfyfixer.model.secret import Secret

DOWNLOADERS: Final = ("builtin", "hf", "aria2c", "wget")
"""What can fetch; all but the first are programs that have to be installed."""


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def path(value: Any) -> str:
    return os.path.abspath(os.path.expanduser(text(value)))


def paths(value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)):
        raise ValueError("must be a list of folders")
    return tuple(path(item) for item in values)


def texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError("must be a list")
    return tuple(text(item) for item in value)


def secret(value: Any) -> Secret:
    key = text(value).strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("must be plain letters, digits and signs without spaces")
    return Secret(key)


def endpoint(value: Any) -> str:
    address = text(value).strip().rstrip("/")
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s@?#]*)?", address):
        raise ValueError("must be a http(s) address without key, query or fragment")
    if not _has_host_and_port(address):
        raise ValueError("must name a host, and a port from 1 to 65535 if any")
    return address


def _has_host_and_port(address: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def number(low: float, high: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return parse


def count(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return parse


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def downloader(value: Any) -> str:
    if value not in DOWNLOADERS:
        raise ValueError(f"must be one of {', '.join(DOWNLOADERS)}")
    return str(value)


def rate(value: Any) -> int:
    """Bytes a second, as `curl` and `aria2c` write them: 500K, 5M, 1.5G, with 1024 to the step."""
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,3})?)([KMG]?)(?:i?B)?(?:/s)?", str(value).strip(), re.IGNORECASE)
    if isinstance(value, bool) or found is None:
        raise ValueError("must be bytes a second, such as 500K, 5M or 1G")
    bytes_per_second = int(float(found[1]) * 1024 ** " KMG".index(found[2].upper() or " "))
    if bytes_per_second < 1024:
        raise ValueError("must be 1K (1024 bytes a second) or more")
    return bytes_per_second


def hours(value: Any) -> tuple[int, int]:
    """`23:00-07:00` as minutes of the day."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", text(value).strip())
    parts = [int(part) for part in found.groups()] if found else []
    if not parts or max(parts[0], parts[2]) > 24 or max(parts[1], parts[3]) > 59:
        raise ValueError("must be two times of the day, such as 23:00-07:00")
    begin, end = (parts[0] * 60 + parts[1]) % 1440, (parts[2] * 60 + parts[3]) % 1440
    if begin == end:
        raise ValueError("must begin and end at different times")
    return begin, end


def folders(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("must be an object of folder names and paths")
    return {text(name): path(folder) for name, folder in value.items()}


def switch_or_word(value: Any) -> bool:
    """Variables hold text: `1` and `true` switch on, `0` and `false` off."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    return words[value.lower()] if isinstance(value, str) and value.lower() in words else switch(value)


def share(value: Any) -> float:
    """The first plan wrote 0.7 or 70: both mean the same."""
    given = number(0, 100)(value)
    return given / 100 if given > 1 else given
