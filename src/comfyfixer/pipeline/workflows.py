"""Each workflow's verdict, by what the last steps left in `output/`."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from comfyfixer.model.run import Overview, WorkflowRow
from comfyfixer.pipeline.overview import overview
from comfyfixer.pipeline.plan import named_workflows
from comfyfixer.pipeline.record import new_record
from comfyfixer.pipeline.session import Session, read_rows


def judged(session: Session, names: Sequence[str] = ()) -> tuple[Overview, str]:
    """What is known of the workflows, and when the last scan ended.

    Args:
        names: Only these, by path, name or pattern; empty means all.

    Raises:
        UsageError: `state-missing` where nothing was scanned, `path-not-found`.
    """
    path = session.workdir.workflows
    rows = read_rows(path, WorkflowRow, step="scan")
    found = overview(new_record("workflows", ("resolve",)), session)
    if names:
        wanted = named_workflows(names, rows)
        found = msgspec.structs.replace(found, workflows=tuple(row for row in rows if row.path in wanted))
    scanned = datetime.fromtimestamp(os.stat(path).st_mtime, UTC).astimezone()
    return found, scanned.isoformat(timespec="seconds")
