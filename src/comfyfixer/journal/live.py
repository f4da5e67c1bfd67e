"""`status.json`: a fold over the events, written whole at most a few times a second."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from comfyfixer.files import write_whole
from comfyfixer.model.download import Progress
from comfyfixer.model.event import Event
from comfyfixer.model.problem import Problem
from comfyfixer.model.status import PhaseProgress, Status, StatusData

MAX_ERRORS: Final = 100
_AT_ONCE: Final = frozenset({"run.finished", "run.stopped", "phase.started", "download.started", "download.waiting"})


def advance(status: Status, event: Event) -> Status:
    """The status after one event; pure."""
    change = _CHANGES.get(event.action)
    changed = change(status, event.details) if change else status
    return msgspec.structs.replace(changed, timestamp=event.timestamp, updated=event.timestamp)


def _started(status: Status, details: dict[str, Any]) -> Status:
    return msgspec.structs.replace(status, command=details["command"])


def _finished(status: Status, details: dict[str, Any]) -> Status:
    data = msgspec.structs.replace(status.data, current_download=None)
    return msgspec.structs.replace(
        status, phase="complete", exit_code=details["exit_code"], downloads=(), data=data, waiting_until=None
    )


def _stopped(status: Status, details: dict[str, Any]) -> Status:
    return msgspec.structs.replace(
        _problem(status, details),
        phase="error",
        interrupted_phase=status.phase,
        exit_code=details["exit_code"],
        downloads=(),
        waiting_until=None,
    )


def _phase(status: Status, details: dict[str, Any]) -> Status:
    return msgspec.structs.replace(
        status, phase=details["phase"], progress=PhaseProgress(current=0, total=details["total"])
    )


def _progressed(status: Status, details: dict[str, Any]) -> Status:
    current, total = details["current"], details["total"]
    percent = round(100 * current / total, 1) if total else 100.0
    return msgspec.structs.replace(status, progress=PhaseProgress(current=current, total=total, percent=percent))


def _problem(status: Status, details: dict[str, Any]) -> Status:
    problem = Problem(
        code=details["code"], message=details["message"], hint=details.get("hint"), where=details.get("where")
    )
    return _with_error(status, problem)


def _with_error(status: Status, problem: Problem) -> Status:
    return msgspec.structs.replace(status, errors=(*status.errors, problem)[-MAX_ERRORS:])


def _scanned(status: Status, details: dict[str, Any]) -> Status:
    return _with_data(status, workflows_scanned=details["workflows"])


def _missing(status: Status, details: dict[str, Any]) -> Status:
    return _with_data(status, missing_models=details["missing_models"], missing_nodes=details["missing_nodes"])


def _decided(status: Status, details: dict[str, Any]) -> Status:
    field = {"civitai": "civitai_matches", "huggingface": "huggingface_matches"}.get(details["source"])
    if field is None or details["decision"] == "not_found":
        return status
    return _with_data(status, **{field: getattr(status.data, field) + 1})


def _waiting(status: Status, details: dict[str, Any]) -> Status:
    return msgspec.structs.replace(status, waiting_until=details["until"])


def _download_begun(status: Status, details: dict[str, Any]) -> Status:
    status = msgspec.structs.replace(status, waiting_until=None)
    return _with_progress(status, details, bytes_done=0, bytes_total=details.get("size_bytes"))


def _download_progressed(status: Status, details: dict[str, Any]) -> Status:
    return _with_progress(status, details, bytes_done=details["bytes_done"], bytes_total=details["bytes_total"])


def _with_progress(status: Status, details: dict[str, Any], bytes_done: int, bytes_total: int | None) -> Status:
    name = details["filename"]
    row = Progress(
        filename=name,
        bytes_done=bytes_done,
        bytes_total=bytes_total,
        bytes_per_second=details.get("bytes_per_second") or 0.0,
        eta_seconds=details.get("eta_seconds"),
    )
    before = _row(status, name)
    rows = [row if other is before else other for other in status.downloads]
    if before is None:
        rows.append(row)
    status = _moved(status, bytes_done - (before.bytes_done if before else 0))
    return _with_data(msgspec.structs.replace(status, downloads=tuple(rows)), current_download=name)


def _planned(status: Status, details: dict[str, Any]) -> Status:
    return msgspec.structs.replace(status, bytes_done=0, bytes_total=details["size_bytes"])


def _row(status: Status, filename: str) -> Progress | None:
    return next((row for row in status.downloads if row.filename == filename), None)


def _moved(status: Status, done: int, total: int = 0) -> Status:
    """So many bytes more, or less, of the plan are here, and are to come in all."""
    if status.bytes_total is None:
        return status
    return msgspec.structs.replace(
        status, bytes_done=max(0, status.bytes_done + done), bytes_total=max(0, status.bytes_total + total)
    )


def _download_ended(status: Status, details: dict[str, Any], field: str) -> Status:
    rows = tuple(row for row in status.downloads if row.filename != details["filename"])
    current = rows[-1].filename if rows else None
    status = _with_data(msgspec.structs.replace(status, downloads=rows), current_download=current)
    return _with_data(status, **{field: getattr(status.data, field) + 1})


def _download_finished(status: Status, details: dict[str, Any]) -> Status:
    row = _row(status, details["filename"])
    before = row.bytes_done if row else 0
    status = _moved(status, (details.get("size_bytes") or before) - before)
    return _download_ended(status, details, "downloads_successful")


def _download_skipped(status: Status, details: dict[str, Any]) -> Status:
    """What is in its place already counts as done: a resumed run's numbers are those of `downloads.json`."""
    return _download_ended(status, details, "downloads_successful")


def _download_failed(status: Status, details: dict[str, Any]) -> Status:
    """Its bytes are not waited for any more."""
    row = _row(status, details["filename"])
    size_bytes = row.bytes_total if row else details.get("size_bytes")
    status = _moved(status, -row.bytes_done if row else 0, -(size_bytes or 0))
    return _problem(_download_ended(status, details, "downloads_failed"), {**details, "where": details["filename"]})


def _with_data(status: Status, **fields: Any) -> Status:
    data: StatusData = msgspec.structs.replace(status.data, **fields)
    return msgspec.structs.replace(status, data=data)


_CHANGES: Final[dict[str, Callable[[Status, dict[str, Any]], Status]]] = {
    "run.started": _started,
    "run.finished": _finished,
    "run.stopped": _stopped,
    "phase.started": _phase,
    "phase.progressed": _progressed,
    "problem.found": _problem,
    "scan.finished": _scanned,
    "missing.found": _missing,
    "decision.made": _decided,
    "download.waiting": _waiting,
    "plan.made": _planned,
    "store.linked": _download_finished,
    "download.started": _download_begun,
    "download.progressed": _download_progressed,
    "download.finished": _download_finished,
    "download.skipped": _download_skipped,
    "download.failed": _download_failed,
}


class LiveStatus:
    """Keeps `status.json` up to date; a reader never sees half a file.

    Args:
        status: What is known before the first event: run id, pid, start, counters of earlier steps.
        interval_s: Least time between two writes, but for events that must show at once.
    """

    def __init__(
        self, path: Path, status: Status, *, interval_s: float = 0.25, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.status = status
        self._path = path
        self._interval_s = interval_s
        self._clock = clock
        self._written_at = float("-inf")
        self._write()

    def hear(self, event: Event) -> None:
        """Fold one event in; write when it is time."""
        self.status = advance(self.status, event)
        if event.action in _AT_ONCE or self._clock() - self._written_at >= self._interval_s:
            self._write()

    def close(self) -> None:
        """Write the last word, unless it is written."""
        if self.status is not self._written:
            self._write()

    def _write(self) -> None:
        write_whole(self._path, msgspec.json.format(msgspec.json.encode(self.status), indent=2), durable=False)
        self._written = self.status
        self._written_at = self._clock()
