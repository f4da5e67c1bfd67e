"""The one HTTP client: `get` and `post` for hubs' answers, `open` for files, `allowed` for foreign addresses."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

import msgspec

from comfyfixer.errors import ComfyFixerError, Interrupted, SourceError
from comfyfixer.model.event import Emit
from comfyfixer.net.answer import Answer
from comfyfixer.net.asking import Asker
from comfyfixer.net.budget import Budget
from comfyfixer.net.cache import AnswerCache, Stored, cache_key
from comfyfixer.net.credentials import Credentials
from comfyfixer.net.files import Files, Located
from comfyfixer.net.gates import Gates
from comfyfixer.net.hops import USER_AGENT, Hops, Request
from comfyfixer.net.hosts import HostRules
from comfyfixer.net.questions import Question, Questions
from comfyfixer.net.stored_keys import with_stored_keys
from comfyfixer.net.transfer import Transfer
from comfyfixer.net.url import Url
from comfyfixer.redact import Secrets, plain
from comfyfixer.settings import Settings

if TYPE_CHECKING:
    from comfyfixer.net.transport import Transport


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Time and chance, handed in.

    Attributes:
        wall: Seconds since 1970, for ages and dates.
        clock: Seconds that only grow, for waiting.
        sleep: None waits really, and ends early when the client is stopped.
        chance: 0 to 1, spreads repeated requests.
    """

    wall: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] | None = None
    chance: Callable[[], float] = random.random


REAL_TIME: Final = Timing()


def make_client(settings: Settings, emit: Emit, *, cache_path: Path | None, timing: Timing = REAL_TIME) -> "Client":
    """The client of one run. Close it, or use it in a `with`.

    Args:
        cache_path: File that keeps answers between runs; None keeps them for this run only.
    """
    from comfyfixer.net.transport import Transport

    settings = with_stored_keys(settings)
    secrets = Secrets.of(settings)

    def tell(action: str, **details: Any) -> None:
        emit(action, **{name: secrets.hidden_deep(value) for name, value in details.items()})

    return Client(
        settings, tell, secrets=secrets, cache=AnswerCache(cache_path, tell, timing.wall),
        transport=Transport(timeout_s=settings.timeout_seconds), timing=timing,
    )  # fmt: skip


class Client:
    """Asks hubs and opens files; nothing that it gives or raises holds a key of the run. Thread-safe.

    Args:
        emit: Leaves out `secrets` itself.
    """

    def __init__(
        self,
        settings: Settings,
        emit: Emit,
        *,
        secrets: Secrets,
        cache: AnswerCache,
        transport: "Transport",
        timing: Timing,
    ) -> None:
        self._wall = timing.wall
        self._secrets = secrets
        self._rules = HostRules(settings)
        self._credentials = credentials = Credentials(settings)
        self._transport = transport
        hops = Hops(self._rules, credentials, transport, emit)
        self._stopped = threading.Event()
        gates = Gates(
            emit, clock=timing.clock, sleep=timing.sleep or self._sleep,
            has_huggingface_key=settings.huggingface_key is not None,
        )  # fmt: skip
        self._files = Files(
            hops, self._rules, credentials, gates, transport, secrets, wall=timing.wall, offline=settings.offline
        )
        asker = Asker(
            hops, gates, secrets, Budget(settings.max_requests, settings.max_minutes, timing.clock),
            wall=timing.wall, chance=timing.chance,
        )  # fmt: skip
        self._cache = cache
        self._offline = settings.offline
        self._questions = Questions(asker, cache, emit, timing.wall, offline=settings.offline, refresh=settings.refresh)

    def get(
        self,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        max_age_s: float | None = None,
        accept_html: bool = False,
        max_bytes: int | None = None,
    ) -> Answer:
        """The whole answer to a question; the same question is sent once in a run.

        Args:
            params: Appended to the query; names may repeat.
            max_age_s: An answer of an earlier run that is not older is taken (a "no": a sixth of it); None: none is.
            accept_html: Take any text; else only JSON is an answer.
            max_bytes: Longest answer that is taken, 32 MiB where None.

        Raises:
            SourceError: No usable answer came; code `hub-...`, or why the address is not asked.
            NotThere: The hub has no such thing.
        """
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
        with self._discreet():
            question = self._question("GET", url, {}, None, max_age_s, max_bytes)
            return self._questions.answer(question, accept_html=accept_html)

    def post(self, url: str, *, body: bytes, content_type: str, max_age_s: float | None = None) -> Answer:
        """Like `get`, for questions that have a body. Only for what changes nothing at the hub: it may be repeated."""
        with self._discreet():
            return self._questions.answer(self._question("POST", url, {"Content-Type": content_type}, body, max_age_s))

    def open(self, url: str, *, headers: Mapping[str, str] = {}, origin_trusted: bool) -> Transfer:
        """Begin a download; redirects are followed, no answer is cached, HTTP errors are in `Transfer.status`.

        Args:
            headers: Further request headers, such as `Range`; never a key: those are added here, for their own host.
            origin_trusted: False for an address out of a workflow: its host has to be on the list of allowed hosts.

        Raises:
            DownloadError: `host-not-allowed`, `address-not-allowed`, `too-many-redirects`, `hub-rate-limited`,
                `hub-not-asked`, or (mostly `retryable`) `hub-unreachable`, `hub-timeout`, `hub-tls`.
        """
        with self._discreet():
            return self._files.opened(url, headers, origin_trusted=origin_trusted)

    def ask_for(self, url: str) -> Transfer:
        """Whether a hub gives a file: like `open`, but a redirect to another host is the answer, and not followed.

        Raises:
            DownloadError: Like `open`.
        """
        with self._discreet():
            return self._files.asked_for(url)

    def locate(self, url: str, *, origin_trusted: bool) -> Located:
        """Where a file really lies, for a program that is not to be trusted with redirects: most hand a key on to
        whatever host a redirect leads to.

        Raises:
            DownloadError: Like `open`.
        """
        with self._discreet():
            return self._files.located(url, origin_trusted=origin_trusted)

    def kept(self, name: str, make: Callable[[], bytes], *, max_age_s: float) -> bytes:
        """What `make` gave for a name, in this run or an earlier one; for facts that cost a request of another kind."""
        key, now = cache_key("KEPT", name, b"", keyed=False), self._wall()
        stored = self._cache.read(key)
        if stored is not None and (self._offline or 0 <= now - stored.stored_at < max_age_s):
            return stored.body
        body = make()
        if not self._secrets.are_in(body):
            self._cache.write(key, Stored(stored_at=now, status=200, url="", headers={}, body=body))
        return body

    def allowed(self, url: str) -> str | None:
        """Why a URL out of a workflow may not be fetched, as the end of a sentence; None when it may."""
        return self._rules.reason_against(Url.parse(url))

    def stop(self) -> None:
        """End all waiting: who waits for a host raises `Interrupted`, who reads is told that the connection ended."""
        self._stopped.set()
        self._transport.interrupt()

    def close(self) -> None:
        """Stop, and close connections and cache."""
        self._stopped.set()
        self._transport.close()
        self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _discreet(self) -> Iterator[None]:
        """Errors leave without the run's keys: a redirect's address may hold one."""
        try:
            yield
        except ComfyFixerError as error:
            error.message = self._secrets.hidden(error.message)
            error.args = (error.message,)
            raise

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Interrupted("The run was stopped while it waited for a host", hint="`comfyfixer resume` goes on")

    def _question(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_age_s: float | None,
        max_bytes: int | None = None,
    ) -> Question:
        parsed = Url.parse(url)
        if parsed is None:
            raise SourceError(f"{plain(url)} is no address that can be asked", code="host-not-allowed")
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", "Accept": "application/json", **headers}
        keyed = self._credentials.variable(parsed) is not None
        request = Request(method=method, url=parsed, headers=sent, body=body, max_bytes=max_bytes)
        return Question(request=request, keyed=keyed, max_age_s=max_age_s)
