"""Mending references to files that are here under another path or name: planned from the last scan, then done."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from comfyfixer.journal.runlock import held
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.problem import Problem
from comfyfixer.model.relink import Mend, Relinked, RelinkResult
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.copies import Copy, Copying, write_copy
from comfyfixer.pipeline.mending import hardlink, link, move
from comfyfixer.pipeline.relink_choice import Choice, Choices
from comfyfixer.pipeline.relink_record import RelinkRecord
from comfyfixer.pipeline.session import Session


class Relinking:
    """One call of `relink`.

    Raises:
        UsageError: No scan has been made here, no installation, or a name that no missing file has.
    """

    def __init__(
        self, session: Session, names: Sequence[str] = (), *, way: str | None = None, to: str | None = None
    ) -> None:
        self._session = session
        self._record = RelinkRecord(session)
        self._choices = Choices(session, names, way=way, to=to)
        self._items = self._choices.items
        self._copying = Copying(self._choices.inventory)

    @property
    def not_here(self) -> int:
        """Number of missing files of which nothing is here."""
        return self._choices.not_here

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

    def _told(self, number: int, item: Choice, copies: dict[str, Copy]) -> Relinked:
        row, found = item
        if isinstance(found, Problem):
            return _relinked(row, "refused", problem=found, candidates=row.local_matches)
        if found.way == "copy-workflow":
            return self._copied(number, found, copies, "planned")
        return _relinked(row, "planned", found, targets=(printable(self._choices.target(found)),))

    def _acted(self, number: int, item: Choice, copies: dict[str, Copy]) -> Relinked:
        row, found = item
        if isinstance(found, Problem):
            return self._told(number, item, copies)
        if found.way == "copy-workflow":
            return self._copied(number, found, copies, "done")
        self._session.check_stop()
        target, source = self._choices.target(found), openable(found.match.path)
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
            state = "failed" if problem.code == "relink-failed" else "refused"
            return _relinked(found.row, state, found, problem=problem)
        state = "failed" if problem else "already" if all(copy.there for copy in made) else state
        return _relinked(found.row, state, found, targets=tuple(printable(copy.path) for copy in made), problem=problem)


def relinked(session: Session, work: Relinking, items: tuple[Relinked, ...], *, dry_run: bool) -> RelinkResult:
    """The answer of the command."""
    wrote = not dry_run and any(item.state in ("done", "failed") for item in items)
    record = printable(session.workdir.relinks) if wrote else None
    return RelinkResult(dry_run=dry_run, items=items, not_here=work.not_here, record=record)


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
