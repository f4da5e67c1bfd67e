"""Questions and what is known of their answers: asked once in a run, kept between runs, a "no" kept shorter."""

import threading
from collections.abc import Callable
from typing import Final

import msgspec

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.event import Emit
from comfyfixer.net.answer import Answer
from comfyfixer.net.asking import Asker, Fresh
from comfyfixer.net.cache import AnswerCache, Stored, cache_key
from comfyfixer.net.failures import bad_answer
from comfyfixer.net.hops import Request
from comfyfixer.redact import redact

_NEGATIVE_AGE: Final = 1 / 6
_KEPT_HEADERS: Final = ("content-type", "etag", "last-modified", "link", "x-repo-commit")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and how old a known answer may be.

    Attributes:
        keyed: A key goes with it; the answer may be another one without.
        max_age_s: None takes no answer of an earlier run.
    """

    request: Request
    keyed: bool
    max_age_s: float | None

    @property
    def key(self) -> str:
        """Under this name the answer is kept."""
        request = self.request
        return cache_key(request.method, str(request.url), request.body or b"", self.keyed)


class Questions:
    """Thread-safe: who asks what another thread is asking already waits for that answer.

    Args:
        offline: Nobody is asked; a kept answer is taken whatever its age.
        refresh: A kept answer is taken only from this run, or when the hub says that nothing changed.
    """

    def __init__(
        self,
        asker: Asker,
        cache: AnswerCache,
        emit: Emit,
        wall: Callable[[], float],
        *,
        offline: bool = False,
        refresh: bool = False,
    ) -> None:
        self._offline = offline
        self._refresh = refresh
        self._asker = asker
        self._cache = cache
        self._emit = emit
        self._wall = wall
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._asked: set[str] = set()
        self._failed: dict[str, SourceError] = {}
        self._not_kept: dict[str, Stored] = {}

    def answer(self, question: Question, *, accept_html: bool = False) -> Answer:
        """The known answer, else the hub's.

        Raises:
            SourceError: No usable answer came, now or when it was asked before in this run.
        """
        key = question.key
        with self._lock_of(key):
            failed = self._failed.get(key)
            if failed is not None:
                raise SourceError(failed.message, code=failed.code, hint=failed.hint, status=failed.status)
            if key in self._not_kept:
                return self._known(question.request, self._not_kept[key])
            stored = self._cache.read(key)
            if stored is not None and self._is_fresh(key, stored, question.max_age_s):
                return self._known(question.request, stored)
            if self._offline:
                raise not_asked()
            return self._asked_now(key, question.request, stored, accept_html)

    def _lock_of(self, key: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())

    def _is_fresh(self, key: str, stored: Stored, max_age_s: float | None) -> bool:
        """An answer from the future comes from a wrong clock and is not fresh."""
        if key in self._asked or self._offline:
            return True
        if self._refresh:
            return False
        limit_s = (max_age_s or 0.0) * (1.0 if stored.status < 300 else _NEGATIVE_AGE)
        return 0 <= self._wall() - stored.stored_at < limit_s

    def _known(self, request: Request, stored: Stored) -> Answer:
        self._emit(
            "request.sent",
            method=request.method,
            url=redact(str(request.url)),
            status=stored.status,
            seconds=0.0,
            cached=True,
        )
        if stored.status >= 300:
            raise NotThere(stored.body.decode(errors="replace"), status=stored.status)
        return _answer_of(stored, cached=True)

    def _asked_now(self, key: str, request: Request, stored: Stored | None, accept_html: bool) -> Answer:
        """Ask the hub, and remember what came of it for the rest of the run."""
        try:
            fresh = self._asker.ask(_conditional(request, stored))
            kept = self._to_keep(fresh, stored)
            if not accept_html and not _is_json(kept.body):
                raise bad_answer(fresh.host, fresh.headers, fresh.body, fresh.status)
        except NotThere as error:
            self._remember(key, self._no(request, error))
            raise
        except SourceError as error:
            self._failed[key] = error
            url = redact(str(request.url))
            self._emit("request.failed", method=request.method, url=url, code=error.code, message=error.message)
            raise
        self._remember(key, kept, on_disk=not fresh.held_key)
        return _answer_of(kept, cached=False)

    def _remember(self, key: str, stored: Stored, *, on_disk: bool = True) -> None:
        """For this run; what held a key is not for longer, even though the key is out of it."""
        if on_disk:
            self._cache.write(key, stored)
            self._asked.add(key)
        else:
            self._not_kept[key] = stored

    def _to_keep(self, fresh: Fresh, stored: Stored | None) -> Stored:
        """The new answer, or the old one with its age begun anew."""
        if fresh.status == 304 and stored is not None:
            return msgspec.structs.replace(stored, stored_at=self._wall())
        if fresh.status >= 300:
            raise bad_answer(fresh.host, fresh.headers, fresh.body, fresh.status)
        headers: dict[str, str] = {name: fresh.headers[name] for name in _KEPT_HEADERS if name in fresh.headers}
        return Stored(
            stored_at=self._wall(), status=fresh.status, url=redact(fresh.url), headers=headers, body=fresh.body
        )

    def _no(self, request: Request, error: NotThere) -> Stored:
        """A "no" is an answer too; its sentence is kept."""
        url, sentence = redact(str(request.url)), error.message.encode()
        return Stored(stored_at=self._wall(), status=404, url=url, headers={}, body=sentence)


def not_asked() -> SourceError:
    """What is said instead of asking, offline."""
    return SourceError("Not asked: offline", code="hub-not-asked", hint="Run it again without `--offline`")


def _conditional(request: Request, stored: Stored | None) -> Request:
    """The same question, with what we have already, where the hub gave a mark for it."""
    if stored is None or stored.status >= 300:
        return request
    marks = {"If-None-Match": stored.headers.get("etag"), "If-Modified-Since": stored.headers.get("last-modified")}
    headers = {**request.headers, **{name: mark for name, mark in marks.items() if mark}}
    return msgspec.structs.replace(request, headers=headers)


def _answer_of(stored: Stored, *, cached: bool) -> Answer:
    return Answer(status=stored.status, headers=stored.headers, body=stored.body, url=stored.url, cached=cached)


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
