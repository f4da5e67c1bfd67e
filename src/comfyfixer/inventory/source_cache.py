"""What was read of sources that did not change since the last run.

An entry counts only while every file below its folders has the same name, size and time, and the same reader reads
with the same model folders; otherwise the source is read again.
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer import __version__
from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.pack_source import PackSource

_READER: Final = 2
"""To be raised whenever the reader finds anything else in the same source."""
_MAX_BYTES: Final = 64 << 20
_PASSED_OVER: Final = frozenset({".git", "__pycache__", "node_modules"})


class _Entry(msgspec.Struct, frozen=True):
    fingerprint: bytes
    source: PackSource


class SourceCache:
    """A file of entries by what they are about; without a file everything is read each time.

    Args:
        site_packages: Where ComfyUI's Python has its packages: they tell which parts of a pack can be imported.
    """

    def __init__(self, file: Path | None, table: FolderTable, site_packages: Iterable[str] = ()) -> None:
        self._file = file
        folders = [(name, roots, sorted(kinds)) for name, (roots, kinds) in sorted(table.snapshot().items())]
        installed = [(place, _modified(place)) for place in (*site_packages, *table.roots("custom_nodes"))]
        surroundings = [_READER, __version__, sys.version_info[:2], table.base_dir, folders, installed]
        self._surroundings = repr(surroundings).encode("utf-8", "surrogatepass")
        self._before = _load(file) if file else {}
        self._now: dict[str, _Entry] = {}
        self._taken: dict[str, bytes] = {}

    def get(self, about: str, places: Iterable[str], read: Callable[[], PackSource]) -> PackSource:
        """What is known of `about`, else what `read()` gives.

        Args:
            places: The files and folders that the result depends on.
        """
        if self._file is None:
            return read()
        fingerprint = self._fingerprint_of(about, places)
        entry = self._before.get(about)
        if entry is None or entry.fingerprint != fingerprint:
            entry = _Entry(fingerprint, read())
        self._now[about] = entry
        return entry.source

    def has(self, about: str, places: Iterable[str]) -> bool:
        """Whether `get` would read nothing."""
        entry = self._before.get(about)
        return entry is not None and entry.fingerprint == self._fingerprint_of(about, places)

    def _fingerprint_of(self, about: str, places: Iterable[str]) -> bytes:
        """Taken once, at the first question."""
        if about not in self._taken:
            self._taken[about] = self._fingerprint(places)
        return self._taken[about]

    def save(self) -> None:
        """Write what was asked for in this run; a place that can't be written only costs the next run's time."""
        if self._file is None or self._now == self._before:
            return
        with contextlib.suppress(UsageError, UnicodeEncodeError):
            write_whole(self._file, msgspec.msgpack.encode(self._now), durable=False)

    def _fingerprint(self, places: Iterable[str]) -> bytes:
        digest = hashlib.blake2b(self._surroundings, digest_size=16)
        for place in places:
            _add_stats(digest.update, place)
        return digest.digest()


def _modified(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return -1


def _load(file: Path) -> dict[str, _Entry]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            return {}
        return msgspec.msgpack.decode(file.read_bytes(), type=dict[str, _Entry])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _add_stats(add: Callable[[bytes], object], place: str) -> None:
    """Feed name, size and time of a file, or of all files below a folder, in a fixed order."""
    pending = [place]
    while pending:
        path = pending.pop()
        try:
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except NotADirectoryError:
            add(_stat_text(path, Path(path).stat).encode("utf-8", "surrogatepass"))
            continue
        except OSError as error:
            add(f"{path}\0{error.errno}\0".encode("utf-8", "surrogatepass"))
            continue
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                pending += [entry.path] if entry.name not in _PASSED_OVER else []
            else:
                add(_stat_text(entry.path, entry.stat).encode("utf-8", "surrogatepass"))


def _stat_text(path: str, stat: Callable[[], os.stat_result]) -> str:
    """A file that vanished meanwhile is no fault."""
    try:
        status = stat()
    except OSError:
        return f"{path}\0gone\0"
    return f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0"
