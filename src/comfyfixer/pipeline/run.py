"""One run: its steps in order, its record for `resume`, its report."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.journal.journal import Journal, Listener
from comfyfixer.model.run import RunRecord
from comfyfixer.paths import Workdir
from comfyfixer.pipeline.lifecycle import begun
from comfyfixer.pipeline.overview import overview, written_report
from comfyfixer.pipeline.record import save_record
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
    began_s = time.monotonic()
    if "download" in record.steps:
        _check_beforehand(settings)
    with begun(record, Workdir(Path(settings.workdir)), listeners) as journal:
        result, code = _steps(record, settings, journal, cancel)
        seconds = round(time.monotonic() - began_s, 2)
        journal.emit("run.finished", command=record.command, exit_code=code, seconds=seconds)
    return result, code


# --- inside ----------------------------------------------------------------------------------------------------------


def _steps(record: RunRecord, settings: Settings, journal: Journal, cancel: threading.Event) -> tuple[Joined, int]:
    session = Session(settings, journal.emit, cancel.is_set, record.targets, record.narrowing)
    save_record(session.workdir, record)
    session.warn_of_settings()
    for step in record.steps:
        if step not in record.done:
            session.check_stop()
            if session.narrowing.only and step != "scan":
                _check_names(session)
            STEPS[step](session)
            record = msgspec.structs.replace(record, done=(*record.done, step))
            if step != record.steps[-1]:  # the end is saved below, with the exit code
                save_record(session.workdir, record)
    result = overview(record, session)
    code = exit_code(result)
    told = joined(result)
    written_report(told, session)
    save_record(session.workdir, msgspec.structs.replace(record, exit_code=code))
    return told, code


def _check_names(session: Session) -> None:
    from comfyfixer.pipeline.plan import check_names

    check_names(session)


def _check_beforehand(settings: Settings) -> None:
    from comfyfixer.pipeline.beforehand import check_beforehand

    check_beforehand(settings)


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
