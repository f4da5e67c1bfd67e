"""The workflows of a run: where they are, and what each of them needs."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from comfyfixer.errors import InventoryError, UsageError
from comfyfixer.inventory.locate import workflow_folders
from comfyfixer.model.inventory import Installation, Inventory
from comfyfixer.model.library import Library
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import LoaderInput, Workflow
from comfyfixer.paths import printable
from comfyfixer.pipeline.session import Session

_PROGRESS_EVERY: Final = 50


def scan_targets(session: Session, installation: Installation | None) -> tuple[str, ...]:
    """What to read: what was named, else the configured folders, else the installation's own.

    A folder that is not there is a problem and the others are read.

    Raises:
        UsageError: `path-not-found` when none of them is there.
    """
    named = session.targets or session.settings.workflow_directories
    if not named and installation:
        return tuple(str(folder) for folder in workflow_folders(installation))
    there = tuple(target for target in named if os.path.exists(target))
    if named and not there:
        shown = ", ".join(f"`{printable(target)}`" for target in named)
        hint = "Check the path, or name another with `--workflows DIR`"
        raise UsageError(f"{shown} does not exist", code="path-not-found", hint=hint)
    for target in named:
        if target not in there:
            error = InventoryError(
                f"The folder `{printable(target)}` does not exist",
                code="folder-missing",
                hint="Check `workflow_directories` in config.json, or the path",
            )
            session.found_problem(Problem.of(error, where=printable(target)))
    return there


def read_library(session: Session, files: Sequence[str], inventory: Inventory) -> Library:
    """What every workflow among the files needs, taken together; unreadable ones with their error."""
    started = time.monotonic()
    library = _gathered(session, files, inventory) if files else Library()
    _tell_end(session, started, len(files), len(library.workflows), sum(not row.ok for row in library.workflows))
    return library


def read_all(session: Session, files: Sequence[str], inventory: Inventory) -> list[Workflow]:
    """Every workflow among the files, unreadable ones with their error."""
    started = time.monotonic()
    workflows = [workflow for workflow in _read_each(session, files, inventory) if workflow is not None]
    _tell_end(session, started, len(files), len(workflows), sum(not workflow.ok for workflow in workflows))
    return workflows


def _tell_end(session: Session, started: float, files: int, workflows: int, failed: int) -> None:
    session.emit(
        "scan.finished",
        workflows=workflows - failed,
        failed=failed,
        passed_over=files - workflows,
        seconds=round(time.monotonic() - started, 3),
    )


def _gathered(session: Session, files: Sequence[str], inventory: Inventory) -> Library:
    from comfyfixer.pipeline.reading.many import read_together

    return read_together(files, _pack_inputs(inventory), session.workdir.readings, _watch(session, len(files)))


def _read_each(session: Session, files: Sequence[str], inventory: Inventory) -> Iterator[Workflow | None]:
    """Each file's needs, in order; None for a file that is no workflow."""
    if not files:
        return
    from comfyfixer.pipeline.reading.many import read_many

    watch = _watch(session, len(files))
    workflows = read_many(files, _pack_inputs(inventory), session.workdir.readings)
    for number, workflow in enumerate(workflows, start=1):
        watch(number, workflow)
        yield workflow


def _watch(session: Session, total: int) -> Callable[[int, Workflow | None], None]:
    """What is done after each file: its error is told, now and then the progress; and the user may stop it."""

    def watch(number: int, workflow: Workflow | None) -> None:
        if workflow is not None and workflow.error:
            _tell_error(session, workflow)
        if number % _PROGRESS_EVERY == 0 or number == total:
            session.check_stop()
            session.emit("phase.progressed", current=number, total=total)

    return watch


def _tell_error(session: Session, workflow: Workflow) -> None:
    """Told now; the report takes it from the workflow's own row."""
    if error := workflow.error:
        session.emit("problem.found", code=error.code, message=error.message, hint=error.hint, where=error.where)


def _pack_inputs(inventory: Inventory) -> Mapping[str, Mapping[str, LoaderInput]]:
    of_packs = (pack.inputs for pack in inventory.packs if pack.enabled)
    return {node_type: inputs for known in (inventory.builtin_inputs, *of_packs) for node_type, inputs in known.items()}
