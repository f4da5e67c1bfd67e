"""One run at a time in a working folder, and whether one is alive.

The operating system gives the lock back when the process ends, however it ends: a run that was killed is never taken
for a running one.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from comfyfixer.errors import UsageError
from comfyfixer.files import unwritable
from comfyfixer.locks import refusal, try_lock


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
        raise unwritable(path, error) from error
    try:
        if not _try(handle, path):
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
        return not try_lock(handle)
    except OSError:  # no locks there: no run can have one
        return False
    finally:
        os.close(handle)


def _try(handle: int, path: Path) -> bool:
    try:
        return try_lock(handle)
    except OSError as error:
        raise UsageError(
            refusal(f"`{path.parent}`", error),
            code="workdir-unwritable",
            hint="Name a folder on another disk with `--workdir DIR`",
        ) from error
