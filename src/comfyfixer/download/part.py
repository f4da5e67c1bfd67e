"""The unfinished file beside the target, and its journal: whose bytes these are, and how many reached the disk."""

import contextlib
import os
from io import FileIO
from typing import Final

import msgspec

from comfyfixer.digests import Digests
from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.download.expected import Expected
from comfyfixer.download.pace import Cancelled, check
from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.model.candidate import Candidate
from comfyfixer.redact import redact

_CHUNK: Final = 1024 * 1024


class Part:
    """The bytes that are here, hashed while they come. Not thread-safe; the caller holds the target's lock.

    The journal is written before the part is made: a part without one is never taken for ours again.

    Attributes:
        digests: Of the bytes so far.
    """

    def __init__(self, paths: PartPaths, record: PartRecord, digests: Digests) -> None:
        self.paths = paths
        self.record = record
        self.size = 0
        self.digests = digests
        if paths.record() is None:
            _write(paths, record)
        self._file = _open_itself(paths)

    def append(self, chunk: bytes) -> None:
        """Write behind the last byte. When that fails, the file ends where it ended before."""
        view = memoryview(chunk)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self.size)
            raise
        self.digests.update(chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Throw the bytes away: they are not the beginning of this file."""
        self._file.truncate(0)
        self.digests.restart()
        self.size = 0
        self.record = msgspec.structs.replace(self.record, etag=None, last_modified=None, bytes_flushed=0)

    def take_over(self, bytes_kept: int, cancelled: Cancelled) -> None:
        """Go on behind the bytes of an earlier run, re-hashed from the disk; what is beyond `bytes_kept` is cut off."""
        self._file.truncate(min(bytes_kept, os.fstat(self._file.fileno()).st_size))
        self._file.seek(0)
        buffer = bytearray(_CHUNK)
        view = memoryview(buffer)
        while count := self._file.readinto(buffer):
            self.digests.update(view[:count])
            self.size += count
            check(cancelled)

    def note(self, *, etag: str | None, last_modified: str | None) -> None:
        """Remember what the storage said of this version of the file."""
        self.record = msgspec.structs.replace(self.record, etag=etag, last_modified=last_modified)
        self._write_record()

    def checkpoint(self) -> None:
        """Wait until the bytes are on the disk, then say so in the journal."""
        os.fsync(self._file.fileno())
        self.record = msgspec.structs.replace(self.record, bytes_flushed=self.size)
        self._write_record()

    def close(self) -> None:
        """Close the file; part and journal stay."""
        self._file.close()

    def discard(self) -> None:
        """Close and remove the part and its journal."""
        self._file.close()
        self.paths.forget()

    def _write_record(self) -> None:
        """A full disk leaves the older journal, which is as true and only less far; without a part there is none."""
        if not self.paths.part.exists():
            return
        with contextlib.suppress(UsageError):
            write_whole(self.paths.journal, msgspec.json.encode(self.record))


def open_part(paths: PartPaths, candidate: Candidate, expected: Expected, cancelled: Cancelled) -> Part:
    """The part to go on with: an earlier run's where it is the same file, else an empty one.

    Raises:
        DownloadError: `target-unwritable`: something that is not ours has the part's or the journal's name.
        OSError: The folder can't be written.
        Interrupted: `cancelled` became true while old bytes were hashed.
    """
    paths.check()
    record = PartRecord(
        candidate=redact(candidate.id), url=redact(candidate.download_url),
        size_bytes=expected.size_bytes, sha256=expected.sha256,
    )  # fmt: skip
    old = paths.record()
    digests = Digests(expected.hashes)
    kept = _bytes_kept(old, record)
    if old is None or not kept:
        paths.forget()
        return Part(paths, record, digests)
    record = msgspec.structs.replace(
        record, etag=old.etag, last_modified=old.last_modified, bytes_flushed=old.bytes_flushed
    )  # fmt: skip
    part = Part(paths, record, digests)
    try:
        part.take_over(kept, cancelled)
    except BaseException:
        part.close()
        raise
    return part


def _write(paths: PartPaths, record: PartRecord) -> None:
    """Write the journal.

    Raises:
        OSError: The folder can't be written, or its disk is full.
    """
    try:
        write_whole(paths.journal, msgspec.json.encode(record))
    except UsageError as error:
        raise error.__cause__ or error from None


def _open_itself(paths: PartPaths) -> FileIO:
    """The part for appending and reading; never what a link of its name leads to."""
    beyond = getattr(os, "O_NOFOLLOW", 0)
    return open(paths.part, "ab+", buffering=0, opener=lambda path, flags: os.open(path, flags | beyond, 0o666))


def _bytes_kept(old: PartRecord | None, new: PartRecord) -> int:
    """How many bytes of an earlier part are used at most; 0 where they may be another file's.

    With a SHA-256 to prove the whole, all are; without, only those that had reached the disk before a crash, and only
    where a strong ETag lets the server say that the file is still the same.
    """
    if old is None or old.schema_version != 1:
        return 0
    limit = new.size_bytes if new.size_bytes is not None else 1 << 62
    if new.sha256 and old.sha256:
        return limit if old.sha256 == new.sha256 else 0
    same = old.candidate == new.candidate and old.size_bytes == new.size_bytes
    if not same or (new.sha256 is None and old.etag is None):
        return 0
    return limit if new.sha256 else max(0, min(limit, old.bytes_flushed))
