"""Who fetches which bytes of one file: pure bookkeeping; the caller holds a lock.

Connections take piece after piece in the file's order, large ones first and smaller ones towards the end: so the hash,
which needs the bytes in order, is never far behind, and all of them end together.
"""

from collections.abc import Iterable
from typing import Final

from comfyfixer.download.extents import Extent

_KNOWN_S: Final = 0.05
_RECENT_S: Final = 1.0
_PIECE_S: Final = 0.25
_PIECE_OPENINGS: Final = 10
_WORTH_S: Final = 0.1
_WORTH_OPENINGS: Final = 3
_PATIENCE_S: Final = 2.0
_SMALLEST: Final = 256 * 1024
_NEXT_TO_NONE: Final = 1.0


class Stretch:
    """The bytes `[at, stop)` that one connection still has to bring.

    Attributes:
        at: Bytes before it are written, or being written, by this connection and no other.
        written: Up to here they are.
        told: Up to here the journal knows of them.
        stop: Moves down when another connection takes over the end.
        owner: Whose end this is, until its own connection is open.
    """

    def __init__(self, at: int, stop: int, now: float, owner: "Stretch | None" = None) -> None:
        self.at = self.written = self.told = at
        self.stop = stop
        self.owner = owner
        self._from = at
        self._since_s = now
        self._mark = self._earlier = (now, at)

    @property
    def left(self) -> int:
        """Bytes that have still to come."""
        return max(0, self.stop - self.at)

    @property
    def gained(self) -> int:
        """Bytes that this connection brought."""
        return self.at - self._from

    @property
    def owners(self) -> "tuple[Stretch, ...]":
        """Whose end it is, and whose end that is, as long as no connection of theirs is open."""
        return () if self.owner is None else (self.owner, *self.owner.owners)

    def reserve(self, count: int) -> int:
        """How many of the bytes that came are this connection's to write: an end may have been taken over meanwhile."""
        mine = min(count, self.left)
        self.at += mine
        return mine

    def begin_at(self, at: int) -> None:
        """Bytes before this one are another connection's, which brought them meanwhile."""
        if at > self.at:
            self.at = self.written = self.told = self._from = min(at, self.stop)

    def opened(self, now: float) -> None:
        """Its connection begins to give bytes."""
        self._since_s, self._from = now, self.at
        self._mark = self._earlier = (now, self.at)

    def is_young(self, now: float) -> bool:
        """Whether it is too early to say that nothing comes."""
        return now - self._since_s < _PATIENCE_S

    def speed(self, now: float) -> float:
        """Bytes a second of late, of one whose connection is not open its owner's; as long as it is not known, and
        where nothing comes, next to none.
        """
        if self.owner is not None:
            return self.owner.speed(now) if self.owner.stop > self.at or self.is_young(now) else _NEXT_TO_NONE
        if now - self._mark[0] >= _RECENT_S:
            self._earlier, self._mark = self._mark, (now, self.at)
        since_s, before = self._earlier
        gained, passed = self.at - before, now - since_s
        return gained / passed if gained > 0 and passed > _KNOWN_S else _NEXT_TO_NONE


class Stretches:
    """All that are under way.

    Args:
        most: Connections at most.

    Attributes:
        opening_s: How long the last connection took to open: a rest that comes sooner is not divided again.
    """

    def __init__(self, total: int, most: int) -> None:
        self.total = total
        self._most = most
        self.opening_s = 0.0
        self._all: list[Stretch] = []

    def begin(self, at: int, now: float) -> Stretch:
        """The stretch of a connection that gives everything from `at` on."""
        self._all.append(Stretch(at, self.total, now))
        return self._all[-1]

    def next(self, holes: Iterable[Extent], now: float) -> Stretch | None:
        """What a free connection should ask for; None where the others are about to be done."""
        missing = tuple(holes)
        piece = self._piece(sum(end - start for start, end in missing), now)
        found = self._unclaimed(missing, piece, now) or self._promised(piece, now) or self._shared(piece, now)
        if found is not None:
            self._all.append(found)
        return found

    def opened(self, stretch: Stretch, now: float) -> None:
        """Its connection is open: from now on it, and no longer its owner, brings the bytes from its own first on, or
        from where its owners are by now. Each byte has one writer: what is hashed already must not change.
        """
        owners = stretch.owners
        for owner in owners:
            stretch.begin_at(owner.at)
        if stretch.left:
            for owner in owners:
                owner.stop = min(owner.stop, max(owner.at, stretch.at))
        stretch.owner = None
        stretch.opened(now)

    def end(self, stretch: Stretch) -> None:
        """Its connection brings no more: what is left of it is its owner's still, or anybody's."""
        self._all.remove(stretch)
        for one in self._all:
            if stretch in one.owners:
                one.begin_at(stretch.told)
            if one.owner is stretch:
                one.owner = stretch.owner

    def wants_help(self, holes: Iterable[Extent], now: float) -> bool:
        """Whether nobody is to bring some of the missing bytes, or somebody who is far too slow."""
        return self._unclaimed(holes, 1, now) is not None or any(self._lags(one, now) for one in self._all)

    def _piece(self, missing: int, now: float) -> int:
        """Bytes of the next piece: half of an even share, but no piece that comes in no time."""
        speed = max((one.speed(now) for one in self._all), default=1.0)
        worth = int(speed * max(_PIECE_S, _PIECE_OPENINGS * self.opening_s))
        return max(_SMALLEST, missing // (2 * self._most), min(worth, missing // self._most))

    def _promised(self, piece: int, now: float) -> Stretch | None:
        """What stays the owner's behind those that are to take over its end, until one of them has opened."""
        for owner in self._all:
            start = max((one.stop for one in self._all if one.owner is owner), default=owner.stop)
            if owner.at < start < owner.stop:
                return Stretch(start, min(owner.stop, start + piece), now, owner=owner)
        return None

    def _shared(self, piece: int, now: float) -> Stretch | None:
        """From whom it takes the longest: what it need not bring itself, or half of its last piece; and all that is
        left, where that is little and hardly comes.
        """
        owner = max(self._all, key=lambda one: self._remaining(one) / one.speed(now), default=None)
        if owner is None:
            return None
        left = self._remaining(owner)
        if left < 2 * _SMALLEST:
            return Stretch(owner.at, owner.at + left, now, owner=owner) if self._lags(owner, now) else None
        if left / owner.speed(now) < max(_WORTH_S, _WORTH_OPENINGS * self.opening_s):
            return None
        start = owner.at + (piece if left > 2 * piece else left - left // 2)
        return Stretch(start, min(owner.at + left, start + piece), now, owner=owner)

    def _lags(self, stretch: Stretch, now: float) -> bool:
        """Whether its rest would come sooner over a connection that has still to be opened."""
        left = self._remaining(stretch)
        patience_s = max(_PATIENCE_S, _WORTH_OPENINGS * self.opening_s)
        return bool(left) and not stretch.is_young(now) and left / stretch.speed(now) > patience_s

    def _remaining(self, stretch: Stretch) -> int:
        """Bytes that are left to it when all that are to take over its end have opened."""
        taken = min((one.at for one in self._all if one.owner is stretch), default=stretch.stop)
        return max(0, min(taken, stretch.stop) - stretch.at)

    def _unclaimed(self, holes: Iterable[Extent], piece: int, now: float) -> Stretch | None:
        """The first bytes that are neither here nor under way."""
        for hole in holes:
            start, end = hole
            for one in sorted(self._all, key=lambda one: one.told):
                if one.told <= start < one.stop:
                    start = one.stop
                elif start < one.told < end:
                    end = one.told
            if start < end:
                return Stretch(start, min(end, start + piece), now)
        return None
