"""What the transfers of one run share: connections to each host, bytes a second, room on the disks."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import msgspec

from comfyfixer.download.growth import USUAL, Trial
from comfyfixer.download.pace import Cancelled, Pace, check
from comfyfixer.download.room import Room

_LOOK_EVERY_S: Final = 0.1
_AHEAD_S: Final = 0.1
_NEARLY_ALL: Final = 0.7
PER_FILE: Final = 4
PER_HOST: Final = 8


class Connections:
    """Counts the connections to each hub, so that no host sees more of them than is right. Thread-safe.

    A file's first connection waits for its turn. Further ones are taken only where one is free and no file waits.
    A hub and the storage that it sends to count as one.
    """

    def __init__(self, per_host: int = PER_HOST) -> None:
        self._per_host = per_host
        self._limits: dict[str, int] = {}
        self._used: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def first(self, host: str, cancelled: Cancelled) -> Iterator[None]:
        """The connection of one file; waits until the host has one free.

        Raises:
            Interrupted: `cancelled` became true.
        """
        with self._changed:
            self._waiting[host] += 1
            try:
                while self._used[host] >= self._limit(host):
                    check(cancelled)
                    self._changed.wait(_LOOK_EVERY_S)
            finally:
                self._waiting[host] -= 1
            self._used[host] += 1
        try:
            yield
        finally:
            self.release(host)

    def take(self, host: str) -> bool:
        """One more for a file that has one already; False where it has to do with what it has."""
        with self._changed:
            free = self._used[host] < self._limit(host) and not self._waiting[host]
            self._used[host] += free
            return free

    def are_wanted(self, host: str) -> bool:
        """Whether a file waits for its first one: who has several should give one back."""
        with self._changed:
            return self._waiting[host] > 0

    def hold(self, host: str) -> None:
        """Count one that is open whatever the limit says; given back with `release`."""
        with self._changed:
            self._used[host] += 1

    def release(self, host: str) -> None:
        """Give one back."""
        with self._changed:
            self._used[host] -= 1
            self._changed.notify_all()

    def allow_no_more(self, host: str) -> None:
        """The host refused one: for the rest of the run it gets no more than the others that it has now."""
        with self._changed:
            self._limits[host] = max(1, min(self._limit(host), self._used[host] - 1))

    def _limit(self, host: str) -> int:
        return self._limits.get(host, self._per_host)


class Throttle:
    """All transfers together get so many bytes a second, and are counted. Thread-safe.

    Args:
        bytes_per_second: None: as fast as they come.
    """

    def __init__(self, bytes_per_second: int | None = None) -> None:
        self.bytes_per_second = bytes_per_second
        self._lock = threading.Lock()
        self._free_at_s: float | None = None
        self._total = 0

    @property
    def total(self) -> int:
        """All bytes that came."""
        return self._total

    def most(self, wanted: int) -> int:
        """How many bytes to read at once, so that they come evenly."""
        return wanted if self.bytes_per_second is None else max(1, min(wanted, self.bytes_per_second // 8))

    def came(self, count: int, pace: Pace, cancelled: Cancelled) -> float:
        """Count bytes that came, and wait as long as they are too early; says how many seconds that was.

        Raises:
            Interrupted: `cancelled` became true.
        """
        with self._lock:
            self._total += count
            if self.bytes_per_second is None:
                return 0.0
            now = pace.clock()
            begin = max(self._free_at_s or now, now - _AHEAD_S)
            self._free_at_s = begin + count / self.bytes_per_second
            until = self._free_at_s
        while (left := until - pace.clock()) > 0:
            pace.sleep(min(left, _LOOK_EVERY_S))
            check(cancelled)
        return max(0.0, pace.clock() - now)


class Sharing:
    """One for each run.

    Args:
        per_file: Connections to one file at most; 1 never opens a second one.
        free_bytes: Free bytes on the disk of an existing folder; None: nobody looks.
        trial: When further connections to a file are tried. Below a limit they are no help: nearly all of it is enough.
    """

    def __init__(
        self,
        *,
        per_file: int = PER_FILE,
        per_host: int = PER_HOST,
        bytes_per_second: int | None = None,
        free_bytes: Callable[[str], int] | None = None,
        trial: Trial = USUAL,
    ) -> None:
        self.per_file = per_file
        if bytes_per_second is not None:
            trial = msgspec.structs.replace(trial, enough=min(trial.enough, _NEARLY_ALL * bytes_per_second))
        self.trial = trial
        self.connections = Connections(max(per_host, 1))
        self.throttle = Throttle(bytes_per_second)
        self.room = Room(free_bytes)
        self.trying = threading.Lock()  # one file at a time tries one more connection, or nobody knows what helped


def host_of(url: str) -> str:
    """What connections are counted by: scheme, host and port."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
