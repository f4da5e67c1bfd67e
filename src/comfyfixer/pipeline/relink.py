"""Mending references to files that are here under another path or name: planned from the last scan, then done."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import msgspec

from comfyfixer.content.examine import examine
from comfyfixer.errors import UnsafeName, UsageError
from comfyfixer.inventory.hashing import hash_files
from comfyfixer.inventory.take import take
from comfyfixer.journal.runlock import held
from comfyfixer.model.inventory import Inventory
from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import ModelReference, base_name
from comfyfixer.model.relink import Mend, Relinked, RelinkResult
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import WorkflowRow
from comfyfixer.paths import inside, openable, printable
from comfyfixer.pipeline.copies import Copy, Copying, write_copy
from comfyfixer.pipeline.installation import Places, installation_of
from comfyfixer.pipeline.looking import hash_cache
from comfyfixer.pipeline.mending import hardlink, link, move
from comfyfixer.pipeline.relink_record import RelinkRecord
from comfyfixer.pipeline.scan import read_all
from comfyfixer.pipeline.session import Session, read_rows, read_rows_if_there
from comfyfixer.resolve.local import LocalIndex, Wanted, same_bytes, same_folder
from comfyfixer.resolve.missing import ModelIndex
from comfyfixer.resolve.names import split_extension
from comfyfixer.resolve.relinking import mend, target_name, usable
from comfyfixer.resolve.verdict import is_here

_FAULTS: Final = frozenset({"broken", "wrong-kind"})


class Relinking:
    """One call of `relink`.

    Raises:
        UsageError: No scan has been made here, no installation, or a name that no missing file has.
    """

    def __init__(
        self, session: Session, names: Sequence[str] = (), *, way: str | None = None, to: str | None = None
    ) -> None:
        self._session = session
        self._way = way
        self._record = RelinkRecord(session)
        rows = _named(_rows(session), names)
        self._inventory = _inventory(session)
        self._local = LocalIndex(self._inventory.models)
        fresh = [row for row in map(self._looked_at, rows) if row is not None]
        self._to = self._chosen_file(fresh, to) if to else None
        related = fresh if self._to else [row for row in fresh if row.local_matches]
        self.not_here = len(fresh) - len(related)
        self._items = self._decided(self._with_hashes(related))
        self._copying = Copying(self._inventory)

    def planned(self) -> tuple[Relinked, ...]:
        """What would happen, exactly; nothing is written."""
        copies = {copy.workflow: copy for copy in self._copies()}
        return tuple(self._told(number, item, copies) for number, item in enumerate(self._items))

    def done(self) -> tuple[Relinked, ...]:
        """Do it, and tell what came of each.

        Raises:
            UsageError: Another run works in this folder, or it can't be written.
            Interrupted: The user stopped; what was done is recorded.
        """
        with held(self._session.workdir.run_lock):
            copies = {copy.workflow: self._written(copy) for copy in self._copies()}
            return tuple(self._acted(number, item, copies) for number, item in enumerate(self._items))

    # --- looking -----------------------------------------------------------------------------------------------------

    def _looked_at(self, row: MissingModel) -> MissingModel | None:
        """The row with what is here now; None where the file is found meanwhile."""
        faults = tuple(match for match in row.local_matches if match.why in _FAULTS)
        if not faults and self._index.has(_reference(row)):
            return None
        known = {match.path for match in faults}
        alike = self._local.alike(Wanted(row.value, row.filename, row.folder))
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
        found = self._local.at(path) or tuple(model for model in self._inventory.models if model.name == to)
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

    def _decided(self, rows: Sequence[MissingModel]) -> list[tuple[MissingModel, Mend | Problem]]:
        return [(row, self._checked(mend(row, way=self._way, to=self._to))) for row in rows]

    def _checked(self, found: Mend | Problem) -> Mend | Problem:
        """The mend, if the file itself and its place allow it."""
        if isinstance(found, Problem):
            return found
        reason = self._against(found)
        if reason is None:
            return found
        return Problem(code="relink-refused", message=reason[0], hint=reason[1], where=found.row.filename)

    def _against(self, found: Mend) -> tuple[str, str] | None:
        content = examine(openable(found.match.path))
        looking = "`comfyfixer resolve` looks for the right file"
        if content.fault:
            return f"`{found.match.path}` can't be used: it is {content.fault}", looking
        folder = found.row.folder
        if (
            content.certain
            and content.folders
            and folder
            and not any(same_folder(folder, one) for one in content.folders)
        ):
            kind = (content.kind or "another kind of file").replace("_", " ")
            return (
                f"`{found.match.path}` is for `{content.folders[0]}` by its bytes ({kind}), not for `{folder}`",
                looking,
            )
        return None if found.way == "copy-workflow" else self._against_place(found)

    def _against_place(self, found: Mend) -> tuple[str, str] | None:
        try:
            target = self._target(found)
        except UnsafeName as error:
            return error.message, "Write a corrected copy of the workflow: `--copy-workflow`"
        known = self._inventory.folders.get(found.row.folder or "")
        extension = split_extension(target.name)[1]
        if known and known.extensions and extension not in known.extensions:
            return f"The loaders of `{known.name}` list no `{extension}` files", "Choose another node or another file"
        if os.path.lexists(target):
            hint = "Look at it: `comfyfixer relink` replaces nothing"
            return f"`{printable(target)}` is there already", hint
        if found.way == "move":
            return self._against_move(found)
        return None

    def _against_move(self, found: Mend) -> tuple[str, str] | None:
        by_link = "`--link` leaves it where it is"
        if os.path.islink(openable(found.match.path)):
            return f"`{found.match.path}` is a link, whose file is elsewhere", by_link
        users = self._users.get((found.match.folder, found.match.name), 0)
        if users:
            return f"{users} other reference(s) in your workflows name it where it is", by_link
        return None

    def _target(self, found: Mend) -> Path:
        """Where the workflow looks for the file: below the first root of its models folder."""
        root = self._places.root(found.row.folder or "")
        return inside(root, target_name(found.row, found.match))

    @cached_property
    def _places(self) -> Places:
        return Places(self._inventory.installation, self._inventory.folders)

    @cached_property
    def _index(self) -> ModelIndex:
        return ModelIndex(self._inventory.models, self._local)

    @cached_property
    def _users(self) -> dict[tuple[str, str], int]:
        """Number of active references to each file where it is."""
        rows = read_rows_if_there(self._session, self._session.workdir.workflows, WorkflowRow)
        workflows, _ = read_all(self._session, [openable(row.path) for row in rows if row.ok], self._inventory)
        users: dict[tuple[str, str], int] = {}
        for use in (use for workflow in workflows for use in workflow.models if use.active and use.folder):
            users[use.folder or "", use.value] = users.get((use.folder or "", use.value), 0) + 1
        return users

    # --- doing -------------------------------------------------------------------------------------------------------

    def _copies(self) -> Iterator[Copy]:
        """One copy for each workflow that gets one, with everything that is mended in it.

        What an earlier call copied already goes on from its copy, which has the earlier mends.
        """
        by_workflow: dict[str, list[tuple[int, Mend]]] = {}
        for number, (row, item) in enumerate(self._items):
            if isinstance(item, Mend) and item.way == "copy-workflow":
                for workflow in self._newest(row.workflows):
                    by_workflow.setdefault(workflow, []).append((number, item))
        for workflow, mends in by_workflow.items():
            self._session.check_stop()
            yield self._copying.prepared(workflow, mends, is_copy=workflow in self._record.copies)

    def _newest(self, workflows: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(self._record.newest_copy, workflows)))

    def _written(self, copy: Copy) -> Copy:
        """The copy with its file written, or why it could not be, as a problem of each mend in it."""
        if not copy.data or copy.there:
            return copy
        act = {"way": "copy-workflow", "source": copy.workflow, "target": printable(copy.path)}
        problem = self._record.doing(act, partial(write_copy, copy))
        numbers = range(len(self._items))
        return msgspec.structs.replace(copy, problems=dict.fromkeys(numbers, problem)) if problem else copy

    def _told(self, number: int, item: tuple[MissingModel, Mend | Problem], copies: dict[str, Copy]) -> Relinked:
        row, found = item
        if isinstance(found, Problem):
            return _relinked(row, "refused", problem=found, candidates=row.local_matches)
        if found.way == "copy-workflow":
            return self._copied(number, found, copies, "planned")
        return _relinked(row, "planned", found, targets=(printable(self._target(found)),))

    def _acted(self, number: int, item: tuple[MissingModel, Mend | Problem], copies: dict[str, Copy]) -> Relinked:
        row, found = item
        if isinstance(found, Problem):
            return self._told(number, item, copies)
        if found.way == "copy-workflow":
            return self._copied(number, found, copies, "done")
        self._session.check_stop()
        target, source = self._target(found), openable(found.match.path)
        ways: dict[str, partial[Any]] = {
            "link": partial(link, source, target),
            "hardlink": partial(hardlink, source, target),
            "move": partial(move, source, target, self._session.cancelled),
        }
        problem = self._record.doing(
            {"way": found.way, "source": found.match.path, "target": printable(target)}, ways[found.way]
        )
        return _relinked(row, "failed" if problem else "done", found, targets=(printable(target),), problem=problem)

    def _copied(self, number: int, found: Mend, copies: dict[str, Copy], state: str) -> Relinked:
        """What became of one file in the copies of all workflows that need it."""
        own = [copies[workflow] for workflow in self._newest(found.row.workflows)]
        problem = next((copy.problems[number] for copy in own if number in copy.problems), None)
        made = [copy for copy in own if number not in copy.problems]
        if problem and not made:
            return _relinked(
                found.row, "failed" if problem.code == "relink-failed" else "refused", found, problem=problem
            )
        state = "failed" if problem else "already" if all(copy.there for copy in made) else state
        return _relinked(found.row, state, found, targets=tuple(printable(copy.path) for copy in made), problem=problem)


def relinked(session: Session, work: Relinking, items: tuple[Relinked, ...], *, dry_run: bool) -> RelinkResult:
    """The answer of the command."""
    wrote = not dry_run and any(item.state in ("done", "failed") for item in items)
    record = printable(session.workdir.relinks) if wrote else None
    return RelinkResult(dry_run=dry_run, items=items, not_here=work.not_here, record=record)


def _rows(session: Session) -> tuple[MissingModel, ...]:
    """The rows of the last scan, with the hashes that `resolve` proved of files that are here."""
    found = read_rows_if_there(session, session.workdir.resolutions, Resolution)
    proven = {row.key: row.sha256 for row in found if is_here(row) and row.sha256}
    return tuple(
        msgspec.structs.replace(row, hashes={"sha256": proven[row.key], **row.hashes}) if row.key in proven else row
        for row in read_rows(session.workdir.missing_models, MissingModel, step="scan")
    )


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


def _reference(row: MissingModel) -> ModelReference:
    """The row as a reference that can be looked up; names without an extension are text tags."""
    return ModelReference(
        value=row.value,
        filename=row.filename,
        folder=row.folder,
        expected_type=row.expected_type,
        node_id=row.node_id,
        node_type=row.node_type,
        input="",
    )


def _relinked(row: MissingModel, state: str, found: Mend | None = None, **more: Any) -> Relinked:
    return Relinked(
        filename=row.filename,
        value=row.value,
        folder=row.folder,
        workflows=row.workflows,
        state=state,
        way=found.way if found else None,
        why=found.match.why if found else None,
        source=found.match.path if found else None,
        new_value=found.new_value if found else None,
        **more,
    )
