"""The `.part` file beside the target, and its journal: which file's bytes these are, and how many reached the disk."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.download.expected import Expected
from comfyfixer.download.pace import Cancelled, check
from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.model.candidate import Candidate
from comfyfixer.redact import redact

_CHUNK: Final = 1024 * 1024
_MAX_JOURNAL: Final = 64 * 1024


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`NAME.part.json`.

    Attributes:
        candidate: `Candidate.id`, without secrets.
        url: The hub's stable address, without secrets; never a signed one.
        etag: Of the storage's answer; only a strong one.
        bytes_flushed: So many bytes have reached the disk itself; the `.part` may be longer.
    """

    schema_version: int = 1
    candidate: str
    url: str
    size_bytes: int | None = None
    sha256: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    bytes_flushed: int = 0


class PartPaths:
    """The files that stand beside an unfinished target; ComfyUI lists none of them."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.part = target.with_name(f"{target.name}.part")
        self.journal = target.with_name(f"{target.name}.part.json")
        self.lock = target.with_name(f"{target.name}.part.lock")

    def forget(self) -> None:
        """Remove the part and its journal; a missing one is all right."""
        for path in (self.part, self.journal):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


class Part:
    """The bytes that are here, hashed while they come. Not thread-safe; the caller holds the target's lock."""

    def __init__(self, paths: PartPaths, record: PartRecord) -> None:
        self.paths = paths
        self.record = record
        self.size = 0
        self._hasher = hashlib.sha256()
        self._file = paths.part.open("ab+", buffering=0)

    @property
    def sha256(self) -> str:
        """Of the bytes so far."""
        return self._hasher.hexdigest()

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
        self._hasher.update(chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Throw the bytes away: they are not the beginning of this file."""
        self._file.truncate(0)
        self._hasher = hashlib.sha256()
        self.size = 0
        self.record = msgspec.structs.replace(self.record, etag=None, last_modified=None, bytes_flushed=0)

    def take_over(self, bytes_kept: int, cancelled: Cancelled) -> None:
        """Go on behind the bytes of an earlier run, re-hashed from the disk; what is beyond `bytes_kept` is cut off."""
        self._file.truncate(min(bytes_kept, os.fstat(self._file.fileno()).st_size))
        self._file.seek(0)
        buffer = bytearray(_CHUNK)
        view = memoryview(buffer)
        while count := self._file.readinto(buffer):
            self._hasher.update(view[:count])
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
            write_whole(self.paths.journal, msgspec.json.encode(self.record), durable=False)


def open_part(paths: PartPaths, candidate: Candidate, expected: Expected, cancelled: Cancelled) -> Part:
    """The part to go on with: an earlier run's where it is the same file, else an empty one.

    Raises:
        OSError: The folder can't be written.
        Interrupted: `cancelled` became true while old bytes were hashed.
    """
    record = PartRecord(
        candidate=redact(candidate.id), url=redact(candidate.download_url),
        size_bytes=expected.size_bytes, sha256=expected.sha256,
    )  # fmt: skip
    old = _read_record(paths.journal)
    kept = _bytes_kept(old, record)
    if old is None or not kept:
        paths.forget()
        return Part(paths, record)
    part = Part(paths, msgspec.structs.replace(record, etag=old.etag, last_modified=old.last_modified))
    try:
        part.take_over(kept, cancelled)
    except BaseException:
        part.close()
        raise
    return part


def _read_record(path: Path) -> PartRecord | None:
    """The journal, or None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_JOURNAL), type=PartRecord)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


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
