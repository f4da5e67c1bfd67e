"""Needed files that are there: whole, and of a kind that their folder is for? Others are not opened."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

from comfyfixer.content.folders import contradiction
from comfyfixer.content.left_overs import ENDINGS
from comfyfixer.errors import UnsafeName
from comfyfixer.model.content import Content
from comfyfixer.model.inventory import FaultyModel, InstalledModel, Inventory
from comfyfixer.model.library import NeededFile
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import base_name
from comfyfixer.paths import inside, printable
from comfyfixer.pipeline.session import Session
from comfyfixer.resolve.names import split_extension

_Found = tuple[FaultyModel, Problem]
"""The same for the lists and for people."""


def examined(session: Session, files: Sequence[NeededFile], inventory: Inventory) -> Inventory:
    """The inventory without the needed files that can't be used; those are its `faulty`, and told as problems."""
    needs = _Needs(files)
    needed = needs.among(inventory.models)
    found = [*_faults_of(session, needed, needs), *_unfinished(needs.lacking(needed), inventory)]
    for problem in {fault.model.path: problem for fault, problem in found}.values():
        session.found_problem(problem)
    return _without(inventory, [fault for fault, _ in found]) if found else inventory


def _faults_of(session: Session, needed: Sequence[InstalledModel], needs: "_Needs") -> Iterator[_Found]:
    """What is wrong with the files that a node may load."""
    if not needed:
        return
    from comfyfixer.pipeline.contents import RememberingExaminer

    examiner = RememberingExaminer(session.workdir.contents)
    for model in needed:
        session.check_stop()
        if found := _fault(model, examiner.examine(model.path), sure=needs.is_sure_of(model)):
            yield found
    examiner.save()


def _unfinished(lacking: Mapping[str, Iterable[str]], inventory: Inventory) -> Iterator[_Found]:
    """What other programs have begun to download and not finished, of files that are not there."""
    listed = cache(_begun_in)  # each directory is looked at once, however many files are wanted there
    for folder, values in lacking.items():
        known = inventory.folders.get(folder)
        roots = known.roots if known else ()
        for directory, named in _by_directory(values).items():
            for name, paths in (entry for root in roots for entry in listed(root, directory).items()):
                models = (_stated(folder, named[name], path) for path in paths if name in named)
                yield from (_begun(model) for model in models if model)


def _by_directory(values: Iterable[str]) -> dict[str, dict[str, str]]:
    """Sub-folder to file name to value."""
    found: dict[str, dict[str, str]] = {}
    for value in values:
        directory, name = os.path.split(value) if "/" in value or "\\" in value else ("", value)
        found.setdefault(directory, {})[name] = value
    return found


def _begun_in(root: str, directory: str) -> dict[str, list[str]]:
    """The unfinished downloads of one directory, by the names that they will have."""
    found: dict[str, list[str]] = {}
    try:
        with os.scandir(inside(Path(root), directory) if directory else root) as entries:
            for entry in entries:
                name, ending = os.path.splitext(entry.name)
                if ending in ENDINGS:
                    found.setdefault(name, []).append(entry.path)
    except (OSError, ValueError, UnsafeName):
        return {}
    return {name: sorted(found[name]) for name in sorted(found)}


def _stated(folder: str, value: str, path: str) -> InstalledModel | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return InstalledModel(
        folder=folder, name=value, path=path, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns
    )  # fmt: skip


def _begun(model: InstalledModel) -> _Found:
    name = printable(base_name(model.path))
    detail = f"What is here is an unfinished download, `{name}`"
    message = f"An unfinished download is in `{model.folder}`: `{name}`"
    hint = "Finish it in the program that began it, or let `comfyfixer auto` fetch the file"
    problem = Problem(code="model-broken", message=message, hint=hint, where=printable(model.path))
    return FaultyModel(model=model, why="broken", detail=detail), problem


class _Needs:
    """What active nodes name, by what a loader compares: whole names, or the stems that text tags are made of."""

    def __init__(self, files: Iterable[NeededFile]) -> None:
        self._names: dict[str, set[str]] = defaultdict(set)
        self._stems: dict[str, set[str]] = defaultdict(set)
        self._sure: dict[str, set[str]] = defaultdict(set)
        self._anywhere: set[str] = set()
        for file in files:
            folder, filename = file.row.folder, file.row.filename
            if folder is None:
                self._anywhere.add(filename.casefold())
                continue
            for name in file.names:
                self._names[folder].add(name.value)
                if name.sure:
                    self._sure[folder].add(name.value)
                if name.by_stem:
                    self._stems[folder].add(_stem(filename))

    def among(self, models: Sequence[InstalledModel]) -> list[InstalledModel]:
        """Those that a node may load; each of many thousands is only looked up."""
        names, nothing = self._names, frozenset[str]()
        found = [model for model in models if model.name in names.get(model.folder, nothing)]
        if self._stems or self._anywhere:
            taken = {(model.folder, model.name) for model in found}
            found += [model for model in models if self._loosely(model) and (model.folder, model.name) not in taken]
        return found

    def lacking(self, found: Sequence[InstalledModel]) -> dict[str, set[str]]:
        """Folder to the values that are named whole, and not there."""
        there: dict[str, set[str]] = defaultdict(set)
        for model in found:
            there[model.folder].add(model.name)
        return {folder: values - there[folder] for folder, values in sorted(self._names.items())}

    def is_sure_of(self, model: InstalledModel) -> bool:
        """Whether a node that surely lists this folder names the file."""
        return model.name in self._sure.get(model.folder, ())

    def _loosely(self, model: InstalledModel) -> bool:
        stems = self._stems.get(model.folder)
        if stems and _stem(base_name(model.name)) in stems:
            return True
        return bool(self._anywhere) and base_name(model.name).casefold() in self._anywhere


def _stem(filename: str) -> str:
    return split_extension(filename)[0].casefold()


def _fault(model: InstalledModel, content: Content, *, sure: bool) -> _Found | None:
    """Why a file can't be what a node wants of it, as a local match and as a problem."""
    where = printable(model.path)
    name = printable(base_name(model.name))
    if content.fault:
        fault = FaultyModel(model=model, why="broken", detail=f"What is here is broken: {content.fault}")
        message = f"`{name}` in `{model.folder}` is broken and counts as missing: {content.fault}"
        hint = "`comfyfixer auto` fetches it anew where it can be proven; the broken file is kept beside it"
        return fault, Problem(code="model-broken", message=message, hint=hint, where=where)
    kind = contradiction(model.folder, content) if sure else None
    if kind is None:
        return None
    own = content.folders[0]
    detail = f"What is here is {kind} in `{model.folder}`, told by {content.told_by}; it belongs in `{own}`"
    fault = FaultyModel(model=model, why="wrong-kind", detail=detail)
    message = f"`{name}` in `{model.folder}` is {kind} and counts as missing, told by {content.told_by}"
    hint = f"Move it to `{own}`, and place the file that the workflow means under this name"
    return fault, Problem(code="model-wrong-kind", message=message, hint=hint, where=where)


def _without(inventory: Inventory, faulty: Sequence[FaultyModel]) -> Inventory:
    gone = {(fault.model.folder, fault.model.name) for fault in faulty}
    models = tuple(model for model in inventory.models if (model.folder, model.name) not in gone)
    return msgspec.structs.replace(inventory, models=models, faulty=(*inventory.faulty, *faulty))
