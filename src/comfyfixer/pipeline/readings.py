"""What earlier scans read out of files that did not change: a second scan of 20,000 workflows opens none of them."""

import contextlib
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

import comfyfixer
from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.model.reference import LoaderInput, Workflow

_PACKAGE: Final = Path(comfyfixer.__file__).parent
_SETTLED_NS: Final = 2_000_000_000
"""A file changed less than this before it was read may change again within the same tick of its time stamp."""


Stamp = tuple[int, int, int, int]


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """One file: its stamp when it was read, and what it needs (None: no workflow)."""

    stamp: Stamp
    workflow: msgspec.Raw


class _File(msgspec.Struct, frozen=True, array_like=True):
    reader: str
    rows: dict[str, _Row]


class Readings:
    """The cache of one working folder. Failures are not kept: they are tried anew each time."""

    def __init__(self, path: Path, reader: str) -> None:
        self._path = path
        self._reader = reader
        self._old = _load(path, reader)
        self._new: dict[str, _Row] = {}
        self._decode = msgspec.msgpack.Decoder(Workflow | None).decode
        self._encode = msgspec.msgpack.Encoder().encode

    def known(self, path: str) -> tuple[bool, Workflow | None]:
        """Whether the file is as it was read before, and what it needs then."""
        row = self._old.get(path)
        if row is None or row.stamp != stamp(path):
            return False, None
        self._new[path] = row
        return True, self._decode(row.workflow)

    def keep(self, path: str, before: Stamp | None, workflow: Workflow | None) -> None:
        """Remember what was read, unless the file changed just now, or while it was read."""
        if before is None or before != stamp(path) or (workflow is not None and not workflow.ok):
            return
        if time.time_ns() - max(before[1], before[2]) > _SETTLED_NS:
            self._new[path] = _Row(before, msgspec.Raw(self._encode(workflow)))

    def save(self) -> None:
        """Write what this scan saw; a cache that can't be written costs time only."""
        if self._new != self._old:
            data = msgspec.msgpack.encode(_File(self._reader, self._new))
            with contextlib.suppress(UsageError):
                write_whole(self._path, data, durable=False)


def stamp(path: str) -> Stamp | None:
    """Size, modification, change of the entry itself, identity: no content changes without one of them."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _load(path: Path, reader: str) -> dict[str, _Row]:
    try:
        file = msgspec.msgpack.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError):
        return {}
    return file.rows if file.reader == reader else {}


def reader_version(pack_inputs: Mapping[str, Mapping[str, LoaderInput]]) -> str:
    """Changes whenever the reader would read the same bytes differently: its code, its tables, the installed packs."""
    digest = hashlib.sha256(comfyfixer.__version__.encode())
    for folder in (_PACKAGE / "scan", _PACKAGE / "data", _PACKAGE / "model"):
        for file in sorted(folder.rglob("*.*")):
            if file.suffix in (".py", ".json"):
                status = file.stat()
                digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    digest.update(msgspec.json.encode(pack_inputs, order="deterministic"))
    return digest.hexdigest()
