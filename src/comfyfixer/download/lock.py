"""One run at a time on one target; a second one waits, and then finds the file there."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comfyfixer.download.pace import Cancelled, check

if TYPE_CHECKING:
    from filelock import BaseFileLock

_LOOK_EVERY_S: Final = 0.1


@contextlib.contextmanager
def held(path: Path, cancelled: Cancelled, *, keep: Callable[[], int]) -> Iterator[None]:
    """Hold the lock file `path`; it is removed at the end, unless `keep` counts unfinished bytes.

    Raises:
        Interrupted: `cancelled` became true while another run held it.
        OSError: The folder can't be written.
    """
    import filelock

    lock = filelock.FileLock(path)
    while True:
        check(cancelled)
        try:
            lock.acquire(timeout=_LOOK_EVERY_S, poll_interval=_LOOK_EVERY_S / 2)
            break
        except filelock.Timeout:
            continue
    try:
        yield
    finally:
        _release(lock, path, keep=bool(keep()))


def _release(lock: "BaseFileLock", path: Path, *, keep: bool) -> None:
    """Remove the file before letting go: who waits for it sees then that it has no name any more, and opens a new one.

    Windows removes no open file: there it is tried again afterwards, and stays while another run holds it.
    """
    if keep:
        lock.release()
        return
    with contextlib.suppress(OSError):
        path.unlink()
    lock.release()
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            path.unlink()
