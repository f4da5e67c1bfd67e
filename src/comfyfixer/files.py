"""Writing files whole or not at all."""

import contextlib
import os
import threading
from pathlib import Path

from comfyfixer.errors import UsageError


def write_if_changed(path: Path, data: bytes) -> None:
    """`write_whole`, not durable; a file that holds these bytes already is left alone: to replace a large one, a file
    system waits for the disk.

    Raises:
        UsageError: `workdir-unwritable`.
    """
    if not _holds(path, data):
        write_whole(path, data, durable=False)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def write_whole(path: Path, data: bytes, *, durable: bool = True, temporary: Path | None = None) -> None:
    """Replace `path` by `data` in one step: a reader sees the old file or the new one, never a part.

    Args:
        durable: Wait until the bytes are on the disk. False for the live status, which the next write replaces.
        temporary: Where to write it first, for who is alone in that and finds it again after a kill; None: under a name
            that no other process and thread takes.

    Raises:
        UsageError: `workdir-unwritable`.
    """
    temporary = temporary or path.with_name(f".{path.name[:60]}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise UsageError(
            f"`{path}` can't be written: {error.strerror or error}",
            code="workdir-unwritable",
            hint="Name a folder that can be written with `--workdir DIR`",
        ) from error
