"""Several connections to one file: each writes where its stretch lies, and one thread hashes behind them in order."""

import threading
from collections.abc import Callable
from typing import Final

import msgspec

from comfyfixer.download.growth import Growth
from comfyfixer.download.pace import check
from comfyfixer.download.part import Part, Writer
from comfyfixer.download.sharing import Sharing
from comfyfixer.download.stretches import Stretch, Stretches
from comfyfixer.download.taking import Taking
from comfyfixer.download.transfer import CHUNK, Flow, Rounds
from comfyfixer.download.wire import Answer
from comfyfixer.errors import DownloadError

_HASHED_AT_ONCE: Final = 4 * 1024 * 1024
_WORTH_HASHING: Final = 1024 * 1024
_LOOK_EVERY_S: Final = 0.02
_HELP_EVERY_S: Final = 0.2
_HELP_AFTER_FAILURE_S: Final = 2.0
_PROGRESS: Final = 64 * 1024
_WORTH_ASKING: Final = 4 * 1024 * 1024
_WORTH_ASKING_S: Final = 1.0
_PASSED_OVER: Final = 1024 * 1024
"""So much of an answer is read for nothing, where others brought it before the answer came; rather than asking anew."""


class NoRanges(DownloadError):
    """The server does not give the stretch that is asked for: this file comes over one connection, from its start."""

    code = "download-interrupted"


class Divided(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is asked for in stretches.

    Attributes:
        ask: Opens the bytes from the first number up to the second; raises what the server says, or `NoRanges`.
        host: What its connections are counted by.
    """

    ask: Callable[[int, int], Answer]
    host: str
    total: int
    sharing: Sharing


class Segments:
    """Brings the rest of one part. `run` belongs to the thread that owns the part."""

    def __init__(self, how: Divided, part: Part, flow: Flow, growth: Growth) -> None:
        self._how = how
        self._part = part
        self._flow = flow
        self._growth = growth
        piece = CHUNK // (2 * max(growth.most, 1))  # a killed run loses less than two of each connection
        self._stretches = Stretches(how.total, max(growth.most, 1))
        self._changed = threading.Condition()
        self._taking = Taking(flow, piece, self._changed, lambda: self._stopped)
        self._answers: dict[Stretch, Answer] = {}
        self._writing: set[threading.Thread] = set()
        self._at_work = 0
        self._most_at_work = 0
        self._next_help_s = 0.0
        self._giving = 0
        self._firsts = 0
        self._held = 0
        self._stopped = False
        self._error: BaseException | None = None

    def run(self, answer: Answer | None, others: int = 0) -> None:
        """Until every byte is here and hashed.

        Args:
            answer: An open one that gives everything behind the part's hashed bytes, and wants help; None where there
                is none.
            others: Connections that are to help it from the beginning.

        Raises:
            DownloadError: The last connection could not go on; what came is in the part.
            Interrupted, OSError: As in `pour`.
        """
        self._part.scatter()
        try:
            self._begin(answer)
            if others:
                self._try_more(others)
            self._follow()
        finally:
            self._stop()
            self._flow.meter.tell(self._flow.pace.clock(), self._part.here)

    def _begin(self, answer: Answer | None) -> None:
        now = self._flow.pace.clock()
        with self._changed:
            stretch = self._stretches.begin(self._part.size, now) if answer else self._next()
        if stretch is not None:
            self._start(stretch, answer, is_first=True)

    def _follow(self) -> None:
        """Hash behind the connections, and look after everything, until all is here."""
        pace, meter = self._flow.pace, self._flow.meter
        rounds = Rounds(pace, pace.clock())
        meter.start(self._part.here)
        while self._part.size < self._how.total:
            check(self._flow.cancelled)
            hashed = self._part.hash_on(_HASHED_AT_ONCE)
            now, here = pace.clock(), self._part.here
            meter.tick(now, here)
            rounds.look(now, self._part, self._flow)
            self._look_after(now, here, hashed)

    def _look_after(self, now: float, here: int, hashed: int) -> None:
        """Connections that failed, and connections that could help."""
        with self._changed:
            idle = not self._at_work and self._part.here < self._how.total
            if self._error is not None and (idle or not isinstance(self._error, DownloadError)):
                raise self._error
            if hashed < _WORTH_HASHING and here < self._how.total:
                self._changed.wait(_LOOK_EVERY_S)  # the next look finds more, instead of each piece alone
            settled = self._giving == self._at_work
        if idle:
            self._begin(None)
        elif settled:
            self._grow(now, here)
        if now >= self._next_help_s:
            self._next_help_s = now + (_HELP_AFTER_FAILURE_S if self._growth.waits(now) else _HELP_EVERY_S)
            self._help(now)

    def _grow(self, now: float, here: int) -> None:
        how = self._how
        if more := self._growth.wants(now, how.sharing.throttle.total, self._at_work, how.total - here):
            self._try_more(more)

    def _help(self, now: float) -> None:
        """Let a further connection take what one of them hardly brings, where there were as many before."""
        with self._changed:
            fewer = 0 < self._at_work < self._most_at_work
            wanted = fewer and self._stretches.wants_help(self._part.holes(self._how.total), now)
        if wanted:
            self._try_more(1)

    def _try_more(self, count: int) -> None:
        if self._how.sharing.trying.acquire(blocking=False):
            try:
                for _ in range(count):
                    self._add()
            finally:
                self._how.sharing.trying.release()

    def _add(self) -> None:
        """One more connection, where the host may have one and there is something for it to do."""
        if not self._how.sharing.connections.take(self._how.host):
            return
        with self._changed:
            stretch = self._next()
        if stretch is None:
            self._how.sharing.connections.release(self._how.host)
        else:
            self._start(stretch, None, is_first=False)

    def _next(self) -> Stretch | None:
        return self._stretches.next(self._part.holes(self._how.total), self._flow.pace.clock())

    def _start(self, stretch: Stretch, answer: Answer | None, *, is_first: bool) -> None:
        with self._changed:
            self._at_work += 1
            self._firsts += is_first
            self._most_at_work = max(self._most_at_work, self._at_work)
            self._error = None
        threading.Thread(target=self._work, args=(stretch, answer, is_first), name="stretch", daemon=True).start()

    def _stop(self) -> None:
        """End all connections and wait for who writes: nobody does so after this. Who still waits for a head is not
        waited for; when it comes, its connection ends.
        """
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            answers, threads = list(self._answers.values()), tuple(self._writing)
        for answer in answers:
            answer.abort()
        for thread in threads:
            thread.join()
        with self._changed:
            for _ in range(self._firsts):  # its request is open still: the file's own slot is free, this one is not
                self._how.sharing.connections.hold(self._how.host)
            self._held = self._firsts

    # --- in the connections' own threads -----------------------------------------------------------------------------

    def _work(self, stretch: Stretch, answer: Answer | None, is_first: bool) -> None:
        """One connection after another, for one stretch after another."""
        failure: BaseException | None = None
        try:
            self._stretch_by_stretch(stretch, answer, is_first)
        except BaseException as error:  # noqa: BLE001  # the following thread raises it
            failure = error
        with self._changed:
            self._at_work -= 1
            self._firsts -= is_first
            is_held = is_first and self._held > 0
            self._held -= is_held
            self._error = failure or self._error
            if isinstance(failure, DownloadError):
                self._growth.failed(self._flow.pace.clock())
            self._changed.notify_all()
        if not is_first or is_held:
            if isinstance(failure, DownloadError) and failure.code in ("hub-rate-limited", "hub-error"):
                self._how.sharing.connections.allow_no_more(self._how.host)
            self._how.sharing.connections.release(self._how.host)

    def _stretch_by_stretch(self, first: Stretch, answer: Answer | None, is_first: bool) -> None:
        stretch: Stretch | None = first
        ended_early = 0
        while stretch is not None:
            began_s = self._flow.pace.clock()
            try:
                while not self._brought(stretch, answer):
                    answer = None
                ended_early = 0
            except DownloadError as error:
                if not error.retryable or self._stopped or stretch.gained < _PROGRESS:
                    raise
                short = stretch.gained < _WORTH_ASKING and self._flow.pace.clock() - began_s < _WORTH_ASKING_S
                ended_early = ended_early + 1 if short else 0
            finally:
                with self._changed:
                    self._stretches.end(stretch)
            self._rest(ended_early)
            stretch, answer = self._another(is_first), None

    def _rest(self, ended_early: int) -> None:
        """Before a server is asked again that ends each connection after a little; until all is ended at most."""
        pace = self._flow.pace
        wait_s = min(pace.first_wait_s * 2.0 ** (ended_early - 1), pace.longest_wait_s) if ended_early else 0.0
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, wait_s)

    def _another(self, is_first: bool) -> Stretch | None:
        """What this connection does next; None where it is not needed any more, or by another file more."""
        gives_back = not is_first and self._how.sharing.connections.are_wanted(self._how.host)
        with self._changed:
            return None if self._stopped or gives_back else self._next()

    def _brought(self, stretch: Stretch, answer: Answer | None) -> bool:
        """Open the stretch's connection where it has none, and take what nobody else brings of it by then; False where
        so much was brought meanwhile that the rest is better asked for anew.
        """
        begin = stretch.at
        with answer or self._asked(begin, stretch.stop) as opened:
            with self._changed:
                if self._stopped:
                    return True
                self._stretches.opened(stretch, self._flow.pace.clock())
                passed_over = stretch.at - begin
                if passed_over > _PASSED_OVER or not stretch.left:
                    return not stretch.left
                self._answers[stretch] = opened
                self._writing.add(threading.current_thread())
                self._giving += 1
            try:
                with Writer(self._part) as writer:
                    self._taking.take(stretch, opened, writer, passed_over)
            finally:
                with self._changed:
                    self._giving -= 1
                    self._writing.discard(threading.current_thread())
                    del self._answers[stretch]
        return True

    def _asked(self, start: int, stop: int) -> Answer:
        clock = self._flow.pace.clock
        began_s = clock()
        answer = self._how.ask(start, stop)
        with self._changed:
            self._stretches.opening_s = clock() - began_s
        return answer
