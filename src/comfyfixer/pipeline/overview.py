"""What the steps left in `output/`, joined into one value for the report, the envelope and the exit code."""

import msgspec

from comfyfixer.files import write_whole
from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import Overview, RunRecord, ScanSummary, WorkflowRow
from comfyfixer.paths import printable
from comfyfixer.pipeline.session import Session, read_rows, read_rows_if_there, silent
from comfyfixer.report.items import Joined
from comfyfixer.report.summary import summary
from comfyfixer.settings import Settings


def overview(record: RunRecord, session: Session) -> Overview:
    """Join the files; rows about files that are not missing any more are left out."""
    workdir = session.workdir
    scanned = _last_scan(session)
    earlier = scanned.problems if "scan" in record.steps else ()
    missing = read_rows_if_there(session, workdir.missing_models, MissingModel)
    keys = {row.key for row in missing}
    resolutions = read_rows_if_there(session, workdir.resolutions, Resolution)
    kept = {row.key: row for row in resolutions if row.key in keys}
    return Overview(
        command=record.command,
        run_id=record.run_id,
        steps=record.steps,
        started=record.started,
        scanned=scanned,
        workflows=read_rows_if_there(session, workdir.workflows, WorkflowRow),
        missing_models=missing,
        missing_nodes=read_rows_if_there(session, workdir.missing_nodes, MissingNode),
        resolutions=tuple(kept.values()),
        downloads=tuple(row for row in read_rows_if_there(session, workdir.downloads, Outcome) if row.key in kept),
        problems=tuple(dict.fromkeys((*earlier, *session.problems))),
        left_out=tuple(session.left_out),
    )


def planned(record: RunRecord, settings: Settings) -> Overview:
    """What the files of earlier steps say, without a run.

    Raises:
        UsageError: `state-missing` when nothing has been resolved here.
    """
    session = Session(settings, silent, lambda: False)
    read_rows(session.workdir.resolutions, Resolution, step="resolve")
    return overview(record, session)


def _last_scan(session: Session) -> ScanSummary:
    try:
        return msgspec.json.decode(session.workdir.scan_summary.read_bytes(), type=ScanSummary)
    except (OSError, msgspec.MsgspecError):
        return ScanSummary()


def written_report(told: Joined, session: Session) -> None:
    """Write `output/summary_report.md`."""
    write_whole(session.workdir.summary, summary(told).encode("utf-8", "backslashreplace"), durable=False)
    session.emit("file.written", path=printable(session.workdir.summary))
