"""What earlier scans read out of files that did not change: a second scan of 20,000 workflows opens none of them.

Where all of them are as they were, what they need together is remembered, too.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

import comfyfixer
from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.model.library import Library
from comfyfixer.model.reference import LoaderInput, Workflow

_PACKAGE: Final = Path(comfyfixer.__file__).parent
_SETTLED_NS: Final = 2_000_000_000
"""A file changed less than this before it was read may change again within the same tick of its time stamp."""


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODER: Final[msgspec.msgpack.Decoder[Workflow | None]] = msgspec.msgpack.Decoder(Workflow | None)
_NOTHING: Final = msgspec.Raw(_ENCODE(None))

PackInputs = Mapping[str, Mapping[str, LoaderInput]]
"""What installed packs say of their nodes' inputs, by class and input."""

Stamp = tuple[int, int, int, int]


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """One file: its stamp when it was read, and what it needs (None: no workflow)."""

    stamp: Stamp
    workflow: msgspec.Raw


class _File(msgspec.Struct, frozen=True, array_like=True):
    """The cache: its rows, and what they need together; that is None where a file had to be left out of the rows."""

    reader: str
    rows: dict[str, _Row]
    library: msgspec.Raw = _NOTHING


class Readings:
    """The cache of one working folder. Failures are not kept: they are tried anew each time."""

    def __init__(self, path: Path, reader: str) -> None:
        self._path = path
        self._reader = reader
        file = _load(path, reader)
        self._old, self._library = file.rows, file.library
        self._new: dict[str, _Row] = {}

    def recall(self, path: str) -> bool:
        """Whether the file is as it was read before; what it needs is there then."""
        if path in self._new:
            return True
        row = self._old.get(path)
        if row is None or row.stamp != stamp(path):
            return False
        self._new[path] = row
        return True

    def recalled(self, path: str) -> Workflow | None:
        """What a recalled file needs; None where it is no workflow."""
        return _DECODER.decode(self._new[path].workflow)

    def library(self, paths: Sequence[str]) -> Library | None:
        """What these files need together, where none of them changed, none is new, none is gone; else None."""
        if len(paths) != len(self._old) or not all(self.recall(path) for path in paths):
            return None
        try:
            return msgspec.msgpack.decode(self._library, type=Library | None)
        except msgspec.MsgspecError:
            return None

    def keep(self, path: str, reading: "Reading") -> None:
        """Remember what was read, where it may be."""
        if reading.stamp is not None:
            self._new[path] = _Row(reading.stamp, msgspec.Raw(reading.packed))

    def save(self, library: Library | None = None) -> None:
        """Write what this scan saw; a cache that can't be written costs time only.

        Args:
            library: What all files that this scan read need together; None leaves what is known of them as long as no
                row changed.
        """
        known = self._library if self._new == self._old else _NOTHING
        together = known if library is None else msgspec.Raw(_ENCODE(library))
        if self._new != self._old or together != self._library:
            data = _ENCODE(_File(self._reader, self._new, together))
            with contextlib.suppress(UsageError):
                write_whole(self._path, data, durable=False)


class Reading:
    """What was read of one file. It travels between processes, and into the cache, packed.

    Args:
        stamp: Of the file as it was read; None where it must not be remembered.
        workflow: What it needs; None where it is no workflow.
        packed: The same, where it comes from somewhere else.
    """

    __slots__ = ("_packed", "_workflow", "stamp")

    def __init__(self, stamp: Stamp | None, workflow: Workflow | None = None, packed: bytes | None = None) -> None:
        self.stamp = stamp
        self._workflow = workflow
        self._packed = packed

    @property
    def workflow(self) -> Workflow | None:
        """What the file needs; None where it is no workflow."""
        if self._workflow is None and self._packed is not None:
            self._workflow = _DECODER.decode(self._packed)
        return self._workflow

    @property
    def packed(self) -> bytes:
        """The same in as few bytes as it takes."""
        return _ENCODE(self._workflow) if self._packed is None else self._packed

    def __reduce__(self) -> tuple[type["Reading"], tuple[Stamp | None, None, bytes]]:
        return Reading, (self.stamp, None, self.packed)


def reading_of(workflow: Workflow | None, stamp: Stamp | None) -> Reading:
    """What was just read; to be remembered unless the file changed just now, or while it was read, or is broken.

    Args:
        stamp: Of the file, None where it changed while it was read.
    """
    is_sound = workflow is None or workflow.ok
    is_settled = stamp is not None and time.time_ns() - max(stamp[1], stamp[2]) > _SETTLED_NS
    return Reading(stamp if is_sound and is_settled else None, workflow)


def stamp(path: str) -> Stamp | None:
    """Size, modification, change of the entry itself, identity: no content changes without one of them."""
    try:
        return _stamp_of(os.stat(path))
    except (OSError, ValueError):
        return None


def unchanged(before: os.stat_result, after: os.stat_result) -> Stamp | None:
    """The stamp of an open file, None where it is not the same as before."""
    stamp = _stamp_of(before)
    return stamp if stamp == _stamp_of(after) else None


def _stamp_of(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _load(path: Path, reader: str) -> _File:
    try:
        file = msgspec.msgpack.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError):
        return _File(reader, {})
    return file if file.reader == reader else _File(reader, {})


def reader_version(pack_inputs: PackInputs) -> str:
    """Changes whenever the reader would read the same bytes differently: its code, its tables, the installed packs."""
    digest = hashlib.sha256(comfyfixer.__version__.encode())
    for folder in map(_PACKAGE.joinpath, ("scan", "data", "model", "resolve")):
        for file in sorted(folder.rglob("*.*")):
            if file.suffix in (".py", ".json"):
                status = file.stat()
                digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    digest.update(msgspec.json.encode(pack_inputs, order="deterministic"))
    return digest.hexdigest()
