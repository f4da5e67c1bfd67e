"""Putting a file that is here where a workflow looks for it: a link, or the file itself. Nothing is ever replaced."""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from comfyfixer.download.place import make_folder, place, sync_folder
from comfyfixer.errors import Interrupted
from comfyfixer.files import listed_as

_CHUNK_BYTES: Final = 1 << 20
_NOT_ALLOWED: Final = 1314
"""Windows: links are for administrators and developers."""
_NO_SYMLINKS: Final = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})


def link(source: str, target: Path) -> str:
    """Put a symbolic link to the file, or a hard link where the system allows no other; gives `link` or `hardlink`.

    Raises:
        OSError: Neither could be made, or something has the name already.
    """
    make_folder(target.parent)
    try:
        os.symlink(os.path.abspath(source), target)
    except OSError as error:
        if error.errno not in _NO_SYMLINKS and getattr(error, "winerror", None) != _NOT_ALLOWED:
            raise
        return hardlink(source, target)
    sync_folder(target.parent)
    return "link"


def hardlink(source: str, target: Path) -> str:
    """Give the file a second name.

    Raises:
        OSError: The file is on another volume, the volume has no hard links, or something has the name already.
    """
    make_folder(target.parent)
    os.link(os.path.realpath(source), target)
    sync_folder(target.parent)
    return "hardlink"


def move(source: str, target: Path, cancelled: Callable[[], bool]) -> None:
    """Move the file; to another volume as a copy that is compared before the original goes.

    Raises:
        OSError: It could not be moved, or something has the name already; the file is where it was.
        Interrupted: `cancelled` became true; likewise.
    """
    make_folder(target.parent)
    try:
        if is_other_spelling(source, target):
            os.rename(source, target)
        else:
            place(Path(source), target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_to_other_volume(Path(source), target, cancelled)
    with contextlib.suppress(OSError):
        sync_folder(Path(source).parent)


def is_other_spelling(source: str, target: Path) -> bool:
    """Whether the target is the very file under its only name, on a disk that takes both spellings for one.

    By what the folder lists: not all such disks give both spellings one identity.
    """
    with contextlib.suppress(OSError):
        same_folder = os.path.samefile(os.path.dirname(source), target.parent)
        return same_folder and listed_as(target) == os.path.basename(source) != target.name
    return False


def _move_to_other_volume(source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
    before = source.stat()
    if shutil.disk_usage(target.parent).free < before.st_size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(target))
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.tmp")
    try:
        with source.open("rb") as old, part.open("xb") as new:
            while data := old.read(_CHUNK_BYTES):
                _check(cancelled)
                new.write(data)
            new.flush()
            os.fsync(new.fileno())
        shutil.copystat(source, part)
        if _digest(source, cancelled) != _digest(part, cancelled) or source.stat().st_mtime_ns != before.st_mtime_ns:
            raise OSError(errno.EIO, "the copy differs from the file, which stays where it is", os.fspath(target))
        place(part, target)
    finally:
        part.unlink(missing_ok=True)
    source.unlink()


def _digest(path: Path, cancelled: Callable[[], bool]) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_CHUNK_BYTES):
            _check(cancelled)
            digest.update(data)
    return digest.digest()


def _check(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Interrupted("Stopped at your request; the file is where it was", hint="Run the same again")
