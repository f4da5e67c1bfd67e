"""Step 3: fetch what is accepted, verify it, place it; write `output/downloads.json`."""

import os
import shutil
from collections.abc import Iterator, Sequence
from functools import partial

from comfyfixer.download.fetch import fetch
from comfyfixer.download.space import check_space
from comfyfixer.errors import DownloadError
from comfyfixer.model.download import FetchRequest
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.net.client import make_client
from comfyfixer.paths import inside
from comfyfixer.pipeline.installation import Places, find_places
from comfyfixer.pipeline.parallel import in_parallel
from comfyfixer.pipeline.session import Session, read_rows, read_rows_if_there


def download(session: Session) -> None:
    """Fetch every accepted file that is still missing.

    Raises:
        UsageError: No `resolve` has been made in this folder.
        Interrupted: The user stopped; parts stay for `resume`.
    """
    missing = {(row.folder, row.value) for row in read_rows(session.workdir.missing_models, MissingModel, step="scan")}
    rows = read_rows(session.workdir.resolutions, Resolution, step="resolve")
    accepted = [row for row in rows if row.decision == "accepted" and (row.folder, row.value) in missing]
    session.emit("phase.started", phase="downloading", total=len(accepted))
    requests, refused = _requests(accepted, find_places(session))
    outcomes = _Outcomes(session, len(accepted), refused)
    _fetch_all(session, [request for request in requests if not outcomes.already_done(request)], outcomes)
    session.write(session.workdir.downloads, outcomes.rows)


def _requests(accepted: Sequence[Resolution], places: Places) -> tuple[list[FetchRequest], list[Outcome]]:
    """What to fetch, what makes most workflows runnable first; and what can't be placed, with the reason."""
    requests: list[tuple[tuple[int, int], FetchRequest]] = []
    refused: list[Outcome] = []
    for row in accepted:
        try:
            requests.append(((-len(row.workflows), row.size_bytes or 0), _request(row, places)))
        except DownloadError as error:
            refused.append(_failed(row.filename, row.source, Problem.of(error, where=row.workflows[0])))
    return [request for _, request in sorted(requests, key=lambda item: item[0])], refused


def _request(row: Resolution, places: Places) -> FetchRequest:
    """The final place of one file; its sub-folder is kept.

    Raises:
        UnsafeName: The workflow's name for it is no safe path.
    """
    root = places.root(row.folder or "")
    target = inside(root, row.value)
    return FetchRequest(
        filename=row.filename,
        target=os.fspath(target),
        root=os.fspath(root),
        candidates=row.candidates,
        folder=row.folder or "",
    )


def _failed(filename: str, source: str, problem: Problem) -> Outcome:
    return Outcome(filename=filename, source=source, success=False, error=problem)


class _Outcomes:
    """Collects outcomes and keeps `downloads.json` whole after each: a killed run loses none."""

    def __init__(self, session: Session, total: int, refused: Sequence[Outcome]) -> None:
        self._session = session
        self._total = total
        self._earlier = {
            row.path: row for row in read_rows_if_there(session.workdir.downloads, Outcome) if row.success and row.path
        }
        self.rows: list[Outcome] = []
        for outcome in refused:
            self.add_refused(outcome)

    def add(self, outcome: Outcome) -> None:
        """Take one outcome and write."""
        self.rows.append(outcome)
        self._session.emit("phase.progressed", current=len(self.rows), total=self._total)
        self._session.save(self._session.workdir.downloads, self.rows)

    def add_refused(self, outcome: Outcome) -> None:
        """Take one that was refused before its first byte, and tell."""
        if outcome.error:
            self._session.emit(
                "download.failed", filename=outcome.filename, code=outcome.error.code, message=outcome.error.message
            )
        self.add(outcome)

    def already_done(self, request: FetchRequest) -> bool:
        """Whether an earlier run placed this very file, and it stands as it was placed."""
        row = self._earlier.get(request.target)
        promised = request.candidates[0].sha256
        if row is None or (promised and promised != row.sha256) or _size(request.target) != row.size_bytes:
            return False
        self._session.emit("download.skipped", filename=request.filename, why=f"is in place already: {row.path}")
        self.add(row)
        return True


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def _fetch_all(session: Session, requests: Sequence[FetchRequest], outcomes: _Outcomes) -> None:
    """`max_concurrent` at a time, after the whole plan's space was checked."""
    problems = check_space(requests, lambda folder: shutil.disk_usage(folder).free)
    for request in requests:
        if request.target in problems:
            problem = problems[request.target]
            outcomes.add_refused(_failed(request.filename, request.candidates[0].source, problem))
    for outcome in _fetched(session, [request for request in requests if request.target not in problems]):
        outcomes.add(outcome)


def _fetched(session: Session, requests: Sequence[FetchRequest]) -> Iterator[Outcome]:
    """Outcomes as they come.

    Raises:
        Interrupted: After every transfer has come to a clean stop.
    """
    settings = session.settings
    with make_client(settings, session.emit, cache_path=None) as client:
        one = partial(
            fetch, client=client, emit=session.emit, cancelled=session.cancelled, verify_hashes=settings.verify_hashes
        )
        work = [partial(one, request) for request in requests]
        for _, outcome in in_parallel(session, work, at_once=settings.max_concurrent, on_stop=client.stop):
            yield outcome
