"""One question to a hub: paced, repeated where that can help, bounded, its refusal told as our error."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from comfyfixer.errors import SourceError
from comfyfixer.net.budget import Budget
from comfyfixer.net.failures import (
    NoAnswer,
    Refused,
    as_source_error,
    bad_answer,
    network_errors,
    status_error,
    translated,
)  # fmt: skip
from comfyfixer.net.gates import Gates
from comfyfixer.net.hops import Hops, Reply, Request
from comfyfixer.net.limits import Gate
from comfyfixer.net.transfer import lower_headers, without_keys
from comfyfixer.net.waiting import backoff, retry_after
from comfyfixer.redact import Secrets

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

MAX_BODY: Final = 32 * 1024 * 1024
TRIES: Final = 4
_TRIES_TO_CONNECT: Final = 2
_MAX_ERROR_BODY: Final = 64 * 1024
_CHUNK: Final = 256 * 1024
_OVERTIME: Final = 2.5


class Fresh(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that just came: 2xx or 304, whole, without the run's keys where the hub wrote them back.

    Attributes:
        host: Who answered, as a person names it.
        held_key: The body held a key: it is no body to keep.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    url: str
    host: str
    key_variable: str | None
    held_key: bool = False


class Asker:
    """Asks hubs. Thread-safe.

    Args:
        wall: Seconds since 1970.
        chance: 0 to 1.
    """

    def __init__(
        self,
        hops: Hops,
        gates: Gates,
        secrets: Secrets,
        budget: Budget,
        *,
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._hops = hops
        self._gates = gates
        self._secrets = secrets
        self._budget = budget
        self._wall = wall
        self._chance = chance
        self._lock = threading.Lock()
        self._refused_keys: dict[tuple[str, str, int], SourceError] = {}

    def ask(self, request: Request) -> Fresh:
        """Send until there is an answer or no hope.

        Raises:
            SourceError: Of any code `hub-...`; `NotThere` for a plain "no".
        """
        self._check_key(request)
        gate = self._gates.for_questions(request.url)
        for attempt in range(1, TRIES + 1):
            fresh = self._tried(request, gate, attempt)
            if fresh is None:
                continue
            if fresh.status < 400:
                return fresh
            if attempt == TRIES or not self._wait_after(fresh, gate, attempt):
                raise self._failure(request, fresh)
        raise AssertionError("the last try returns or raises")

    def _tried(self, request: Request, gate: Gate, attempt: int) -> Fresh | None:
        """One try; None when no answer came and the next try may be made."""
        try:
            with gate.slot():
                self._budget.take()
                fresh = self._sent(request)
        except NoAnswer as failure:
            gate.note_failure(failure)
            tries = TRIES if failure.connected else _TRIES_TO_CONNECT
            if not failure.retryable or attempt >= tries:
                raise
            gate.back_off(backoff(attempt, self._chance), failure.message, code=failure.code)
            return None
        except Refused as refused:
            raise as_source_error(refused) from refused
        gate.note_answer(fresh.headers)
        return fresh

    def _sent(self, request: Request) -> Fresh:
        reply = self._hops.send(request)
        try:
            body = self._body(reply, request.max_bytes or MAX_BODY)
        except network_errors() as error:
            reply.response.close()
            raise translated(error, reply.url.shown_host) from error
        finally:
            if reply.response.length_remaining not in (0, None):
                reply.response.close()
            reply.response.release_conn()
        shown = without_keys(body, self._secrets)
        return Fresh(
            status=reply.response.status,
            headers=lower_headers(reply.response, self._secrets),
            body=shown,
            url=self._secrets.hidden(str(reply.url)),
            host=self._secrets.hidden(reply.url.shown_host),
            key_variable=reply.key_variable,
            held_key=shown is not body,
        )

    def _body(self, reply: Reply, max_bytes: int) -> bytes:
        """The decompressed body; of an error only its beginning.

        Raises:
            TimeoutError: It did not come within a while.
        """
        response = reply.response
        if response.status >= 300:
            with self._hops.limited(response):
                return response.read(_MAX_ERROR_BODY, decode_content=True)
        body = bytearray()
        with self._hops.limited(response, times=_OVERTIME):
            while chunk := response.read(_CHUNK, decode_content=True):
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(reply, response, max_bytes)
        return bytes(body)

    def _wait_after(self, fresh: Fresh, gate: Gate, attempt: int) -> bool:
        """Wait where the same request may succeed later; False where it never will."""
        asked_for = retry_after(fresh.headers, self._wall())
        if fresh.status == 429 and b"too many pages" not in fresh.body[:1024]:
            gate.silence(asked_for or backoff(attempt, self._chance), "HTTP 429: it asks for fewer requests")
            return True
        if fresh.status >= 500 and fresh.status != 501:
            why = f"HTTP {fresh.status}: it has a fault of its own"
            if asked_for:
                gate.silence(asked_for, why, code="hub-error")
            else:
                gate.back_off(backoff(attempt, self._chance), why, code="hub-error")
            return True
        return False

    def _failure(self, request: Request, fresh: Fresh) -> SourceError:
        error = status_error(fresh.status, fresh.headers, fresh.body, host=fresh.host, key_name=fresh.key_variable)
        if fresh.status == 429 and b"too many pages" in fresh.body[:1024]:
            error = SourceError(error.message, code="hub-refused", hint="Search with other words", status=429)
        if error.code == "hub-key-refused" and fresh.status == 401:
            with self._lock:
                self._refused_keys[request.url.origin] = error
        return error

    def _check_key(self, request: Request) -> None:
        """A key that was refused once is not shown to the same host again in this run."""
        with self._lock:
            refused = self._refused_keys.get(request.url.origin)
        if refused is not None:
            raise SourceError(refused.message, code=refused.code, hint=refused.hint, status=refused.status)


def _too_large(reply: Reply, response: "BaseHTTPResponse", max_bytes: int) -> SourceError:
    response.close()
    error = bad_answer(reply.url.shown_host, {}, b"", response.status)
    message = f"{reply.url.shown_host} answered with more than {max_bytes >> 20} MiB"
    return SourceError(message, code=error.code, hint=error.hint, status=response.status)
