"""One request and the redirects behind it: each hop looked at anew, the key only where it belongs."""

import contextlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from comfyfixer import __version__
from comfyfixer.model.event import Emit
from comfyfixer.net.credentials import Credentials
from comfyfixer.net.failures import NoAnswer, Refused, network_errors
from comfyfixer.net.hosts import HostRules
from comfyfixer.net.url import Url
from comfyfixer.redact import plain, redact

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from comfyfixer.net.transport import Transport

# Honest on purpose: hubs send what looks like a browser to a login page.
USER_AGENT: Final = f"ComfyFixerSmart/{__version__} (+https://github.com/comfyfixer/comfyfixersmart)"

_MAX_REDIRECTS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_DRAINED: Final = 64 * 1024
_DRAINED_WITHIN: Final = 0.05


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent first; a redirect changes the address, and of 301 to 303 the method.

    Attributes:
        max_bytes: Longest body that is read as an answer, None for the usual limit.
    """

    method: str
    url: Url
    headers: Mapping[str, str]
    body: bytes | None = None
    max_bytes: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer behind the last redirect, its body still to be read.

    Attributes:
        url: Who answered.
        key_variable: Environment variable of the key that the answering host got, None where it got none.
    """

    response: "BaseHTTPResponse"
    url: Url
    key_variable: str | None


class Hops:
    """Sends requests hop by hop. Thread-safe."""

    def __init__(self, rules: HostRules, credentials: Credentials, transport: "Transport", emit: Emit) -> None:
        self._rules = rules
        self._credentials = credentials
        self._transport = transport
        self._emit = emit

    def send(self, request: Request, before_hop: Callable[[Url], None] | None = None, *, stay: bool = False) -> Reply:
        """Send, and follow at most ten redirects.

        Args:
            before_hop: Called with each address before it is asked; may wait or raise.
            stay: A redirect to another host is the answer: that it is given is all that is asked.

        Raises:
            NoAnswer: No HTTP answer came.
            Refused: `host-not-allowed`, `address-not-allowed` or `too-many-redirects`.
        """
        first, with_key, came_from = request.url, True, None
        for _ in range(_MAX_REDIRECTS + 1):
            if before_hop is not None:
                before_hop(request.url)
            with_key = with_key and request.url.origin == first.origin
            response = self._hop(request, came_from, with_key)
            location = response.headers.get("location") if response.status in _REDIRECTS else None
            if location is None or (stay and _leaves(request.url, location)):
                variable = self._credentials.variable(request.url) if with_key else None
                return Reply(response=response, url=request.url, key_variable=variable)
            self._finish(response)
            request, came_from = _redirected(request, response.status, location), first
        raise Refused(f"{first.host} redirects without end", code="too-many-redirects", hint="Try another source")

    def limited(self, response: "BaseHTTPResponse", *, times: float = 1.0) -> AbstractContextManager[None]:
        """A body that is small has to come within a while, however it drips.

        Raises:
            TimeoutError: It did not; the connection was ended.
        """
        return self._transport.patience.limit(partial(end, response), times=times)

    def _finish(self, response: "BaseHTTPResponse") -> None:
        """Keep the connection when the redirect's own body is short, else close it."""
        try:
            with self.limited(response, times=_DRAINED_WITHIN):
                response.read(_MAX_DRAINED, decode_content=False)
        except network_errors():
            response.close()
        if response.length_remaining != 0:
            response.close()
        response.release_conn()

    def _hop(self, request: Request, came_from: Url | None, with_key: bool) -> "BaseHTTPResponse":
        self._rules.check_hop(request.url, came_from)
        key = self._credentials.headers(request.url) if with_key else {}
        started = time.monotonic()
        shown = redact(str(request.url))
        try:
            response = self._transport.send(
                request.method, request.url, headers={**request.headers, **key}, body=request.body,
                guarded=not self._rules.is_free(request.url, came_from),
            )  # fmt: skip
        except (NoAnswer, Refused) as error:
            self._emit("request.failed", method=request.method, url=shown, code=error.code, message=error.message)
            raise
        seconds = round(time.monotonic() - started, 3)
        self._emit(
            "request.sent", method=request.method, url=shown, status=response.status, seconds=seconds, cached=False
        )
        return response


def _leaves(url: Url, location: str) -> bool:
    target = url.joined(location)
    return target is not None and target.origin != url.origin


def _redirected(request: Request, status: int, location: str) -> Request:
    """The request that a redirect asks for."""
    url = request.url.joined(location)
    if url is None:
        raise Refused(
            f"{request.url.host} redirects to {plain(location)}, which is no address", hint="Try another source"
        )
    if status in (307, 308) or request.method == "GET":
        return msgspec.structs.replace(request, url=url)
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
    return Request(method="GET", url=url, headers=headers, max_bytes=request.max_bytes)


def end(response: "BaseHTTPResponse") -> None:
    """End an answer's connection, from any thread: who reads is told that it ended."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # ended, or given back already
        response.shutdown()
