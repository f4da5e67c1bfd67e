"""One run at a time in a working folder, and whether one is alive.

The operating system gives the lock back when the process ends, however it ends: a run that was killed is never taken
for a running one. (`filelock` would cost 43 ms of start-up, see `benchmarks/startup.py`; this is all that is needed.)
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from comfyfixer.errors import UsageError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock while the body runs.

    Raises:
        UsageError: `run-active` when another process holds it, `workdir-unwritable`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        hint = "Name a folder that can be written with `--workdir DIR`"
        raise UsageError(
            f"`{path}` can't be written: {error.strerror}", code="workdir-unwritable", hint=hint
        ) from error
    try:
        if not _try_lock(handle):
            hint = "`comfyfixer status --watch` follows it; use another `--workdir` for a second run"
            raise UsageError("Another run works in this folder", code="run-active", hint=hint)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a live process holds the lock."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)
