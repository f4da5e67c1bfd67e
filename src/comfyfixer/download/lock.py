"""One run at a time on one target; a second one waits, and then finds the file there."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from comfyfixer.download.pace import Cancelled, check
from comfyfixer.errors import DownloadError
from comfyfixer.locks import is_at, refusal, try_lock
from comfyfixer.paths import printable

_LOOK_EVERY_S: Final = 0.05


@contextlib.contextmanager
def held(path: Path, cancelled: Cancelled, *, keep: Callable[[], int]) -> Iterator[int]:
    """Hold the lock file `path`; it is removed at the end, unless `keep` counts unfinished bytes.

    Gives its handle: another program that has it, too, holds the lock with us, and on when we are killed.

    Raises:
        DownloadError: `target-unwritable`: the file system has no locks.
        Interrupted: `cancelled` became true while another run held it.
        OSError: The folder can't be written.
    """
    handle = _taken(path, cancelled)
    try:
        yield handle
    finally:
        _release(handle, path, keep=bool(keep()))


def _taken(path: Path, cancelled: Cancelled) -> int:
    """The lock's handle, once it is ours and still has its name."""
    while True:
        check(cancelled)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            if _try(handle, path) and is_at(handle, path):
                return handle
        except BaseException:
            _release(handle, path, keep=False)
            raise
        os.close(handle)
        time.sleep(_LOOK_EVERY_S)


def _try(handle: int, path: Path) -> bool:
    try:
        return try_lock(handle)
    except OSError as error:
        raise DownloadError(
            refusal(printable(path.parent), error),
            code="target-unwritable",
            hint="Mount it with locks (NFS: `local_lock=flock`, Lustre: `flock`), or name another disk with `--to DIR`",
        ) from error


def _release(handle: int, path: Path, *, keep: bool) -> None:
    """Remove the file before letting go: who waits for it sees then that it has no name any more, and opens a new one.

    Windows removes no open file: there it is tried again afterwards, and stays while another run holds it.
    """
    if not keep:
        with contextlib.suppress(OSError):
            path.unlink()
    os.close(handle)
    if sys.platform == "win32" and not keep:
        with contextlib.suppress(OSError):
            path.unlink()
