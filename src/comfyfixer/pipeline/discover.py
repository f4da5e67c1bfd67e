"""Which files a scan reads: every `.json`, picture, film, sound and model below the folders, once, in path order."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from comfyfixer.errors import InventoryError
from comfyfixer.model.problem import Problem
from comfyfixer.paths import printable
from comfyfixer.scan.media.extensions import MEDIA_EXTENSIONS

WORKFLOW_EXTENSIONS: Final = frozenset({".json", *MEDIA_EXTENSIONS})


def workflow_files(targets: Iterable[str], found_problem: Callable[[Problem], None]) -> list[str]:
    """Paths to read: a file that is named is taken whatever its extension; folders are walked, links followed once."""
    seen: set[tuple[int, int]] = set()
    found: set[str] = set()
    for target in targets:
        found.update((target,) if os.path.isfile(target) else _walk(target, seen, found_problem))
    return sorted(found, key=lambda path: path.replace(os.sep, "/"))


def _walk(folder: str, seen: set[tuple[int, int]], found_problem: Callable[[Problem], None]) -> Iterator[str]:
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            found_problem(Problem.of(_unreadable(current, error), where=printable(current)))
            continue
        yield from (entry.path for entry in listed if _is_workflow_file(entry))
        pending += [entry.path for entry in reversed(listed) if _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_workflow_file(entry: os.DirEntry[str]) -> bool:
    """By name; a link that leads nowhere is read, and its failure told."""
    extension = entry.name[entry.name.rfind(".") :].lower()
    return extension in WORKFLOW_EXTENSIONS and not _is_folder(entry)


def _unreadable(folder: str, error: OSError) -> InventoryError:
    code = "folder-missing" if isinstance(error, FileNotFoundError) else "folder-unreadable"
    return InventoryError(
        f"The folder `{printable(folder)}` can't be listed: {error.strerror}",
        code=code,
        hint="Check the path and its permissions, or name other folders with `--workflows DIR`",
    )
