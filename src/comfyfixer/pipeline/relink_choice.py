"""Which of the missing files are here, and what is to be done about each: by the last scan and a look at the disk."""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.content.examine import examine
from comfyfixer.content.folders import contradiction
from comfyfixer.errors import UnsafeName, UsageError
from comfyfixer.inventory.hashing import hash_files
from comfyfixer.inventory.take import take
from comfyfixer.model.inventory import Inventory
from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import base_name
from comfyfixer.model.relink import Mend
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import WorkflowRow
from comfyfixer.paths import inside, openable, printable
from comfyfixer.pipeline.installation import Places, installation_of
from comfyfixer.pipeline.library import read_all
from comfyfixer.pipeline.local_matches import examined_matches
from comfyfixer.pipeline.looking import hash_cache
from comfyfixer.pipeline.mending import is_other_spelling
from comfyfixer.pipeline.session import Session, read_rows, read_rows_if_there
from comfyfixer.resolve.local import LocalIndex, Wanted, same_bytes, same_folder
from comfyfixer.resolve.missing import ModelIndex
from comfyfixer.resolve.names import split_extension
from comfyfixer.resolve.relinking import mend, target_name, usable
from comfyfixer.resolve.verdict import is_here

_FAULTS: Final = frozenset({"broken", "wrong-kind"})
_LOOK: Final = "`comfyfixer resolve` looks for the right file"
Choice = tuple[MissingModel, Mend | Problem]
Against = tuple[str, str] | None
"""Why a mend is not made, and what to do instead."""


class Choices:
    """What `relink` would do about each missing file that is here.

    Attributes:
        items: One for each file of which something that may be meant is here.
        not_here: Number of the others.
    """

    def __init__(self, session: Session, names: Sequence[str], *, way: str | None, to: str | None) -> None:
        self._session = session
        self._proven = _proven(session)
        rows = _named(read_rows(session.workdir.missing_models, MissingModel, step="scan"), names)
        self.inventory = _inventory(session)
        self._local = LocalIndex(self.inventory.models)
        looked_at = [row for row in map(self._looked_at, rows) if row is not None]
        fresh = examined_matches(self._with_hashes(looked_at))
        chosen = self._chosen_file(fresh, to) if to else None
        related = [row for row in fresh if chosen or row.local_matches]
        self.not_here = len(fresh) - len(related)
        self.items: list[Choice] = [(row, self._checked(mend(row, way=way, to=chosen))) for row in related]

    def target(self, found: Mend) -> Path:
        """Where the workflow looks for the file: below the first root of its models folder.

        Raises:
            UnsafeName: The workflow's name for it is no safe path.
        """
        root = self._places.root(found.row.folder or "")
        return inside(root, target_name(found.row, found.match))

    def _looked_at(self, row: MissingModel) -> MissingModel | None:
        """The row with what is here now; None where the file is found meanwhile."""
        if found := self._proven.get(row.key):
            row = msgspec.structs.replace(row, hashes={"sha256": found.sha256 or "", **row.hashes})
        faults = tuple(match for match in row.local_matches if match.why in _FAULTS)
        wanted = Wanted(row.value, row.filename, row.folder)
        if not faults and self._index.has(wanted, by_stem=not split_extension(row.filename)[1]):
            return None
        known = {match.path for match in faults}
        alike = self._local.alike(wanted)
        return msgspec.structs.replace(
            row, local_matches=(*faults, *(match for match in alike if match.path not in known))
        )

    def _with_hashes(self, rows: Sequence[MissingModel]) -> tuple[MissingModel, ...]:
        """What the bytes say, where a workflow names a SHA-256: a name alone is then not enough."""
        asked = [row for row in rows if "sha256" in row.hashes]
        if not asked:
            return tuple(rows)
        cache = hash_cache(self._session)
        paths = {match.path for row in asked for match in usable(row)}
        paths |= {found.download_url for row in asked if (found := self._proven.get(row.key)) and found.download_url}
        equal = {path for row in asked for path in cache.paths_with(row.hashes["sha256"])}
        session = self._session
        hashed = hash_files(sorted(paths | equal), cache=cache, cancelled=session.cancelled, emit=session.emit)
        known = {file.path: file.hashes["sha256"] for file in hashed if file.hashes}
        cache.close()
        return same_bytes(rows, self._local, known)

    def _chosen_file(self, rows: Sequence[MissingModel], to: str) -> LocalMatch:
        """The installed file that was named, by its path or as a loader lists it."""
        if len({row.filename for row in rows}) != 1:
            hint = "`comfyfixer relink NAME --to PATH`, with the name of one missing file"
            raise UsageError("`--to` goes with exactly one missing file", hint=hint)
        path = printable(os.path.abspath(os.path.expanduser(to)))
        found = self._local.at(path) or tuple(model for model in self.inventory.models if model.name == to)
        row = rows[0]
        found = tuple(sorted(found, key=lambda model: not same_folder(model.folder, row.folder or model.folder)))
        if not found or len({model.path for model in found}) > 1:
            several = "Several installed files have" if found else "No installed model file has"
            hint = "Name the file by its whole path; it has to be in one of ComfyUI's models folders"
            raise UsageError(f"{several} the path or name `{printable(to)}`", code="path-not-found", hint=hint)
        match = next((match for match in row.local_matches if match.path == found[0].path), None)
        return match or LocalMatch(
            path=found[0].path, why="chosen", name=found[0].name, folder=found[0].folder, size_bytes=found[0].size_bytes
        )

    def _checked(self, found: Mend | Problem) -> Mend | Problem:
        """The mend, if the file itself and its place allow it."""
        if isinstance(found, Problem):
            return found
        reason = self._against(found)
        if reason is None:
            return found
        return Problem(code="relink-refused", message=reason[0], hint=reason[1], where=found.row.filename)

    def _against(self, found: Mend) -> Against:
        """What the file's own bytes say, then what stands in its place."""
        path, folder = found.match.path, found.row.folder
        content = examine(openable(path))
        if content.fault:
            return f"`{path}` can't be used: it is {content.fault}", _LOOK
        if folder and (kind := contradiction(folder, content)):
            return f"`{path}` is {kind}, told by {content.told_by}; the node looks in `{folder}`", _LOOK
        if found.way == "copy-workflow" and not openable(found.match.name).isprintable():
            return f"The name of `{path}` can't be written into a workflow", "Put a link there: `--link`"
        return None if found.way == "copy-workflow" else self._against_place(found)

    def _against_place(self, found: Mend) -> Against:
        try:
            target = self.target(found)
        except UnsafeName as error:
            return error.message, "Write a corrected copy of the workflow: `--copy-workflow`"
        known = self.inventory.folders.get(found.row.folder or "")
        extension = split_extension(target.name)[1]
        if known and known.extensions and extension not in known.extensions:
            return f"The loaders of `{known.name}` list no `{extension}` files", "Choose another node or another file"
        if os.path.lexists(target) and not is_other_spelling(openable(found.match.path), target):
            hint = "Look at it: `comfyfixer relink` replaces nothing"
            return f"`{printable(target)}` is there already", hint
        if os.path.lexists(target) and found.way != "move":
            hint = "`--move` gives the file the spelling of the workflow"
            return f"The disk of `{found.match.path}` takes both spellings for one name", hint
        if found.way == "move":
            return self._against_move(found)
        return None

    def _against_move(self, found: Mend) -> Against:
        by_link = "`--link` leaves it where it is"
        if os.path.islink(openable(found.match.path)):
            return f"`{found.match.path}` is a link, whose file is elsewhere", by_link
        users = self._users.get((found.match.folder, found.match.name), 0)
        if users:
            return f"{users} other reference(s) in your workflows name it where it is", by_link
        return None

    @cached_property
    def _places(self) -> Places:
        return Places(self.inventory.installation, self.inventory.folders)

    @cached_property
    def _index(self) -> ModelIndex:
        return ModelIndex(self.inventory.models, self._local)

    @cached_property
    def _users(self) -> dict[tuple[str, str], int]:
        """Number of active references to each file where it is."""
        rows = read_rows_if_there(self._session, self._session.workdir.workflows, WorkflowRow)
        workflows = read_all(self._session, [openable(row.path) for row in rows if row.ok], self.inventory)
        users: dict[tuple[str, str], int] = {}
        for use in (use for workflow in workflows for use in workflow.models if use.active and use.folder):
            users[use.folder or "", use.value] = users.get((use.folder or "", use.value), 0) + 1
        return users


def _proven(session: Session) -> dict[tuple[str, str, str], Resolution]:
    """What the last `resolve` proved to be here, by key."""
    found = read_rows_if_there(session, session.workdir.resolutions, Resolution)
    return {row.key: row for row in found if is_here(row) and row.sha256}


def _named(rows: Sequence[MissingModel], names: Sequence[str]) -> list[MissingModel]:
    """The rows of the named files; all where none is named."""
    if not names:
        return list(rows)
    chosen: list[MissingModel] = []
    for name in names:
        found = [row for row in rows if name in (row.filename, row.value, base_name(row.value))]
        if not found:
            hint = "`comfyfixer scan` lists them; a name is written as the workflow has it"
            raise UsageError(f"No missing file is named `{printable(name)}`", code="path-not-found", hint=hint)
        chosen += [row for row in found if row not in chosen]
    return chosen


def _inventory(session: Session) -> Inventory:
    inventory = take(installation_of(session.settings), session.emit, cache_file=session.workdir.node_sources)
    for problem in inventory.problems:
        session.problems.append(problem)
    return inventory
