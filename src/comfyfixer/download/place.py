"""From the proven part to the real name: whole, durable, and never over a file that is there."""

import contextlib
import errno
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from comfyfixer.content.left_overs import RESERVED_AHEAD

_AT_FDCWD: Final = -100
_RENAME_NOREPLACE: Final = 1  # Linux, renameat2
_RENAME_EXCL: Final = 4  # macOS, renamex_np

# What file systems without hard links answer (exFAT, FAT, some network, container and union mounts).
_NO_LINKS: Final = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL, errno.EACCES, errno.EXDEV}
)
_NO_SUCH_CALL: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, and wait until their entries are on the disk."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def place(part: Path, target: Path) -> None:
    """Give the bytes of `part` the name `target`, durably.

    Raises:
        FileExistsError: Something has the name already; nothing was changed.
        OSError: It could not be done; `part` is still there.
    """
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    _move(part, target)
    sync_folder(target.parent)


def set_aside(target: Path) -> Path:
    """Give a file the first free name of `NAME.broken-1`, `NAME.broken-2`, ... beside it; a link stays a link.

    The mark of a download program that reserved the file's length goes along, or it would speak of the file to come.

    Raises:
        OSError: It could not be done; the file has its name still.
    """
    numbers = itertools.count(1)
    while not _renamed(target, aside := target.with_name(f"{target.name}.broken-{next(numbers)}")):
        continue
    mark = target.with_name(target.name + RESERVED_AHEAD)
    if os.path.lexists(mark):
        _renamed(mark, aside.with_name(aside.name + RESERVED_AHEAD))
    sync_folder(target.parent)
    return aside


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk, where the system has a way to (Windows has none)."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some network file systems refuse; the bytes themselves are synced
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _move(part: Path, target: Path) -> None:
    """Windows' rename refuses an existing name by itself. POSIX' rename replaces it silently, so link instead."""
    if sys.platform == "win32":
        part.rename(target)
    else:
        _link(part, target)


def _renamed(old: Path, new: Path) -> bool:
    """Give what is there itself a new name, of a link the link; False where the new name is taken."""
    try:
        if old.is_symlink():
            new.symlink_to(old.readlink())
            old.unlink()
        else:
            _move(old, new)
    except FileExistsError:
        return False
    return True


def _link(part: Path, target: Path) -> None:
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _move_without_links(part, target)
    else:
        part.unlink(missing_ok=True)


def _move_without_links(part: Path, target: Path) -> None:
    """The kernel's own exclusive rename. Where there is none, look first: only a foreign program could come between,
    our own runs hold the target's lock.
    """
    rename = _exclusive_rename()
    if rename is not None:
        code = rename(os.fsencode(part), os.fsencode(target))
        if not code:
            return
        if code not in _NO_SUCH_CALL:
            raise OSError(code, os.strerror(code), os.fspath(target))
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
    part.rename(target)


def _exclusive_rename() -> Callable[[bytes, bytes], int] | None:
    """`rename` that refuses an existing name, giving 0 or the error number; None where the C library has none."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "renameat2"):
        return lambda old, new: _errno_of(library.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE))
    if hasattr(library, "renamex_np"):
        return lambda old, new: _errno_of(library.renamex_np(old, new, _RENAME_EXCL))
    return None


def _errno_of(result: int) -> int:
    import ctypes

    return ctypes.get_errno() if result else 0
