"""How patient a transfer is: tries, waits, stalls. Clock and sleep are handed in, so that tests need neither."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from comfyfixer.errors import DownloadError, Interrupted

Cancelled = Callable[[], bool]

_LOOK_EVERY_S = 0.1
GOES_ON: Final = "`comfyfixer resume` goes on from here"


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers behind retries.

    Attributes:
        tries: Failures in a row that are borne; the budget is full again whenever `refill_bytes` arrived.
        first_wait_s: Before the first retry; doubles up to `longest_wait_s`. Eight tries bridge 90 s without network.
        patience_s: What a server may make one file wait in all (`Retry-After`); Hugging Face's window is 300 s.
        stall_window_s: A window in which fewer than `stall_bytes_per_second` arrived ends the connection.
        checkpoint_s: Between two moments at which the bytes are known to be on the disk.
    """

    tries: int = 8
    refill_bytes: int = 64 * 1024
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    patience_s: float = 900.0
    stall_window_s: float = 30.0
    stall_bytes_per_second: float = 1024.0
    checkpoint_s: float = 15.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class TryAgain(DownloadError):
    """The same request may succeed later.

    Attributes:
        wait_s: How long the server wants us to wait, None where it did not say.
    """

    def __init__(self, message: str, *, code: str, hint: str = GOES_ON, wait_s: float | None = None) -> None:
        super().__init__(message, code=code, hint=hint, retryable=True)
        self.wait_s = wait_s


class Budget:
    """Counts the failures of one transfer."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._failures = 0
        self._waited_s = 0.0
        self.attempt = 1

    def spend(self, error: DownloadError, gained_bytes: int) -> float:
        """Seconds to wait before the next try.

        Raises:
            DownloadError: The error itself, when the budget is used up.
        """
        if gained_bytes >= self._pace.refill_bytes:
            self._failures = 0
        self._failures += 1
        self.attempt += 1
        asked = error.wait_s if isinstance(error, TryAgain) else None
        if self._failures > self._pace.tries or self._waited_s + (asked or 0.0) > self._pace.patience_s:
            raise error
        self._waited_s += asked or 0.0
        grown: float = self._pace.first_wait_s * 2.0 ** min(self._failures - 1, 16)
        return max(asked or 0.0, min(grown, self._pace.longest_wait_s))


def nap(pace: Pace, seconds: float, cancelled: Cancelled) -> None:
    """Sleep in short pieces.

    Raises:
        Interrupted: `cancelled` became true.
    """
    end = pace.clock() + seconds
    check(cancelled)
    while (left := end - pace.clock()) > 0:
        pace.sleep(min(left, _LOOK_EVERY_S))
        check(cancelled)


def check(cancelled: Cancelled) -> None:
    """Raise `Interrupted` when the user stopped the run."""
    if cancelled():
        raise Interrupted("The download was stopped", hint=GOES_ON)
