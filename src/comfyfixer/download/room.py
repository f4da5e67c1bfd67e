"""Free disk space while the files come: other programs write too, and sizes are not always known beforehand."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from comfyfixer.download.space import disk_full, nearest_folder
from comfyfixer.errors import DownloadError
from comfyfixer.paths import printable

LOOK_EVERY_S: Final = 2.0


class Claim:
    """One file under way.

    Attributes:
        lacking: Bytes that have still to be written.
    """

    def __init__(self, filename: str, folder: Path, volume: int) -> None:
        self.filename = filename
        self.folder = folder
        self.volume = volume
        self.lacking = 0


class Room:
    """Which files under way still fit on their disk, the first begun ones first. Thread-safe.

    Args:
        free_bytes: Free bytes on the disk of an existing folder; None: nobody looks.
    """

    def __init__(self, free_bytes: Callable[[str], int] | None) -> None:
        self._free_bytes = free_bytes
        self._claims: list[Claim] = []
        self._lock = threading.Lock()

    @contextmanager
    def claimed(self, target: Path) -> Iterator[Claim]:
        """The claim of one file, from its beginning to its end."""
        folder = nearest_folder(target.parent)
        claim = Claim(target.name, folder, os.stat(folder).st_dev)
        with self._lock:
            self._claims.append(claim)
        try:
            yield claim
        finally:
            with self._lock:
                self._claims.remove(claim)

    def look(self, claim: Claim, lacking: int) -> None:
        """Say how much a file still needs, and whether that fits beside what was begun before it.

        Raises:
            DownloadError: `disk-full`: this one has to stop; smaller ones may go on.
        """
        claim.lacking = max(0, lacking)
        if self._free_bytes is None:
            return
        try:
            free = self._free_bytes(os.fspath(claim.folder))
        except OSError:
            return  # the disk itself is gone: the next write tells
        if (left := self._left_for(claim, free)) < claim.lacking:
            raise _full(claim, left)

    def _left_for(self, claim: Claim, free: int) -> int:
        """What the earlier ones that fit leave over."""
        with self._lock:
            earlier = self._claims[: self._claims.index(claim)]
            for other in earlier:
                if other.volume == claim.volume and other.lacking <= free:
                    free -= other.lacking
        return free


def _full(claim: Claim, left: int) -> DownloadError:
    return disk_full(claim.filename, claim.lacking, left, printable(claim.folder))
