"""Bytes of a file by place: a reader jumps from header to header and never takes in what lies between."""

from collections.abc import Callable
from typing import Final

ReadAt = Callable[[int, int], bytes]
"""`read_at(offset, length)`: at most `length` bytes from there; fewer at the end of the file."""

MAX_TEXT: Final = 64 * 1024 * 1024
"""Longest text taken out of a container; also after decompression."""

MAX_HEADERS: Final = 200_000
"""Most parts side by side that are looked at."""

MAX_READS: Final = 500_000
"""Most reads of one file: behind them, it looks as if it ended."""

MAX_TOTAL: Final = 256 * 1024 * 1024
"""Most bytes of one file that are taken in, likewise."""

Texts = list[tuple[str, bytes]]
"""Lower-case keys with their texts, in the order of the file."""


class Source:
    """A file of known size.

    Attributes:
        bytes_read: What was taken in so far.
    """

    def __init__(self, read_at: ReadAt, size: int) -> None:
        self._read_at = read_at
        self.size = size
        self.bytes_read = 0
        self._reads = 0

    def at(self, offset: int, length: int) -> bytes:
        """The bytes that are there: fewer, or none, where the file ends before; a length that lies costs nothing."""
        length = min(length, self.size - offset)
        self._reads += 1
        if offset < 0 or length <= 0 or self._reads > MAX_READS or self.bytes_read + length > MAX_TOTAL:
            return b""
        data = self._read_at(offset, length)
        self.bytes_read += len(data)
        return data

    def text(self, offset: int, length: int) -> bytes:
        """A text of sensible length; empty where the declared length is not."""
        return self.at(offset, length) if length <= MAX_TEXT else b""
