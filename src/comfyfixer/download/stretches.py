"""Who fetches which bytes of one file: pure bookkeeping; the caller holds a lock."""

from collections.abc import Iterable
from typing import Final

from comfyfixer.download.extents import Extent

_WORTH_S: Final = 0.1
_WORTH_OPENINGS: Final = 3
_SMALLEST: Final = 256 * 1024


class Stretch:
    """The bytes `[at, stop)` that one connection still has to bring.

    Attributes:
        told: Up to here the journal knows what this connection brought.
        stop: Moves down when another connection takes over the end.
        owner: Whose end this is, until its own connection is open.
    """

    def __init__(self, at: int, stop: int, now: float, owner: "Stretch | None" = None) -> None:
        self.at = self.told = at
        self.stop = stop
        self.owner = owner
        self._from = at
        self._since_s = now

    @property
    def left(self) -> int:
        """Bytes that have still to come."""
        return max(0, self.stop - self.at)

    @property
    def gained(self) -> int:
        """Bytes that this connection brought."""
        return self.at - self._from

    def opened(self, now: float) -> None:
        """Its connection begins to give bytes."""
        self._since_s, self._from = now, self.at

    def speed(self, now: float) -> float:
        """Bytes a second so far, of one whose connection is not open its owner's; without a byte yet, next to none."""
        if self.owner is not None:
            return self.owner.speed(now)
        passed = now - self._since_s
        return self.gained / passed if self.gained and passed > 0 else 1.0


class Stretches:
    """All that are under way.

    Attributes:
        opening_s: How long the last connection took to open: a rest that comes sooner is not divided again.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.opening_s = 0.0
        self._all: list[Stretch] = []

    def begin(self, at: int, now: float) -> Stretch:
        """The stretch of a connection that gives everything from `at` on."""
        self._all.append(Stretch(at, self.total, now))
        return self._all[-1]

    def next(self, holes: Iterable[Extent], now: float) -> Stretch | None:
        """What a free connection should ask for; None where the others are about to be done."""
        hole = self._unclaimed(holes)
        if hole is not None:
            self._all.append(Stretch(*hole, now))
            return self._all[-1]
        longest = max(self._all, key=lambda one: self._remaining(one) / one.speed(now), default=None)
        if longest is None:
            return None
        left = self._remaining(longest)
        worth_s = max(_WORTH_S, _WORTH_OPENINGS * self.opening_s)
        if left < 2 * _SMALLEST or left / longest.speed(now) < worth_s:
            return None
        end = longest.at + left
        self._all.append(Stretch(end - left // 2, end, now, owner=longest))
        return self._all[-1]

    def opened(self, stretch: Stretch, now: float) -> None:
        """Its connection is open: from now on it, and no longer its owner, brings the bytes from its own first on."""
        if stretch.owner is not None:
            stretch.owner.stop = min(stretch.owner.stop, max(stretch.at, stretch.owner.at))
            stretch.owner = None
        stretch.opened(now)

    def end(self, stretch: Stretch) -> None:
        """Its connection brings no more: what is left of it is its owner's still, or anybody's."""
        self._all.remove(stretch)
        for one in self._all:
            if one.owner is stretch:
                one.owner = stretch.owner

    def _remaining(self, stretch: Stretch) -> int:
        """Bytes that are left to it when all that are to take over its end have opened."""
        taken = min((one.at for one in self._all if one.owner is stretch), default=stretch.stop)
        return max(0, min(taken, stretch.stop) - stretch.at)

    def _unclaimed(self, holes: Iterable[Extent]) -> Extent | None:
        """The first bytes that are neither here nor under way."""
        for hole in holes:
            start, end = hole
            for one in sorted(self._all, key=lambda one: one.told):
                if one.told <= start < one.stop:
                    start = one.stop
                elif start < one.told < end:
                    end = one.told
            if start < end:
                return start, end
        return None
