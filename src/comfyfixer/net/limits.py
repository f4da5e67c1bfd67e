"""How one host is asked: few requests at once, at a decent pace, none while it asks for silence."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import msgspec

from comfyfixer.errors import SourceError
from comfyfixer.model.event import Emit
from comfyfixer.net.failures import NoAnswer
from comfyfixer.net.waiting import rate_limit

Clock = Callable[[], float]
Sleep = Callable[[float], None]

AT_ONCE: Final = 4
BUDGET_S: Final = 120.0
_POINTS_TO_GIVE_UP: Final = 6
_TOLD_FROM_S: Final = 1.0


class Pace(msgspec.Struct, frozen=True):
    """A token bucket: so many at once, then so many a second."""

    burst: int
    per_second: float


class Gate:
    """The way to one host. Thread-safe.

    Our own pace delays and is not charged. What the host itself asks for, or what its faults cost, is charged to a
    budget; when that is used up, every further request fails at once.
    """

    def __init__(
        self, host: str, *, pace: Pace | None, emit: Emit, clock: Clock, sleep: Sleep, budget_s: float = BUDGET_S
    ) -> None:
        self._host = host
        self._pace = pace
        self._emit = emit
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._in_flight = 0
        self._tokens = float(pace.burst) if pace else 0.0
        self._refilled_at = clock()
        self._silent_until = 0.0
        self._charged_until = 0.0
        self._budget_s = budget_s
        self._allowance: int | None = None
        self._allowance_until = 0.0
        self._points = 0
        self._last_failure: NoAnswer | None = None

    @contextmanager
    def slot(self) -> Iterator[None]:
        """One of the requests that may be under way at the same time; waits for its turn before.

        Raises:
            SourceError: `hub-rate-limited`, or the failure that showed that the host is not there.
        """
        with self._slots:
            self.wait_for_turn()
            with self._lock:
                self._in_flight += 1
            try:
                yield
            finally:
                with self._lock:
                    self._in_flight -= 1

    def wait_for_turn(self) -> None:
        """Return when a request may be sent."""
        while True:
            with self._lock:
                self._fail_fast()
                seconds = self._seconds_to_turn()
            if seconds <= 0:
                return
            self._sleep(seconds)

    def silence(self, seconds: float, why: str, *, code: str = "hub-rate-limited") -> None:
        """Ask nothing more of the host for so long.

        Raises:
            SourceError: With `code`: the budget does not reach that far.
        """
        with self._lock:
            until = self._clock() + seconds
            self._silent_until = max(self._silent_until, until)
            self._charge(until, why, code)

    def back_off(self, seconds: float, why: str, *, code: str) -> None:
        """Wait before the next try of one request; the others go on.

        Raises:
            SourceError: With `code`: the budget does not reach that far.
        """
        with self._lock:
            self._charge(self._clock() + seconds, why, code)
        self._sleep(seconds)

    def note_answer(self, headers: Mapping[str, str]) -> None:
        """The host answered: it is there, and may have told how many requests it still takes."""
        limit = rate_limit(headers)
        with self._lock:
            self._points = 0
            if limit is not None:
                self._allowance = max(0, limit.remaining - max(0, self._in_flight - 1))
                self._allowance_until = self._clock() + limit.seconds + 1.0

    def note_failure(self, failure: NoAnswer) -> None:
        """No answer came: after three refused connections or six time-outs in a row nothing more is asked."""
        if failure.connected and failure.code != "hub-timeout":
            return
        with self._lock:
            self._points += 1 if failure.connected else 2
            self._last_failure = failure

    def _fail_fast(self) -> None:
        last = self._last_failure
        if last is not None and self._points >= _POINTS_TO_GIVE_UP:
            message = f"{last.message}; it is not asked again in this run"
            raise SourceError(message, code=last.code, hint=last.hint)

    def _seconds_to_turn(self) -> float:
        """0 when the turn is ours (and then it is taken), else how long to wait before looking again."""
        now = self._clock()
        if now < self._silent_until:
            self._charge(self._silent_until, "the host asks for silence", "hub-rate-limited")
            return self._silent_until - now
        if self._allowance is not None and now >= self._allowance_until:
            self._allowance = None
        if self._allowance == 0:
            self._charge(self._allowance_until, "the host's limit is used up", "hub-rate-limited")
            return self._allowance_until - now
        delay = self._pace_delay(now)
        if delay <= 0 and self._allowance is not None:
            self._allowance -= 1
        return delay

    def _pace_delay(self, now: float) -> float:
        """Take a token, or say how long until there is one."""
        if self._pace is None:
            return 0.0
        refill = max(0.0, now - self._refilled_at) * self._pace.per_second
        self._tokens = min(float(self._pace.burst), self._tokens + refill)
        self._refilled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._pace.per_second

    def _charge(self, until: float, why: str, code: str) -> None:
        """Take the time up to `until` from the budget, each moment once however many threads wait."""
        now = self._clock()
        seconds = until - max(now, self._charged_until)
        if seconds <= 0:
            return
        if seconds > self._budget_s:
            hint = "Wait some minutes, then run the same command again: what is known already is not asked anew"
            message = f"{self._host} would have to be waited for {until - now:.0f} s more ({why})"
            raise SourceError(message, code=code, hint=hint)
        self._budget_s -= seconds
        self._charged_until = until
        if seconds >= _TOLD_FROM_S:
            self._emit("host.waiting", host=self._host, seconds=round(until - now, 1), why=why)
