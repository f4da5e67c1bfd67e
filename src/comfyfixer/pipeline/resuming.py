"""Which run `resume` goes on with, and from which step."""

from pathlib import Path
from typing import Final, TypeVar

from msgspec import structs

from comfyfixer.errors import EXIT_BUG, EXIT_INTERRUPTED, UsageError
from comfyfixer.model.missing import MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import RunRecord
from comfyfixer.paths import Workdir
from comfyfixer.pipeline.run import last_record
from comfyfixer.pipeline.session import read_rows
from comfyfixer.resolve.verdict import step_to_repeat

Row = TypeVar("Row")
_STOPPED: Final = (None, EXIT_INTERRUPTED, EXIT_BUG)


def unfinished_record(workdir: Workdir) -> RunRecord:
    """The run that was interrupted, or that a hub or a disk left unfinished, to go on with.

    Raises:
        UsageError: `nothing-to-resume`.
    """
    record = last_record(workdir)
    if record is not None and record.exit_code in _STOPPED:
        return structs.replace(record, exit_code=None)
    again = step_to_repeat(
        _rows(workdir.resolutions, Resolution),
        _rows(workdir.missing_nodes, MissingNode),
        _rows(workdir.downloads, Outcome),
    )
    if record is None or again not in record.steps:
        hint = "`comfyfixer auto` starts a new run"
        raise UsageError("There is no interrupted run here", code="nothing-to-resume", hint=hint)
    return structs.replace(record, exit_code=None, done=record.steps[: record.steps.index(again)])


def _rows(path: Path, row: type[Row]) -> tuple[Row, ...]:
    """What a step wrote; nothing where it did not run, or its file is damaged: then there is nothing to repeat."""
    try:
        return read_rows(path, row, step="auto")
    except UsageError:
        return ()
