"""The files that stand beside an unfinished target: hidden, named as ours, and never taken for ours by name alone."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.download.extents import Extent, Extents
from comfyfixer.errors import DownloadError
from comfyfixer.paths import printable, with_room

_MAX_JOURNAL: Final = 256 * 1024
_MAX_STEM_BYTES: Final = 120  # a name may have 255, and a temporary file's has to fit in as well
_DIGEST_DIGITS: Final = 16


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`.NAME.comfyfixer.json`, the journal: this record on the first line.

    Each further line is a stretch `[start,end]` that has come since the record was written. They are appended, so that
    a killed run knows all of them; a last line that is torn says nothing.

    Attributes:
        candidate: `Candidate.id`, without secrets.
        url: The hub's stable address, without secrets; never a signed one.
        etag: Of the storage's answer; only a strong one.
        bytes_flushed: So many bytes from the first on have reached the disk itself; the part may be longer.
        front: So many bytes from the first on are here; None: as many as the part is long.
        ahead: Further stretches that are here, `(start, end)`, where several connections fetch one file.
        ahead_flushed: Those of them that have reached the disk itself.
        boot: Which start of the machine these lines are of; None where the system does not tell.
    """

    schema_version: int = 1
    candidate: str
    url: str
    size_bytes: int | None = None
    sha256: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    bytes_flushed: int = 0
    front: int | None = None
    ahead: tuple[Extent, ...] = ()
    ahead_flushed: tuple[Extent, ...] = ()
    boot: str | None = None


class PartPaths:
    """Part, journal and lock of one target, and the journal that is being written.

    A part is ours when a journal that can be read stands beside it. Everything else of these names is somebody else's:
    it is neither read, written, emptied nor removed, and no link is followed. ComfyUI lists none of them, as it goes
    by the end of the name. Names that differ in capital letters share a lock: on some disks they are one file.
    """

    def __init__(self, target: Path) -> None:
        target = with_room(target)
        stem = _stem(target.name)
        self.target = target
        self.part = target.with_name(f".{stem}.comfyfixer.part")
        self.journal = target.with_name(f".{stem}.comfyfixer.json")
        self.next_journal = target.with_name(f".{stem}.comfyfixer.json.tmp")
        self.lock = target.with_name(f".{_stem(target.name.lower())}.comfyfixer.lock")

    def record(self) -> PartRecord | None:
        """The journal, or None where there is none that can be read."""
        if not is_plain(self.journal):
            return None
        try:
            with self.journal.open("rb") as file:
                first, *lines = file.read(_MAX_JOURNAL).split(b"\n")
            record = _sensible(msgspec.json.decode(first, type=PartRecord))
            return msgspec.structs.replace(record, ahead=(*record.ahead, *_stretches(lines))) if lines else record
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def are_there(self) -> bool:
        """Whether a run is at work, or one was killed: then only who holds the lock may tidy up."""
        return self.part.exists() or self.lock.exists()

    def bytes_here(self) -> int:
        """Size of our part; 0 where there is none, or somebody else's."""
        record = self.record()
        if record is None or not is_plain(self.part):
            return 0
        try:
            size = self.part.stat().st_size
        except OSError:
            return 0
        return size if record.front is None else min(size, record.front + Extents(record.ahead).count)

    def is_target(self) -> bool:
        """Whether our part has the target's name as well: a run was killed while it placed what it had proven."""
        try:
            return self.record() is not None and os.path.samefile(self.part, self.target)
        except OSError:
            return False

    def check_lock(self) -> None:
        """Refuse a lock's name that is taken: a lock of ours is an empty file.

        Raises:
            DownloadError: `target-unwritable`.
            OSError: It can't be looked at.
        """
        if os.path.lexists(self.lock) and not (is_plain(self.lock) and not _size(self.lock)):
            raise _not_ours(self.lock)

    def check(self) -> None:
        """Refuse a part's or journal's name that is taken by what is not ours.

        Raises:
            DownloadError: `target-unwritable`.
        """
        has_journal = os.path.lexists(self.journal)
        if has_journal and self.record() is None:
            raise _not_ours(self.journal)
        if os.path.lexists(self.part) and not (has_journal and is_plain(self.part)):
            raise _not_ours(self.part)

    def forget(self) -> None:
        """Remove our part and its journal, where they are; what is not ours stays."""
        if self.record() is None:
            return
        for path in (self.part, self.next_journal, self.journal):
            if is_plain(path):
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()


def check_itself(path: Path) -> None:
    """Refuse a name that another program is to write under where it is a link, or anything but a file or folder itself.

    Raises:
        DownloadError: `target-unwritable`.
    """
    if os.path.lexists(path) and not (is_plain(path) or (path.is_dir() and not path.is_symlink())):
        raise _not_ours(path)


def _sensible(record: PartRecord) -> PartRecord:
    """The record without what none of ours says: a part goes on by its other words then, or begins anew."""
    etag = record.etag
    return msgspec.structs.replace(
        record,
        etag=etag if etag is not None and etag.isascii() and etag.isprintable() else None,
        bytes_flushed=max(0, record.bytes_flushed),
        front=None if record.front is None else max(0, record.front),
        ahead=_forward(record.ahead),
        ahead_flushed=_forward(record.ahead_flushed),
    )


def _forward(extents: tuple[Extent, ...]) -> tuple[Extent, ...]:
    return tuple((start, end) for start, end in extents if 0 <= start < end)


def _stretches(lines: list[bytes]) -> Iterator[Extent]:
    """The appended stretches, up to a line that is none."""
    for line in lines:
        try:
            start, end = msgspec.json.decode(line, type=Extent)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if 0 <= start < end:
            yield start, end


def _stem(name: str) -> str:
    """The target's name, or where it is long its beginning and a digest of the whole."""
    data = os.fsencode(name)
    if len(data) <= _MAX_STEM_BYTES:
        return name
    digest = hashlib.sha256(data).hexdigest()[:_DIGEST_DIGITS]
    return f"{data[: _MAX_STEM_BYTES - _DIGEST_DIGITS - 1].decode('utf-8', 'ignore')}-{digest}"


def is_plain(path: Path) -> bool:
    """True for a file itself: no link to one, no folder, nothing else."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _size(path: Path) -> int:
    """Bytes; 0 where the file went away meanwhile, as another run's lock may."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _not_ours(path: Path) -> DownloadError:
    return DownloadError(
        f"{printable(path)} has a name that is needed, and no download of this tool left it; it was not touched",
        code="target-unwritable",
        hint="Move or remove that file; then run `comfyfixer resume`",
    )
