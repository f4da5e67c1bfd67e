"""What the own machine can refuse, and how several failures of one file are told as one."""

import errno
import os
import shutil
from pathlib import Path
from typing import Final

from comfyfixer.content.examine import examine
from comfyfixer.content.folders import described
from comfyfixer.download.beside import PartPaths
from comfyfixer.download.space import disk_full, nearest_folder, promised_size
from comfyfixer.errors import DownloadError, UnsafeName
from comfyfixer.files import listed_as
from comfyfixer.model.download import FetchRequest
from comfyfixer.paths import printable

_FULL: Final = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


def check_below(target: Path, root: str) -> None:
    """By the text alone: a link among the folders is the user's own.

    Raises:
        UnsafeName: The target would lie elsewhere.
    """
    inner, outer = Path(os.path.normpath(target)), Path(os.path.normpath(root))
    if not target.is_absolute() or inner == outer or not inner.is_relative_to(outer) or ".." in target.parts:
        raise UnsafeName(
            f"The place of `{target.name[:80]!a}` is not below the models folder",
            hint="Place the file by hand under a plain name, and choose it in the workflow",
        )


def taken(target: Path) -> DownloadError:
    """The error for a name that something else has."""
    kind = described(examine(os.fspath(target)))
    there = target.with_name(listed_as(target))
    return DownloadError(
        f"A different file{f', {kind},' if kind else ''} is at {printable(there)} already; it was not touched",
        code="target-exists",
        hint="Rename or remove that file, or choose another name in the workflow; then run `comfyfixer resume`",
    )


def of_system(error: OSError, request: FetchRequest) -> DownloadError:
    """The error for a full disk, a file system's limit, or a folder that can't be written."""
    target = Path(request.target)
    folder = nearest_folder(target.parent)
    if error.errno in _FULL:
        return disk_full(request.filename, _lacking(request), shutil.disk_usage(folder).free, printable(folder))
    if error.errno == errno.EFBIG:
        return DownloadError(
            f"The file system of {printable(folder)} allows no file as large as `{request.filename}`",
            code="disk-full",
            hint="Let the models folder lie on another file system (FAT32 ends at 4 GiB)",
        )
    return DownloadError(
        f"`{request.filename}` can't be written to {printable(target.parent)}: {error.strerror or error}",
        code="target-unwritable",
        hint="Check the folder's permissions, and that its disk is connected; then run `comfyfixer resume`",
    )


def told_together(failures: list[DownloadError], request: FetchRequest) -> DownloadError:
    """The first failure, as the first candidate was the chosen one, with what became of the others."""
    if not failures:
        return DownloadError(
            f"Nothing tells where `{request.filename}` could be had",
            code="file-not-found",
            hint="Run `comfyfixer resolve` again: the list of candidates is empty",
        )
    first = failures[0]
    sources = [candidate.source for candidate in request.candidates[1:]]
    others = ", ".join(f"{source}: {failure.code}" for source, failure in zip(sources, failures[1:], strict=True))
    message = f"{first.message} (elsewhere: {others})" if others else first.message
    return DownloadError(message, code=first.code, hint=first.hint, retryable=first.retryable)


def _lacking(request: FetchRequest) -> int:
    """Bytes that still have to come; at least one, where the size is unknown."""
    return max(1, (promised_size(request) or 0) - PartPaths(Path(request.target)).bytes_here())
