"""One run: its lock, its journal, its steps in order, its record for `resume`, its report."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from comfyfixer import __version__
from comfyfixer.errors import EXIT_BUG, ComfyFixerError, Interrupted, UsageError
from comfyfixer.files import write_whole
from comfyfixer.journal.journal import Journal, Listener
from comfyfixer.journal.live import LiveStatus
from comfyfixer.journal.logs import JsonLog, TextLog
from comfyfixer.journal.runlock import held
from comfyfixer.model.plan import NOTHING_LESS, Narrowing
from comfyfixer.model.run import RunRecord
from comfyfixer.model.status import Status, StatusData
from comfyfixer.paths import Workdir, printable
from comfyfixer.pipeline.overview import overview, written_report
from comfyfixer.pipeline.session import Session
from comfyfixer.report.items import Joined, joined
from comfyfixer.resolve.verdict import exit_code
from comfyfixer.settings import Settings


def run(
    record: RunRecord, settings: Settings, *, listeners: Iterable[Listener] = (), cancel: threading.Event
) -> tuple[Joined, int]:
    """Do the steps of `record` that are not done yet.

    Args:
        listeners: Further listeners, such as progress bars.
        cancel: Set from outside to stop cleanly.

    Returns:
        What the run came to, and the exit code.

    Raises:
        ComfyFixerError: What stopped the whole run; `Interrupted` when `cancel` was set.
    """
    workdir = Workdir(Path(settings.workdir))
    _check_ours(workdir)
    with held(workdir.run_lock):
        own = (*logs(workdir, record), LiveStatus(workdir.status, _first_status(workdir, record)))
        with Journal(record.run_id, (*own, *listeners)) as journal:
            journal.emit(
                "run.started", command=record.command, version=__version__, workdir=printable(settings.workdir)
            )
            return _told(journal, lambda: _steps(record, settings, journal, cancel))


def new_record(
    command: str,
    steps: Sequence[str],
    targets: Sequence[str] = (),
    *,
    comfyui_root: str | None = None,
    workflow_directories: Sequence[str] = (),
    config: str | None = None,
    comfyui_url: str | None = None,
    offline: bool = False,
    refresh: bool = False,
    narrowing: Narrowing = NOTHING_LESS,
    download: Mapping[str, Any] = {},
) -> RunRecord:
    """The record of a run that begins now; the rest is what was said on the command line."""
    now = datetime.now().astimezone()
    run_id = f"{now:%Y%m%d-%H%M%S}-{os.getpid()}"
    return RunRecord(
        run_id=run_id,
        command=command,
        steps=tuple(steps),
        targets=tuple(os.path.abspath(target) for target in targets),
        started=now.isoformat(timespec="seconds"),
        comfyui_root=comfyui_root,
        workflow_directories=tuple(workflow_directories),
        config=config,
        comfyui_url=comfyui_url,
        offline=offline,
        refresh=refresh,
        narrowing=narrowing,
        download=dict(download),
    )


def last_record(workdir: Workdir) -> RunRecord | None:
    """The last run's record; None where there is none that can be read."""
    try:
        record = _decoded(workdir.run_record.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    known = record.steps and {*record.steps, *record.done} <= STEPS.keys() and record.command.replace("-", "").isalpha()
    return record if known else None


def _check_ours(workdir: Workdir) -> None:
    """Files of the user's own that have our names are not overwritten: the first run here looks for them."""
    ours = (workdir.status, workdir.workflows, workdir.missing_models, workdir.missing_nodes, workdir.resolutions,
            workdir.downloads, workdir.summary, workdir.lock)  # fmt: skip
    foreign = [path for path in ours if path.exists()]
    if foreign and not workdir.run_lock.exists():
        shown = ", ".join(f"`{printable(path)}`" for path in foreign)
        hint = "Name another working folder with `--workdir DIR`, or move these files away"
        raise UsageError(f"{shown} would be overwritten, and is not from a run here", code="workdir-foreign", hint=hint)


# --- inside ----------------------------------------------------------------------------------------------------------


def _steps(record: RunRecord, settings: Settings, journal: Journal, cancel: threading.Event) -> tuple[Joined, int]:
    session = Session(settings, journal.emit, cancel.is_set, record.targets, record.narrowing)
    _save(session.workdir, record)
    if "download" in record.steps:
        _check_roots(session)
    for step in record.steps:
        if step not in record.done:
            session.check_stop()
            if session.narrowing.only and step != "scan":
                _check_names(session)
            STEPS[step](session)
            record = msgspec.structs.replace(record, done=(*record.done, step))
            if step != record.steps[-1]:  # the end is saved below, with the exit code
                _save(session.workdir, record)
    result = overview(record, session)
    code = exit_code(result)
    told = joined(result)
    written_report(told, session)
    _save(session.workdir, msgspec.structs.replace(record, exit_code=code))
    return told, code


def _told(journal: Journal, work: Callable[[], tuple[Joined, int]]) -> tuple[Joined, int]:
    """The work, with its end told to the journal whatever it is."""
    started = datetime.now().astimezone()
    try:
        result, code = work()
    except (ComfyFixerError, KeyboardInterrupt) as error:
        told = error if isinstance(error, ComfyFixerError) else Interrupted("Stopped at once")
        journal.emit("run.stopped", code=told.code, message=told.message, hint=told.hint, exit_code=told.exit_code)
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        journal.emit("run.stopped", code="unexpected", message=message, hint=None, exit_code=EXIT_BUG)
        raise
    seconds = round((datetime.now().astimezone() - started).total_seconds(), 2)
    journal.emit("run.finished", command=result.overview.command, exit_code=code, seconds=seconds)
    return result, code


def _save(workdir: Workdir, record: RunRecord) -> None:
    """What only reads can be begun anew after a power cut; a run that downloads waits until this is on the disk."""
    write_whole(workdir.run_record, _encoded(record), durable="download" in record.steps)


def _encoded(record: RunRecord) -> bytes:
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:  # a path that is no UTF-8: the standard library's JSON keeps it
        import json

        return json.dumps(msgspec.to_builtins(record)).encode()


def _decoded(data: bytes) -> RunRecord:
    """Raises `ValueError` where it is no record."""
    try:
        return msgspec.json.decode(data, type=RunRecord)
    except msgspec.DecodeError:
        import json

        return msgspec.convert(json.loads(data), RunRecord)


def logs(workdir: Workdir, record: RunRecord) -> tuple[Listener, Listener]:
    """`log/<command>_YYYYMMDD_HHMMSS.log` and its `.jsonl` twin; a second run in the same second gets its own."""
    stem = f"{record.command}_{datetime.now().astimezone():%Y%m%d_%H%M%S}"
    name, number = stem, 1
    while (workdir.log_dir / f"{name}.log").exists():
        number += 1
        name = f"{stem}_{number}"
    try:
        return TextLog(workdir.log_dir / f"{name}.log"), JsonLog(workdir.log_dir / f"{name}.jsonl")
    except OSError as error:
        raise UsageError(
            f"`{workdir.log_dir}` can't be written: {error.strerror or error}",
            code="workdir-unwritable",
            hint="Name a folder that can be written with `--workdir DIR`",
        ) from error


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


def _check_names(session: Session) -> None:
    from comfyfixer.pipeline.plan import check_names

    check_names(session)


def _check_roots(session: Session) -> None:
    from comfyfixer.pipeline.roots import check_roots

    check_roots(session.settings)


def _scan(session: Session) -> None:
    from comfyfixer.pipeline.scan import scan

    scan(session)


def _resolve(session: Session) -> None:
    from comfyfixer.pipeline.resolve import resolve

    resolve(session)


def _download(session: Session) -> None:
    from comfyfixer.pipeline.download import download

    download(session)


STEPS: Final[dict[str, Callable[[Session], None]]] = {"scan": _scan, "resolve": _resolve, "download": _download}
"""Each imported when it is its turn: `scan` must not pay for the downloader."""
