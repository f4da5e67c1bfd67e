"""Free disk space: looked at for the whole plan, volume by volume, before the first byte."""

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path

from comfyfixer.download.beside import PartPaths
from comfyfixer.errors import DownloadError
from comfyfixer.model.download import FetchRequest
from comfyfixer.model.problem import Problem
from comfyfixer.sizes import size_text

FreeBytes = Callable[[str], int] | Mapping[str, int]


def check_space(requests: Sequence[FetchRequest], free_bytes: FreeBytes) -> dict[str, Problem]:
    """Which files of a plan will not fit, by `FetchRequest.target`; an empty answer means that all do.

    The files of one volume are counted together, in the plan's order: one that does not fit is left out, the smaller
    ones behind it may still fit. A part of ours counts as there. Of an unknown size nothing is known: it counts as 0.

    Args:
        free_bytes: Free bytes of the volume of an existing folder (`shutil.disk_usage(folder).free`), or a mapping of
            `FetchRequest.root` to free bytes, each root then counting as a volume of its own.
    """
    left: dict[Hashable, int] = {}
    problems: dict[str, Problem] = {}
    for request in requests:
        volume, free = _volume(request, free_bytes)
        left.setdefault(volume, free)
        needed = _bytes_needed(request)
        if needed > left[volume]:
            problems[request.target] = Problem.of(
                disk_full(request.filename, needed, left[volume], request.root), where=request.root
            )
        else:
            left[volume] -= needed
    return problems


def disk_full(filename: str, needed_bytes: int, free_bytes: int, folder: str) -> DownloadError:
    """The error for a file that does not fit, with how much is missing."""
    lacking = max(0, needed_bytes - free_bytes)
    return DownloadError(
        f"`{filename}` needs {size_text(needed_bytes)} more on the disk of {folder}, "
        f"and {size_text(max(0, free_bytes))} are free: {size_text(lacking)} are missing",
        code="disk-full",
        hint="Free some space, or let the models folder lie on another disk; then run `comfyfixer resume`",
    )


def nearest_folder(path: Path) -> Path:
    """The folder itself, or the first one above it that exists."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def promised_size(request: FetchRequest) -> int | None:
    """Bytes of the whole file, None where no candidate tells."""
    return next((one.size_bytes for one in request.candidates if one.size_bytes is not None), None)


def _volume(request: FetchRequest, free_bytes: FreeBytes) -> tuple[Hashable, int]:
    """The target's own volume: a sub-folder of the root may be a link to another disk."""
    if isinstance(free_bytes, Mapping):
        return request.root, free_bytes[request.root]
    folder = nearest_folder(Path(request.target).parent)
    return os.stat(folder).st_dev, free_bytes(os.fspath(folder))


def _bytes_needed(request: FetchRequest) -> int:
    target = Path(request.target)
    if os.path.lexists(target):
        return 0
    return max(0, (promised_size(request) or 0) - PartPaths(target).bytes_here())
