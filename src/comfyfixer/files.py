"""Writing files whole or not at all, and the name that a file has on its disk."""

import contextlib
import os
import threading
from pathlib import Path
from typing import Final

from comfyfixer.errors import UsageError

_LONGEST_NAME: Final = 180
"""Bytes of a name that leaves room for a temporary one around it."""


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
    name = path.name if len(os.fsencode(path.name)) <= _LONGEST_NAME else path.name[:45]
    temporary = temporary or path.with_name(f".{name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.unlink(missing_ok=True)
            with temporary.open("xb") as file:  # itself: not what a link of this name leads to
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
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> UsageError:
    """The error for a place of the working folder that can't be written."""
    return UsageError(
        f"`{path}` can't be written: {error.strerror or error}",
        code="workdir-unwritable",
        hint="Name a folder that can be written with `--workdir DIR`",
    )


def as_listed(path: Path, root: Path) -> Path:
    """The path below `root` with every part spelled as its folder lists it: what ComfyUI will call the file.

    Where a disk takes upper and lower case for the same, a folder `Styles` takes what was meant for `styles`.
    """
    for part in path.relative_to(root).parts:
        root = root / listed_as(root / part)
    return root


def listed_as(path: Path) -> str:
    """The name under which the folder lists what `path` names: it may be spelled otherwise where the disk takes upper
    and lower case, or a letter and its accent in one or two characters, for the same.
    """
    import unicodedata

    def folded(name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold()

    with contextlib.suppress(OSError):
        names, wanted = os.listdir(path.parent), folded(path.name)
        if path.name not in names and os.path.lexists(path):
            return next((name for name in names if folded(name) == wanted), path.name)
    return path.name
