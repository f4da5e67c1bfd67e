"""Which files a person means by a path, a folder, a name or a pattern."""

import os
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

from comfyfixer.errors import UsageError
from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.hashes import path_key
from comfyfixer.inventory.walk import list_models
from comfyfixer.model.inventory import InstalledModel
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.installation import installation_of
from comfyfixer.pipeline.session import Session


def chosen_files(session: Session, names: Sequence[str], recorded: Collection[str]) -> list[str]:
    """Sorted absolute paths; with no name every installed model and every record.

    Raises:
        UsageError: No installation, or `path-not-found`: a name that no file and no record has.
    """
    choice = _Choice(session, recorded)
    if not names:
        return sorted({*choice.installed, *recorded})
    return sorted({path for name in names for path in choice.named(name)})


class _Choice:
    def __init__(self, session: Session, recorded: Collection[str]) -> None:
        self._session = session
        self._recorded = recorded

    @cached_property
    def installed(self) -> dict[str, InstalledModel]:
        """Every model file by its path; listed when a name needs it."""
        table, problems = read_folders(installation_of(self._session.settings))
        models, unlisted = list_models(table.model_folders().values())
        for problem in (*problems, *unlisted):
            self._session.found_problem(problem)
        return {path_key(path): model for model in models for path in files_of(model)}

    def named(self, name: str) -> set[str]:
        """The files that one name stands for."""
        path = path_key(os.path.expanduser(name))
        if path in self._recorded or os.path.isfile(openable(path)):
            return {path}
        if os.path.isdir(openable(path)):
            below = os.path.join(path, "")
            found = {known for known in (*self.installed, *self._recorded) if known.startswith(below)}
        else:
            found = {known for known, model in self.installed.items() if _is_called(name, model)}
            found |= {known for known in self._recorded if fnmatchcase(os.path.basename(known), name)}
        if not found:
            hint = "Name a path, a file as a loader lists it, a models folder (`loras`) or a pattern (`*.gguf`)"
            message = f"`{printable(name)[:200]}` is no model file that is installed or recorded"
            raise UsageError(message, code="path-not-found", hint=hint)
        return found


def _is_called(name: str, model: InstalledModel) -> bool:
    wanted = name.replace("\\", "/")
    listed = model.name.replace("\\", "/")
    spoken = (model.folder, listed, listed.rpartition("/")[2], f"{model.folder}/{listed}")
    return wanted in spoken or any(fnmatchcase(spelling, wanted) for spelling in spoken[1:])


def files_of(model: InstalledModel) -> Iterator[str]:
    """The file itself; for a diffusers model, which is a folder, the files in it."""
    if model.folder != "diffusers":
        yield model.path
        return
    for folder, _, files in os.walk(openable(model.path)):
        yield from (os.path.join(folder, name) for name in files)
