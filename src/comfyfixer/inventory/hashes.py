"""What files hash to, kept between runs, and what each file is recorded to be.

Two tables, as they answer two questions. `hash` is a cache: what a file hashed to while it had the size, time and inode
that it has now. `record` is a promise: what the file at a path is meant to be; nothing but `record` replaces an entry,
so a file that changed in silence still differs from its record after its new hash is in the cache.
"""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from comfyfixer.inventory.hash_file import HashFile
from comfyfixer.model.event import Emit
from comfyfixer.paths import openable, printable

_SETTLED_NS: Final = 2_000_000_000


class FileStamp(msgspec.Struct, frozen=True):
    """Size, modification time, identity: a file that was changed differs in one of them."""

    size_bytes: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str) -> "FileStamp | None":
        """The stamp of the file that a path leads to; None where there is none that can be looked at."""
        try:
            return cls.from_status(os.stat(openable(path)))
        except (OSError, ValueError):
            return None

    @classmethod
    def from_status(cls, status: os.stat_result) -> "FileStamp":
        """The stamp in what `stat` said."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    def settled(self) -> bool:
        """Whether a change from now on would show: the time of a file that changed just now may have coarse ticks."""
        return abs(time.time_ns() - self.mtime_ns) > _SETTLED_NS

    @property
    def text(self) -> str:
        """As the cache keeps it: an inode may be larger than its integers."""
        return f"{self.size_bytes} {self.mtime_ns} {self.inode}"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What the file at a path is meant to be.

    Attributes:
        told_by: `download` (placed by us), `verify` or `inventory` (found so at the first look), `accept` (declared on
            purpose).
        at: Seconds since 1970.
    """

    path: str
    sha256: str
    size_bytes: int
    told_by: str
    at: float


class HashCache:
    """Hashes by absolute path. Thread-safe, fit for several processes at once, and never raises.

    A damaged file is put aside as `<name>.broken` and a new one begun; one that can't be written costs time only. Both
    are told once, as `problem.found`.

    Args:
        path: File of the cache; None keeps hashes in memory, for this run only.
    """

    def __init__(self, path: Path | None, emit: Emit) -> None:
        self._file = HashFile(path, emit)

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- what files hash to ------------------------------------------------------------------------------------------

    def known(self, path: str) -> dict[str, str]:
        """Algorithm to lower-case hex; empty where the file was not hashed, or changed since."""
        stamp = FileStamp.of(path)
        return self._known(path, stamp) if stamp else {}

    def _known(self, path: str, stamp: FileStamp) -> dict[str, str]:
        rows = self._file.ask("SELECT stamp, hashes FROM hash WHERE path = ?", (path_key(path),))
        return next((_hashes(hashes) for kept, hashes in rows if kept == stamp.text), {})

    def known_of(self, stamps: Mapping[str, FileStamp]) -> dict[str, dict[str, str]]:
        """What `known` says of many files that were just looked at, in one go; those of which nothing is known are left
        out.
        """
        rows = self._file.ask("SELECT path, stamp, hashes FROM hash")
        kept = {path: (stamp, hashes) for path, stamp, hashes in rows}
        found = ((path, stamp, kept.get(path_key(path))) for path, stamp in stamps.items())
        return {path: _hashes(row[1]) for path, stamp, row in found if row and row[0] == stamp.text}

    def paths_with(self, sha256: str) -> tuple[str, ...]:
        """Paths of the files, unchanged since they were hashed, that have this SHA-256; sorted."""
        rows = self._file.ask("SELECT path, stamp FROM hash WHERE sha256 = ? ORDER BY path", (sha256.lower(),))
        return tuple(path for path, kept in rows if (stamp := FileStamp.of(path)) and stamp.text == kept)

    def remember(self, path: str, hashes: Mapping[str, str], stamp: FileStamp | None = None) -> None:
        """Keep a file's hashes, its SHA-256 among them, beside those that are known of the same bytes.

        Args:
            stamp: The file's, taken before it was read. A file that is another since then, or that changed so lately
                that a further change might not show in its time, is not remembered.
        """
        now = FileStamp.of(path)
        if now is not None and stamp in (None, now) and now.settled():
            self._keep(path, now, hashes)

    def _keep(self, path: str, stamp: FileStamp, hashes: Mapping[str, str]) -> None:
        kept = self._known(path, stamp)
        merged = {**kept, **hashes} if kept.get("sha256") == hashes["sha256"] else dict(hashes)
        row = (path_key(path), stamp.text, hashes["sha256"], msgspec.json.encode(merged).decode())
        self._file.ask("INSERT OR REPLACE INTO hash VALUES (?, ?, ?, ?)", row)

    # --- what files are meant to be ----------------------------------------------------------------------------------

    def records(self) -> dict[str, Recorded]:
        """What every file that was ever recorded is meant to be, by path."""
        rows = self._file.ask("SELECT path, sha256, size_bytes, told_by, at FROM record ORDER BY path")
        return {row[0]: _recorded(row) for row in rows}

    def record(self, path: str, sha256: str, size_bytes: int, told_by: str) -> None:
        """Declare what the file at a path is meant to be, in place of what was declared before."""
        row = (path_key(path), sha256, size_bytes, told_by, time.time())
        self._file.ask("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)", row)

    def record_first(self, path: str, sha256: str, size_bytes: int, told_by: str) -> None:
        """Declare what a file is meant to be, unless that was declared before."""
        row = (path_key(path), sha256, size_bytes, told_by, time.time())
        self._file.ask("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?)", row)

    def record_placed(self, path: str, sha256: str) -> None:
        """Declare and remember what this process hashed while it wrote it: there was no other writer."""
        if stamp := FileStamp.of(path):
            self._keep(path, stamp, {"sha256": sha256})
            self.record(path, sha256, stamp.size_bytes, "download")

    def forget(self, paths: Iterable[str]) -> None:
        """Drop what was declared of files that are meant to be gone."""
        for path in paths:
            self._file.ask("DELETE FROM record WHERE path = ?", (path_key(path),))


def path_key(path: str) -> str:
    """The absolute path that the cache knows a file by."""
    return printable(os.path.abspath(path))


def _hashes(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:
        return {}


def _recorded(row: tuple[Any, ...]) -> Recorded:
    path, sha256, size_bytes, told_by, at = row
    return Recorded(path=path, sha256=sha256, size_bytes=size_bytes, told_by=told_by, at=at)
