"""One connection's bytes into the part, in a thread of its own: read, reserved, written, told."""

import threading
from collections.abc import Callable

from comfyfixer.download.pace import TryAgain
from comfyfixer.download.part import Writer
from comfyfixer.download.stretches import Stretch
from comfyfixer.download.transfer import Flow, StallWatch
from comfyfixer.download.wire import Answer


class Taking:
    """How all connections of one file take what they are given.

    Args:
        piece: Bytes that are read at once, and after which the journal is told.
        changed: Guards every stretch.
        is_stopped: Whether all is ended.
    """

    def __init__(self, flow: Flow, piece: int, changed: threading.Condition, is_stopped: Callable[[], bool]) -> None:
        self._flow = flow
        self._piece = piece
        self._changed = changed
        self._is_stopped = is_stopped

    def take(self, stretch: Stretch, answer: Answer, writer: Writer, passed_over: int) -> None:
        """Write what comes, and tell it chunk by chunk; but the first bytes are here already."""
        flow = self._flow
        buffer = memoryview(bytearray(flow.throttle.most(self._piece)))
        watch, came = StallWatch(flow.pace, flow.pace.clock(), 0), 0
        try:
            while (left := passed_over - came if came < passed_over else stretch.left) and not self._is_stopped():
                count = answer.read_into(buffer[:left])
                if not count:
                    raise TryAgain(f"The connection ended after {stretch.gained} bytes", code="download-interrupted")
                if came >= passed_over and not self._written(stretch, buffer[:count], writer):
                    return
                came += count
                watch.forgive(flow.throttle.came(count, flow.pace, flow.cancelled))
                watch.look(flow.pace.clock(), came)
        finally:
            self._tell(writer, stretch)

    def _written(self, stretch: Stretch, chunk: memoryview, writer: Writer) -> bool:
        """Write what is this connection's of it; False where nothing is, or where all is ended: what comes of an ended
        connection is not the file.
        """
        with self._changed:
            if self._is_stopped():
                return False
            at = stretch.at
            mine = stretch.reserve(len(chunk))
        writer.write(at, chunk[:mine])
        stretch.written += mine
        if stretch.written - stretch.told >= self._piece or not stretch.left:
            self._tell(writer, stretch)
        return mine > 0

    def _tell(self, writer: Writer, stretch: Stretch) -> None:
        writer.tell(stretch.told, stretch.written)
        with self._changed:
            stretch.told = stretch.written
