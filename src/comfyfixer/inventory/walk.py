"""Listing model files as ComfyUI's loaders list them (`folder_paths.recursive_search`), only once and quickly."""

import os
from collections.abc import Callable, Iterable

from comfyfixer.model.inventory import InstalledModel, ModelFolder
from comfyfixer.model.problem import Problem
from comfyfixer.paths import printable

_Found = tuple[str, str, int, int]
"""Name relative to the root, its extension in lower case, size in bytes, modification time in nanoseconds."""


def list_models(folders: Iterable[ModelFolder]) -> tuple[tuple[InstalledModel, ...], list[Problem]]:
    """Every model file, sorted by folder and name; where two roots hold the same name, the first one wins.

    A name that is no UTF-8 is made printable, so that it can be written to reports; its `path` then is for showing,
    not for opening. A symbolic link that leads nowhere is listed with a size of -1, as ComfyUI lists it too.
    """
    walker = _Walker(_wanted_by_root(folders))
    models: list[InstalledModel] = []
    for folder in folders:
        models += _list_diffusers(folder, walker) if folder.name == "diffusers" else _list_folder(folder, walker)
    return tuple(models), walker.problems


def _wanted_by_root(folders: Iterable[ModelFolder]) -> dict[str, frozenset[str] | None]:
    """Which extensions anyone wants from each root, None for all: other files are not worth a look at their size."""
    wanted: dict[str, frozenset[str] | None] = {}
    for folder in folders:
        extensions = frozenset({".json"}) if folder.name == "diffusers" else folder.extensions
        for root in folder.roots:
            before = wanted.get(root, frozenset())
            wanted[root] = before | extensions if before is not None and extensions else None
    return wanted


def _list_folder(folder: ModelFolder, walker: "_Walker") -> Iterable[InstalledModel]:
    found: dict[str, InstalledModel] = {}
    name, extensions = folder.name, folder.extensions
    for root in folder.roots:
        prefix = os.path.join(printable(root), "")
        for file, extension, size, modified in walker.files(root):
            if file not in found and (not extensions or extension in extensions):
                found[file] = InstalledModel(
                    folder=name, name=file, path=prefix + file, size_bytes=size, mtime_ns=modified
                )
    return [found[file] for file in sorted(found)]


def _list_diffusers(folder: ModelFolder, walker: "_Walker") -> Iterable[InstalledModel]:
    """DiffusersLoader lists the directories that hold a `model_index.json` (`nodes.py`)."""
    found: dict[str, InstalledModel] = {}
    for root in folder.roots:
        for file, _, size, modified in walker.files(root):
            directory, name = os.path.split(file)
            if name == "model_index.json" and directory not in found:
                path = os.path.join(printable(root), directory)
                found[directory] = InstalledModel(
                    folder=folder.name, name=directory or ".", path=path, size_bytes=size, mtime_ns=modified
                )
    return [found[directory] for directory in sorted(found)]


class _Walker:
    """Walks each root once, however many folders share it."""

    def __init__(self, wanted: dict[str, frozenset[str] | None]) -> None:
        self.problems: list[Problem] = []
        self._wanted = wanted
        self._walked: dict[str, list[_Found]] = {}

    def files(self, root: str) -> list[_Found]:
        """All wanted files below `root`; none where it does not exist, which is nothing unusual."""
        if root not in self._walked:
            self._walked[root] = self._walk(root) if os.path.isdir(root) else []
        return self._walked[root]

    def _walk(self, root: str) -> list[_Found]:
        """Directories below `root` in any order; links are followed unless they lead back above themselves."""
        found: list[_Found] = []
        keep = _keeper(self._wanted[root], found)
        pending: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(root, "", frozenset())]
        while pending:
            path, prefix, above = pending.pop()
            known, identity = len(found), (0, 0)
            try:
                status = os.stat(path)
                identity = (status.st_dev, status.st_ino)
                if identity in above:
                    continue
                with os.scandir(path) as entries:
                    subfolders = [entry for entry in entries if entry.is_dir() or keep(entry, prefix)]
            except OSError:
                del found[known:]
                if (subfolders_left := self._one_by_one(path, prefix, keep)) is None:
                    continue
                subfolders = subfolders_left
            inside = above | {identity}
            pending += [
                (entry.path, f"{prefix}{entry.name}{os.sep}", inside) for entry in subfolders if entry.name != ".git"
            ]
        return found

    def _one_by_one(self, path: str, prefix: str, keep: "_Keep") -> "list[os.DirEntry[str]] | None":
        """The folders in a folder that can't be listed in one go: a link to itself makes `is_dir` raise."""
        try:
            with os.scandir(path) as entries:
                return [entry for entry in entries if _is_folder(entry) or keep(entry, prefix)]
        except OSError as error:
            self.problems.append(_unreadable(path, error))
            return None


_Keep = Callable[["os.DirEntry[str]", str], bool]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _keeper(wanted: frozenset[str] | None, found: list[_Found]) -> Callable[["os.DirEntry[str]", str], bool]:
    """A function that adds one file to `found` if it is wanted, and answers that it is no folder."""
    append = found.append

    def keep(entry: "os.DirEntry[str]", prefix: str) -> bool:
        name = entry.name
        dot = name.rfind(".")
        # As `os.path.splitext`: leading dots begin no extension.
        extension = name[dot:].lower() if dot > 0 and name[:dot].strip(".") else ""
        if wanted is None or extension in wanted:
            relative = prefix + name
            if not relative.isascii():
                relative = printable(relative)
            try:
                status = entry.stat()
                append((relative, extension, status.st_size, status.st_mtime_ns))
            except OSError:
                append((relative, extension, -1, 0))
        return False

    return keep


def _unreadable(path: str, error: OSError) -> Problem:
    return Problem(
        code="folder-unreadable",
        message=f"The folder `{printable(path)[:200]}` can't be listed: {error.strerror or error}",
        hint="Check its permissions; models in it count as missing until then",
        where=printable(path),
    )
