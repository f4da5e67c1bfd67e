"""What every run has around its work: the folder's lock, its logs and `status.json`, the word that ends it."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from comfyfixer import __version__
from comfyfixer.errors import EXIT_BUG, ComfyFixerError, Interrupted, UsageError
from comfyfixer.files import unwritable
from comfyfixer.journal.journal import Journal, Listener
from comfyfixer.journal.live import LiveStatus
from comfyfixer.journal.logs import JsonLog, TextLog
from comfyfixer.journal.runlock import held
from comfyfixer.model.run import RunRecord
from comfyfixer.model.status import Status, StatusData
from comfyfixer.paths import Workdir, printable


@contextlib.contextmanager
def begun(record: RunRecord, workdir: Workdir, listeners: Iterable[Listener]) -> Iterator[Journal]:
    """The journal of a run that is alone in its working folder; what stops the body is told to it.

    Raises:
        UsageError: `workdir-foreign`, `workdir-unwritable` or `run-active`.
    """
    _check_ours(workdir, record)
    with held(workdir.run_lock):
        own = (*_logs(workdir, record), LiveStatus(workdir.status, _first_status(workdir, record)))
        with Journal(record.run_id, (*own, *listeners)) as journal:
            journal.emit("run.started", command=record.command, version=__version__, workdir=printable(workdir.root))
            try:
                yield journal
            except (ComfyFixerError, KeyboardInterrupt) as error:
                told = error if isinstance(error, ComfyFixerError) else Interrupted("Stopped at once")
                _stopped(journal, told.code, told.message, told.hint, told.exit_code)
                raise
            except Exception as error:
                _stopped(journal, "unexpected", f"{type(error).__name__}: {error}", None, EXIT_BUG)
                raise


def _stopped(journal: Journal, code: str, message: str, hint: str | None, exit_code: int) -> None:
    journal.emit("run.stopped", code=code, message=message, hint=hint, exit_code=exit_code)


def _check_ours(workdir: Workdir, record: RunRecord) -> None:
    """Files of the user's own that have our names are not overwritten: the first run here looks for them.

    `sync` writes only two of them, and drops nothing from a lock file that was put there to be made true.
    """
    written = (workdir.workflows, workdir.missing_models, workdir.missing_nodes, workdir.resolutions,
               workdir.downloads, workdir.summary, workdir.lock)  # fmt: skip
    foreign = [path for path in (workdir.status, *written * (record.lock is None)) if path.exists()]
    if foreign and not workdir.run_lock.exists():
        shown = ", ".join(f"`{printable(path)}`" for path in foreign)
        hint = "Name another working folder with `--workdir DIR`, or move these files away"
        raise UsageError(f"{shown} would be overwritten, and is not from a run here", code="workdir-foreign", hint=hint)


def _logs(workdir: Workdir, record: RunRecord) -> tuple[Listener, Listener]:
    """`log/<command>_YYYYMMDD_HHMMSS.log` and its `.jsonl` twin; a second run in the same second gets its own."""
    stem = f"{record.command}_{datetime.now().astimezone():%Y%m%d_%H%M%S}"
    name, number = stem, 1
    while (workdir.log_dir / f"{name}.log").exists():
        number += 1
        name = f"{stem}_{number}"
    try:
        return TextLog(workdir.log_dir / f"{name}.log"), JsonLog(workdir.log_dir / f"{name}.jsonl")
    except OSError as error:
        raise unwritable(workdir.log_dir, error) from error


def _first_status(workdir: Workdir, record: RunRecord) -> Status:
    """The status before the first event; counters of steps that are done already are carried over."""
    started = record.started
    data = StatusData()
    if record.steps[0] != "scan" or record.done:
        try:
            data = msgspec.json.decode(workdir.status.read_bytes(), type=Status).data
        except (OSError, msgspec.MsgspecError):
            data = StatusData()
    data = msgspec.structs.replace(data, current_download=None, downloads_successful=0, downloads_failed=0)
    if "resolve" in record.steps and "resolve" not in record.done:
        data = msgspec.structs.replace(data, civitai_matches=0, huggingface_matches=0)
    return Status(
        timestamp=started, run_id=record.run_id, pid=os.getpid(), command=record.command, started=started, data=data
    )
