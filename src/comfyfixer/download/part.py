"""The unfinished file beside the target, and its journal: whose bytes these are, and which of them are here."""

import contextlib
import os
import threading
from io import FileIO
from types import TracebackType
from typing import Final, Self

import msgspec

from comfyfixer.digests import Digests
from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.download.extents import Extent, Extents
from comfyfixer.download.pace import Cancelled, check
from comfyfixer.download.part_journal import PartJournal, boot

_CHUNK: Final = 1024 * 1024


class Part:
    """The bytes that are here, hashed in their order. The caller holds the target's lock.

    With one connection the part is as long as its bytes, and `append` does everything. With several, each writes where
    its stretch lies (`Writer`), the journal knows the stretches, and `hash_on` follows behind them. Other threads use
    a `Writer` only.

    The journal is written before the part is made: a part without one is never taken for ours again.

    Attributes:
        size: Bytes from the first on that are here and hashed.
        digests: Of those bytes.
    """

    def __init__(self, paths: PartPaths, record: PartRecord, digests: Digests) -> None:
        self.paths = paths
        self.record = msgspec.structs.replace(record, boot=boot())
        self.size = 0
        self.digests = digests
        self._ahead = Extents()
        self._lock = threading.Lock()
        self._journal = PartJournal(paths)
        self._journal.begin(self.record)
        self._file = _open_itself(paths)

    @property
    def here(self) -> int:
        """All bytes that are here, hashed or not."""
        with self._lock:
            return self.size + self._ahead.count_from(self.size)

    @property
    def is_scattered(self) -> bool:
        """Whether bytes lie behind a gap: then the part's length says nothing."""
        return self.record.front is not None

    def holes(self, total: int) -> list[Extent]:
        """The stretches that are not here."""
        with self._lock:
            return list(self._ahead.holes(self.size, total))

    def append(self, chunk: bytes | memoryview) -> None:
        """Write behind the last byte. When that fails, the file ends where it ended before."""
        view = memoryview(chunk)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.seek(self.size)
                self._file.truncate(self.size)
            raise
        self.digests.update(chunk)
        self.size += len(chunk)

    def scatter(self) -> None:
        """From now on the journal tells which bytes are here: several connections may write."""
        if not self.is_scattered:
            self.record = msgspec.structs.replace(self.record, front=self.size)
            self._write_record()

    def gather(self) -> bool:
        """Go back to one connection where no bytes lie behind a gap any more; False where some do."""
        while self.hash_on(_CHUNK):
            continue
        with self._lock:
            if self._ahead.count:
                return False
            self._file.truncate(self.size)
            self._file.seek(self.size)
            self.record = msgspec.structs.replace(self.record, front=None, ahead=(), ahead_flushed=())
            self._write_record()
            return True

    def arrived(self, start: int, end: int) -> None:
        """A stretch was written: say so in the journal. For `Writer`, in any thread."""
        with self._lock:
            self._ahead.add(start, end)
            if self._journal.is_long:
                self._write_record()
            else:
                self._journal.add(start, end)

    def hash_on(self, most: int) -> int:
        """Hash what has come behind the hashed bytes, without a gap, and at most `most` bytes; says how many."""
        with self._lock:
            end = min(self._ahead.end_from(self.size), self.size + most)
        begun = self.size
        self._read_on(end)
        if self.size != begun:
            with self._lock:
                self._ahead.drop_below(self.size)
        return self.size - begun

    def restart(self) -> None:
        """Throw the bytes away: they are not the beginning of this file."""
        self._file.seek(0)
        self._file.truncate(0)
        self.digests.restart()
        self.size = 0
        self._ahead = Extents()
        was_scattered = self.is_scattered
        self.record = msgspec.structs.replace(
            self.record, etag=None, last_modified=None, bytes_flushed=0, front=None, ahead=(), ahead_flushed=()
        )  # fmt: skip
        if was_scattered:
            self._write_record()

    def take_over(self, front: int, ahead: tuple[Extent, ...], cancelled: Cancelled) -> None:
        """Go on behind the bytes of an earlier run, re-hashed from the disk; what nobody vouches for is cut off."""
        length = os.fstat(self._file.fileno()).st_size
        self._ahead = Extents((start, min(end, length)) for start, end in ahead)
        self._ahead.drop_below(front)
        self._file.truncate(min(length, max([front, *(end for _, end in self._ahead.all)])))
        self._read_on(min(front, length), cancelled)
        while self._ahead.count and self.hash_on(_CHUNK):
            check(cancelled)
        if self._ahead.count:
            self.scatter()

    def note(self, *, etag: str | None, last_modified: str | None) -> None:
        """Remember what the storage said of this version of the file; at once where no hash will tell more."""
        self.record = msgspec.structs.replace(self.record, etag=etag, last_modified=last_modified)
        if self.record.sha256 is None:
            self._write_record()

    def keep_record(self) -> None:
        """Write the journal as it is now: the older one speaks of stretches that have become one."""
        self._write_record()

    def checkpoint(self) -> None:
        """Wait until the bytes are on the disk, then say so in the journal."""
        with self._lock:
            size, ahead = self.size, self._ahead.all
        os.fsync(self._file.fileno())
        with self._lock:
            self.record = msgspec.structs.replace(self.record, bytes_flushed=size, ahead_flushed=ahead)
            self._write_record()

    def close(self) -> None:
        """Close the file; part and journal stay."""
        self._file.close()
        self._journal.close()

    def discard(self) -> None:
        """Close and remove the part and its journal."""
        self.close()
        self.paths.forget()

    def _read_on(self, end: int, cancelled: Cancelled = lambda: False) -> None:
        """Hash the bytes from `size` up to `end`; the file stands behind them then."""
        view = memoryview(bytearray(min(_CHUNK, max(0, end - self.size))))
        self._file.seek(self.size)
        while self.size < end and (count := self._file.readinto(view[: end - self.size])):
            self.digests.update(view[:count])
            self.size += count
            check(cancelled)

    def _write_record(self) -> None:
        if self.is_scattered:
            self.record = msgspec.structs.replace(self.record, front=self.size, ahead=self._ahead.all)
        self._journal.write(self.record)


class Writer:
    """Writes stretches of one part in a thread of its own, through a handle of its own."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._file = _open_itself(part.paths)

    def write(self, at: int, chunk: memoryview) -> None:
        """Write, without telling: a killed run does not know of these bytes yet.

        Raises:
            OSError: The part can't be written.
        """
        self._file.seek(at)
        while chunk:
            chunk = chunk[self._file.write(chunk) or 0 :]

    def tell(self, start: int, end: int) -> None:
        """Say that all of this was written."""
        if start < end:
            self._part.arrived(start, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def _open_itself(paths: PartPaths) -> FileIO:
    """The part for writing anywhere and reading; never what a link of its name leads to."""
    further = os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    return open(paths.part, "rb+", buffering=0, opener=lambda path, flags: os.open(path, flags | further, 0o666))
