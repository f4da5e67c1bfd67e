"""What can go wrong at a hub, as rules that apply to chosen requests: deterministic, no chance in it.

Each rule names the requests it is for (`role`, a part of the path, the method), lets the first `skip` of them pass, and
applies to the next `times` (None: to all further ones). All rules that apply to a request work together.
"""

import threading
from collections import Counter
from typing import ClassVar

import msgspec

from comfyfixer.demo.exchange import Headers, Request


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests a rule is for.

    Attributes:
        role: `civitai`, `huggingface`, `registry`, `manager`, `github`, `storage`, `cdn`; None: any.
        path: Must be a part of the decoded path or query; empty: any.
        method: None: any.
        skip: So many matching requests go well first.
        times: So many are hit after that; None: all.
    """

    role: str | None = None
    path: str = ""
    method: str | None = None
    skip: int = 0
    times: int | None = 1

    def concerns(self, request: Request) -> bool:
        """Whether the request is one of those that are counted."""
        told = request.path + "?" + "&".join(f"{name}={value}" for name, value in request.query)
        return self.role in (None, request.role) and self.method in (None, request.method) and self.path in told


class Cut(Fault, frozen=True, kw_only=True, tag="cut"):
    """The connection ends after so many bytes of the body."""

    after_bytes: int


class Hold(Fault, frozen=True, kw_only=True, tag="hold"):
    """The body stops after so many bytes until the gate of this name is opened."""

    after_bytes: int
    gate: str = "gate"


class SlowDrip(Fault, frozen=True, kw_only=True, tag="slow-drip"):
    """The body comes slowly."""

    bytes_per_second: int


class FlippedByte(Fault, frozen=True, kw_only=True, tag="flipped-byte"):
    """One byte of the file arrives inverted; `at` counts from the start of the whole file."""

    at: int


class IgnoreRange(Fault, frozen=True, kw_only=True, tag="ignore-range"):
    """200 and the whole file, whatever range was asked."""


class WrongOffset(Fault, frozen=True, kw_only=True, tag="wrong-offset"):
    """206 for a range that begins elsewhere, truthfully told in Content-Range."""

    shift_bytes: int = -1


class WrongLength(Fault, frozen=True, kw_only=True, tag="wrong-length"):
    """Content-Length says so many bytes more than come (or fewer, if negative)."""

    extra_bytes: int


class MissingLength(Fault, frozen=True, kw_only=True, tag="missing-length"):
    """No Content-Length: the end of the connection ends the body, or chunks do."""

    chunked: bool = False


class Reply(Fault, frozen=True, kw_only=True, tag="reply"):
    """This answer instead of the right one."""

    status: int
    headers: Headers = ()
    body: str = ""


class KeyRefused(Fault, frozen=True, kw_only=True, tag="key-refused"):
    """401 for every request that brings a key."""


class Expired(Fault, frozen=True, kw_only=True, tag="expired"):
    """The signature of a storage URL is too old, in the storage's own words."""


class Down(Fault, frozen=True, kw_only=True, tag="down"):
    """The connection is closed without an answer."""


class Truncated(Fault, frozen=True, kw_only=True, tag="truncated"):
    """The body ends early, and its length header agrees."""

    keep_bytes: int = 20


class OtherBytes(Fault, frozen=True, kw_only=True, tag="other-bytes"):
    """The file was replaced by one of the same length, with another entity tag."""


AnyFault = (
    Cut | Hold | SlowDrip | FlippedByte | IgnoreRange | WrongOffset | WrongLength | MissingLength | Reply | KeyRefused
    | Expired | Down | Truncated | OtherBytes
)  # fmt: skip


class Faults(msgspec.Struct, frozen=True):
    """All rules of one hub; none: all goes well."""

    rules: tuple[AnyFault, ...] = ()


def html_page(*, role: str | None = None, path: str = "", skip: int = 0, times: int | None = 1) -> Reply:
    """200 with a web page where a file or JSON was expected."""
    body = "<!DOCTYPE html><html><title>Just a moment...</title></html>"
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    return Reply(role=role, path=path, skip=skip, times=times, status=200, headers=headers, body=body)


def too_many(
    *, role: str | None = None, path: str = "", skip: int = 0, times: int | None = 1, retry_after: str | None = "0"
) -> Reply:
    """429, with or without `Retry-After`."""
    headers: Headers = (("Content-Type", "application/json"),)
    if retry_after is not None:
        headers += (("Retry-After", retry_after),)
    body = '{"error":"Too many requests"}'
    return Reply(role=role, path=path, skip=skip, times=times, status=429, headers=headers, body=body)


def server_error(
    *, role: str | None = None, path: str = "", skip: int = 0, times: int | None = 1, status: int = 502
) -> Reply:
    """A 5xx page of the front server."""
    body = "<html><body>Bad gateway</body></html>"
    headers = (("Content-Type", "text/html"),)
    return Reply(role=role, path=path, skip=skip, times=times, status=status, headers=headers, body=body)


def empty_body(*, role: str | None = None, path: str = "", skip: int = 0, times: int | None = 1) -> Reply:
    """200 and not one byte."""
    headers = (("Content-Type", "application/octet-stream"),)
    return Reply(role=role, path=path, skip=skip, times=times, status=200, headers=headers)


def window_exhausted(
    *, role: str | None = "huggingface", path: str = "", skip: int = 0, times: int | None = 1, seconds: int = 0
) -> Reply:
    """Hugging Face's 429: no `Retry-After`, the seconds to wait are in `RateLimit`."""
    headers = (("RateLimit", f'"api";r=0;t={seconds}'), ("RateLimit-Policy", '"fixed window";"api";q=500;w=300'))
    body = '{"error":"We had to rate limit your IP"}'
    return Reply(role=role, path=path, skip=skip, times=times, status=429, headers=headers, body=body)


class Gate:
    """Holds transfers: each waits until `open()`, which also lets all later ones pass."""

    patience_seconds: ClassVar[float] = 300.0

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._changed = threading.Condition()
        self._waiting = 0
        self._is_open = False

    @property
    def waiting(self) -> int:
        """How many transfers stand here now."""
        with self._changed:
            return self._waiting

    def open(self) -> None:
        """Let everything pass from now on."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def wait(self) -> None:
        """Called by the hub's own threads."""
        with self._changed:
            self._waiting += 1
            self.reached.set()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_open, self.patience_seconds)
            self._waiting -= 1

    def wait_for(self, count: int, timeout_s: float = 10.0) -> bool:
        """Wait until so many transfers stand here at the same time; False when the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting >= count, timeout_s)


class FaultState:
    """Counts the requests of each rule; safe for threads."""

    def __init__(self, faults: Faults) -> None:
        self._rules = faults.rules
        self._seen: Counter[int] = Counter()
        self._lock = threading.Lock()

    def active(self, request: Request) -> tuple[AnyFault, ...]:
        """The rules that hit this request; each call counts."""
        with self._lock:
            return tuple(rule for at, rule in enumerate(self._rules) if self._hits(at, rule, request))

    def replace(self, faults: Faults) -> None:
        """Other rules from now on; counting starts anew."""
        with self._lock:
            self._rules = faults.rules
            self._seen.clear()

    def _hits(self, at: int, rule: AnyFault, request: Request) -> bool:
        if not rule.concerns(request):
            return False
        count = self._seen[at]
        self._seen[at] += 1
        return count >= rule.skip and (rule.times is None or count < rule.skip + rule.times)
