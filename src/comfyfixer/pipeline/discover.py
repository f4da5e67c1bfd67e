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
    return sorted(found) if os.sep == "/" else sorted(found, key=lambda path: path.replace(os.sep, "/"))


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
                listed = list(entries)
        except OSError as error:
            found_problem(Problem.of(_unreadable(current, error), where=printable(current)))
            continue
        folders = []
        for entry in listed:
            if _is_folder(entry):
                folders.append(entry.path)
            elif _is_workflow_name(entry.name):
                yield entry.path
        pending += sorted(folders, reverse=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_workflow_name(name: str) -> bool:
    """A link that leads nowhere counts, too: it is read, and its failure told."""
    return name[name.rfind(".") :].lower() in WORKFLOW_EXTENSIONS


def _unreadable(folder: str, error: OSError) -> InventoryError:
    code = "folder-missing" if isinstance(error, FileNotFoundError) else "folder-unreadable"
    return InventoryError(
        f"The folder `{printable(folder)}` can't be listed: {error.strerror}",
        code=code,
        hint="Check the path and its permissions, or name other folders with `--workflows DIR`",
    )
