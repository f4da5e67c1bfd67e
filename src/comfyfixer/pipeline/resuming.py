"""Which run `resume` goes on with, and from which step."""

from pathlib import Path
from typing import Final, TypeVar

from msgspec import structs

from comfyfixer.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_REMOTE, UsageError
from comfyfixer.model.missing import MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import RunRecord
from comfyfixer.paths import Workdir, printable
from comfyfixer.pipeline.record import last_record
from comfyfixer.pipeline.session import read_rows
from comfyfixer.resolve.verdict import step_to_repeat

Row = TypeVar("Row")
_STOPPED: Final = (None, EXIT_INTERRUPTED, EXIT_BUG)
_NEW_RUN: Final = "`comfyfixer auto` starts a new run"


def unfinished_record(workdir: Workdir) -> RunRecord:
    """The run that was interrupted, or that a hub or a disk left unfinished, to go on with.

    Raises:
        UsageError: `nothing-to-resume`; `path-not-found`: the lock file of a `sync` is gone.
    """
    record = last_record(workdir)
    if record is not None and record.lock is not None:
        return _unfinished_sync(record, record.lock)
    if record is not None and record.exit_code in _STOPPED:
        return structs.replace(record, exit_code=None)
    again = step_to_repeat(
        _rows(workdir.resolutions, Resolution),
        _rows(workdir.missing_nodes, MissingNode),
        _rows(workdir.downloads, Outcome),
    )
    if record is None or again not in record.steps:
        raise _nothing(f"`comfyfixer {again}` tries again what it left open" if again else _NEW_RUN)
    return structs.replace(record, exit_code=None, done=record.steps[: record.steps.index(again)])


def _unfinished_sync(record: RunRecord, lock: str) -> RunRecord:
    """The same for a `sync`: its lock file is all that it goes by."""
    shown = printable(lock)
    if record.exit_code not in (*_STOPPED, EXIT_REMOTE):
        again = f"The last run was a `sync` of {shown}: the same command tries again what failed"
        raise _nothing(again if record.exit_code else _NEW_RUN)
    if not Path(lock).is_file():
        hint = "Bring it back; or `comfyfixer sync LOCK`, with its new place, goes on where it stopped"
        message = f"The lock file of the interrupted `sync`, {shown}, is not there any more"
        raise UsageError(message, code="path-not-found", hint=hint)
    return structs.replace(record, exit_code=None)


def _nothing(hint: str) -> UsageError:
    return UsageError("There is no interrupted run here", code="nothing-to-resume", hint=hint)


def _rows(path: Path, row: type[Row]) -> tuple[Row, ...]:
    """What a step wrote; nothing where it did not run, or its file is damaged: then there is nothing to repeat."""
    try:
        return read_rows(path, row, step="auto")
    except UsageError:
        return ()
