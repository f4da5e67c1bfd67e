"""What earlier scans found out about model files that did not change: a second scan opens none of them."""

import contextlib
import hashlib
import time
from pathlib import Path
from typing import Final

import msgspec

import comfyfixer
from comfyfixer.content.left_overs import with_left_overs
from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.model.content import Content
from comfyfixer.pipeline.reading.cache import Stamp, stamp

_PACKAGE: Final = Path(comfyfixer.__file__).parent
_SETTLED_NS: Final = 2_000_000_000
"""A file changed less than this before it was read may change again within the same tick of its time stamp."""


class _Row(msgspec.Struct, frozen=True, array_like=True):
    stamp: Stamp
    content: Content


class _File(msgspec.Struct, frozen=True, array_like=True):
    examiner: str
    rows: dict[str, _Row]


class RememberingExaminer:
    """Examines files, each once; those that are as they were at the last scan are not opened."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._version = _version()
        self._old = _load(cache, self._version)
        self._new: dict[str, _Row] = {}
        self._told: dict[str, Content] = {}

    def examine(self, path: str) -> Content:
        """What the file is; what other programs left beside it is looked at each time."""
        if path not in self._told:
            self._told[path] = with_left_overs(path, self._by_bytes(path))
        return self._told[path]

    def save(self) -> None:
        """Write what this scan saw; a cache that can't be written costs time only."""
        if self._new != self._old:
            with contextlib.suppress(UsageError):
                data = msgspec.msgpack.encode(_File(self._version, self._new))
                write_whole(self._cache, data, durable=False)

    def _by_bytes(self, path: str) -> Content:
        before = stamp(path)
        row = self._old.get(path)
        if row is None or row.stamp != before:
            content = _read(path)
            if before is None or before != stamp(path) or not _has_settled(before):
                return content
            row = _Row(before, content)
        self._new[path] = row
        return row.content


def _read(path: str) -> Content:
    """Loaded with its tables of marks when the first file has to be opened."""
    from comfyfixer.content.examine import examine_bytes

    return examine_bytes(path)


def _has_settled(seen: Stamp) -> bool:
    return time.time_ns() - max(seen[1], seen[2]) > _SETTLED_NS


def _load(path: Path, version: str) -> dict[str, _Row]:
    try:
        file = msgspec.msgpack.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError):
        return {}
    return file.rows if file.examiner == version else {}


def _version() -> str:
    """Changes whenever the same bytes would be judged differently."""
    digest = hashlib.sha256(comfyfixer.__version__.encode())
    for file in sorted((_PACKAGE / "content").glob("*.py")):
        status = file.stat()
        digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
