"""The hot loop: bytes from the connection into the part, hashed on the way, with progress and a watch for stalls."""

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from comfyfixer.download.pace import Cancelled, Pace, TryAgain, check
from comfyfixer.download.part import Part
from comfyfixer.download.room import LOOK_EVERY_S
from comfyfixer.download.sharing import Throttle
from comfyfixer.download.wire import Answer
from comfyfixer.model.event import Emit

CHUNK: Final = 1024 * 1024
"""What is read at once, over all connections of a file; and what a killed run may lose of it at most."""
_TELL_EVERY_S: Final = 0.2
_RATE_OVER_S: Final = 5.0


class Meter:
    """Turns bytes into progress events, at most five a second, with the rate of the last seconds."""

    def __init__(self, filename: str, total: int | None, emit: Emit, pace: Pace) -> None:
        self.total = total
        self._filename = filename
        self._emit = emit
        self._clock = pace.clock
        self._marks: deque[tuple[float, int]] = deque()
        self._next_s = 0.0

    def start(self, done: int) -> None:
        """A connection begins with `done` bytes here already: those don't count as speed."""
        self._marks.clear()
        self._marks.append((self._clock(), done))
        self._next_s = self._clock() + _TELL_EVERY_S

    def tick(self, now: float, done: int) -> None:
        """Tell, when it is time to."""
        if now >= self._next_s:
            self.tell(now, done)

    def tell(self, now: float, done: int) -> None:
        """Tell how far it is."""
        self._next_s = now + _TELL_EVERY_S
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= _RATE_OVER_S:
            self._marks.popleft()
        since_s, before = self._marks[0]
        rate = (done - before) / (now - since_s) if now > since_s else 0.0
        left = None if self.total is None else max(0, self.total - done)
        eta = left / rate if left is not None and rate > 0 else None
        self._emit(
            "download.progressed", filename=self._filename, bytes_done=done, bytes_total=self.total,
            bytes_per_second=round(rate, 1), eta_seconds=None if eta is None else round(eta, 1),
        )  # fmt: skip


class StallWatch:
    """Ends a connection that gives too little: a socket's time-out never sees one that drips."""

    def __init__(self, pace: Pace, now: float, done: int) -> None:
        self._pace = pace
        self._since_s = now
        self._before = done

    def look(self, now: float, done: int) -> None:
        """Compare the present window with the least that has to come.

        Raises:
            TryAgain: `download-stalled`.
        """
        passed = now - self._since_s
        if passed < self._pace.stall_window_s:
            return
        if done - self._before < passed * self._pace.stall_bytes_per_second:
            raise TryAgain(f"Only {done - self._before} bytes came in {passed:.0f} s", code="download-stalled")
        self._since_s, self._before = now, done

    def forgive(self, seconds: float) -> None:
        """So long it was we who did not read."""
        self._since_s += seconds


class Flow(msgspec.Struct, kw_only=True):
    """What goes on beside the bytes of one file.

    Attributes:
        look: Called now and then with the bytes that are here; may raise to end the transfer.
        divide: Asked now and then, with the time and the bytes that are here, how many more connections are to help.
        paused: Told when it was we who did not read for a while.
    """

    meter: Meter
    pace: Pace
    cancelled: Cancelled
    throttle: Throttle
    look: Callable[[int], None] = lambda _here: None
    divide: Callable[[float, int], int] = lambda _now, _here: 0
    paused: Callable[[], None] = lambda: None


def pour(answer: Answer, part: Part, *, limit: int | None, flow: Flow) -> int:
    """Append what comes to the part, until the answer ends or the part has `limit` bytes.

    Returns:
        How many more connections are to help: the answer is still open then, and the rest has still to come.

    Raises:
        DownloadError: The connection broke off or stalls; what came is in the part.
        Interrupted: `cancelled` became true; what came is in the part.
        OSError: The part can't be written.
    """
    pace, throttle = flow.pace, flow.throttle
    now = pace.clock()
    watch = StallWatch(pace, now, part.size)
    rounds = Rounds(pace, now)
    flow.meter.start(part.size)
    buffer = memoryview(bytearray(throttle.most(CHUNK)))
    try:
        while limit is None or part.size < limit:
            check(flow.cancelled)
            count = answer.read_into(buffer if limit is None else buffer[: limit - part.size])
            if not count:
                break
            part.append(buffer[:count])
            watch.forgive(throttle.came(count, pace, flow.cancelled))
            now = pace.clock()
            flow.meter.tick(now, part.size)
            watch.look(now, part.size)
            if rounds.look(now, part, flow):
                flow.paused()
            if more := flow.divide(now, part.size):
                return more
        return 0
    finally:
        flow.meter.tell(pace.clock(), part.size)


class Rounds:
    """What is done now and then while bytes come: the disk is looked at, and the journal follows."""

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._next_look_s = now + LOOK_EVERY_S
        self._next_checkpoint_s = now + pace.checkpoint_s

    def look(self, now: float, part: Part, flow: Flow) -> bool:
        """Do what is due; says whether that was to wait for the disk."""
        if now >= self._next_look_s:
            self._next_look_s = now + LOOK_EVERY_S
            flow.look(part.here)
        if now >= self._next_checkpoint_s:
            part.checkpoint()
            self._next_checkpoint_s = self._pace.clock() + self._pace.checkpoint_s
            return True
        return False
