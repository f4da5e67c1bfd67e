"""Whether more connections to the same file pay: tried, measured, and further ones only where more bytes come."""

import math
from typing import Final

import msgspec


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers behind it.

    Attributes:
        first_s: How long the first connection's rate is measured.
        window_s: How long the rate is measured after each change.
        enough: Bytes a second beyond which hash and disk are about to be the limit, and not the server.
        plainly_slow: Below this share of `enough` one look at a connection is enough to help it; else it takes two.
        worth_s: A rest that comes sooner than this is not divided.
        gain: Share of what a connection would bring at best (two give twice the bytes) that it has to bring.
        full_gain: From this share on, as many are opened at once as it seems to take.
        again_s: After a try that brought nothing; then twice as long, and so on up to `longest_s`.
    """

    first_s: float = 0.05
    window_s: float = 0.1
    enough: float = 250e6
    plainly_slow: float = 0.25
    worth_s: float = 1.0
    gain: float = 0.35
    full_gain: float = 0.5
    again_s: float = 5.0
    longest_s: float = 60.0


USUAL: Final = Trial()


class Growth:
    """Watches the bytes of one file's connections.

    Args:
        most: Connections at most.
    """

    def __init__(self, most: int, trial: Trial = USUAL) -> None:
        self.most = most
        self.rate = 0.0
        self._trial = trial
        self._window_s = trial.first_s
        self._since_s: float | None = None
        self._before = 0
        self._connections = 0
        self._fewer: tuple[int, float] | None = None
        self._is_doubted = False
        self._not_before_s = float("-inf")
        self._pause_s = trial.again_s

    def wants(self, now: float, came: int, connections: int, left: int) -> int:
        """How many more to open now; 0 while it is not known, or where more would not pay.

        Args:
            came: All bytes that have come, of all files together: what another file loses is no gain.
            connections: How many give bytes now.
            left: Bytes of this file that have still to come.
        """
        if connections != self._connections or self._since_s is None:
            self._begin(now, came, connections)
            return 0
        passed = now - self._since_s
        if passed < self._window_s or not passed:
            return 0
        self._window_s = self._trial.window_s
        self.rate = (came - self._before) / passed
        self._since_s, self._before = now, came
        more = self._more(now, connections)
        if self.rate >= self._trial.enough:
            self._is_doubted = False
        return min(more, self.most - connections) if self._is_worth(left) else 0

    def anew(self) -> None:
        """A connection begins: what was before, and the wait for it, is no measure."""
        self._since_s, self._connections = None, 0
        self._window_s = self._trial.first_s

    def waits(self, now: float) -> bool:
        """Whether the last try was in vain, not long ago."""
        return now < self._not_before_s

    def failed(self, now: float) -> None:
        """The further connection could not be had: not again for a while. Several at once are one failure."""
        if not self.waits(now):
            self._wait(now)
        self._fewer = None

    def _begin(self, now: float, came: int, connections: int) -> None:
        self._fewer = (self._connections, self.rate) if connections > self._connections > 0 else None
        self._is_doubted = False
        self._connections, self._since_s, self._before = connections, now, came

    def _more(self, now: float, connections: int) -> int:
        """As many as it seems to take, or one where the last ones brought less than they could; none where they did not
        pay.
        """
        gained, trial = self._share_gained(connections), self._trial
        doubtful = self.rate > trial.enough * trial.plainly_slow if gained is None else gained < trial.gain
        if doubtful and not self._is_doubted:
            self._is_doubted = True  # one bad moment proves nothing: it is measured once more
            return 0
        self._fewer = None
        if gained is not None and gained < trial.gain:
            self._wait(now)
        elif gained is not None:
            self._pause_s = trial.again_s
        if self.waits(now):
            return 0
        return self._lacking(connections) if gained is None or gained >= trial.full_gain else 1

    def _lacking(self, connections: int) -> int:
        """How many more it takes if each gives what one of these gives."""
        one = self.rate / max(connections, 1)
        if self.most * one <= self._trial.enough:
            return self.most - connections
        return max(1, math.ceil(self._trial.enough / one) - connections)

    def _share_gained(self, connections: int) -> float | None:
        """How much of the bytes that the newest connections could bring at best they did bring; None: none is new."""
        if self._fewer is None:
            return None
        before, rate = self._fewer
        return (self.rate / rate - 1) / (connections / before - 1) if rate else 1.0

    def _is_worth(self, left: int) -> bool:
        return self.rate < self._trial.enough and left > self.rate * self._trial.worth_s

    def _wait(self, now: float) -> None:
        self._not_before_s = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, self._trial.longest_s)
