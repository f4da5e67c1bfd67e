"""Whose a file is now: a lock that the operating system gives back when its holder ends, however it ends.

(`filelock` would cost 43 ms of start-up, see `benchmarks/startup.py`, and where a file system has no such locks it
leaves a mark that a killed run never takes away. This is all that is needed.)
"""

import errno
import os
import sys
from typing import Final

_TAKEN: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, getattr(errno, "EDEADLK", errno.EAGAIN)})

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(handle: int) -> bool:
    """Take the lock of an open file; False while another process, or another handle, has it. Closing gives it back.

    Raises:
        OSError: The file system has no locks, as some network file systems.
    """
    try:
        _lock(handle)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def refusal(folder: str, error: OSError) -> str:
    """What to say of a folder whose file system has no locks."""
    return (
        f"The file system of {folder} refuses locks ({error.strerror or error}): "
        "two runs at once would not be safe there"
    )


def is_at(handle: int, path: str | os.PathLike[str]) -> bool:
    """Whether the open file still has this name: its holder may have removed it, and another run made a new one."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except OSError:
        return False
