"""Which bytes of a file are here: stretches `(start, end)`, sorted, apart from each other."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

Extent = tuple[int, int]


class Extents:
    """A set of bytes. Not thread-safe."""

    def __init__(self, extents: Iterable[Extent] = ()) -> None:
        self._all: list[Extent] = []
        for start, end in extents:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Add the bytes from `start` up to `end`; those that are in already don't matter."""
        if start >= end:
            return
        first = bisect_left(self._all, start, key=lambda extent: extent[1])
        last = first
        while last < len(self._all) and self._all[last][0] <= end:
            start, end = min(start, self._all[last][0]), max(end, self._all[last][1])
            last += 1
        self._all[first:last] = [(start, end)]

    def drop_below(self, limit: int) -> None:
        """Forget every byte before `limit`."""
        self._all = [(max(start, limit), end) for start, end in self._all if end > limit]

    def end_from(self, at: int) -> int:
        """Up to where every byte from `at` on is here; `at` itself where that byte is not."""
        return next((end for start, end in self._all if start <= at < end), at)

    def holes(self, start: int, end: int) -> Iterator[Extent]:
        """The stretches between `start` and `end` that are not here."""
        for here, beyond in self._all:
            if start >= end:
                return
            if start < here:
                yield start, min(here, end)
            start = max(start, beyond)
        if start < end:
            yield start, end

    @property
    def count(self) -> int:
        """How many bytes are here."""
        return sum(end - start for start, end in self._all)

    def count_from(self, at: int) -> int:
        """How many bytes from `at` on are here."""
        return sum(max(0, end - max(start, at)) for start, end in self._all)

    @property
    def all(self) -> tuple[Extent, ...]:
        """The stretches in order."""
        return tuple(self._all)
