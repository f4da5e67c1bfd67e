"""The part to go on with: what an earlier run left of the very same file, else an empty one."""

import contextlib
import os
from pathlib import Path

import msgspec

from comfyfixer.digests import Digests
from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.download.expected import Expected
from comfyfixer.download.extents import Extent
from comfyfixer.download.pace import Cancelled
from comfyfixer.download.part import Part
from comfyfixer.download.part_journal import boot
from comfyfixer.model.candidate import Candidate
from comfyfixer.redact import redact


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
    if old is None or not kept or _has_other_names(paths.part):
        paths.forget()
        return Part(paths, record, digests)
    front, ahead = _vouched_for(old, kept, paths.part)
    record = msgspec.structs.replace(
        record, etag=old.etag, last_modified=old.last_modified, bytes_flushed=min(old.bytes_flushed, front)
    )  # fmt: skip
    part = Part(paths, record, digests)
    try:
        part.take_over(front, ahead, cancelled)
        if old.front is not None:
            part.keep_record()
    except BaseException:
        part.close()
        raise
    return part


def _has_other_names(part: Path) -> bool:
    """Whether its bytes are somebody's file as well: a run was killed while it placed them, and the file was moved."""
    try:
        return os.lstat(part).st_nlink > 1
    except OSError:
        return False


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


def _vouched_for(old: PartRecord, kept: int, part: Path) -> tuple[int, tuple[Extent, ...]]:
    """Bytes from the first on, and stretches behind them, that the journal vouches for.

    A machine that has started anew since may have lost what was not on the disk itself.
    """
    with contextlib.suppress(OSError):
        length = part.stat().st_size
        front = length if old.front is None else old.front
        rebooted = old.boot is not None and boot() not in (None, old.boot)
        only_flushed = rebooted or kept <= old.bytes_flushed
        if rebooted:
            front = min(front, old.bytes_flushed)
        ahead = old.ahead_flushed if only_flushed else old.ahead
        return min(front, kept), tuple((start, min(end, kept)) for start, end in ahead if start < kept)
    return 0, ()
