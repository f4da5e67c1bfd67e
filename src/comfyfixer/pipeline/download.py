"""Step 3: fetch what is accepted, verify it, place it; write `output/downloads.json`."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from comfyfixer.download.space import check_space
from comfyfixer.inventory.hashes import HashCache
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.net.client import make_client
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.extras import Extras, with_twin
from comfyfixer.pipeline.fetching import fetched
from comfyfixer.pipeline.installation import Places, find_places
from comfyfixer.pipeline.own_lock import write_lock
from comfyfixer.pipeline.placing import Order, orders, warn_of_unused_names
from comfyfixer.pipeline.plan import in_plan, tell
from comfyfixer.pipeline.roots import Roots
from comfyfixer.pipeline.session import Session, read_rows, read_rows_if_there
from comfyfixer.resolve.verdict import to_fetch


def download(session: Session) -> None:
    """Fetch every accepted file that is still missing.

    Raises:
        UsageError: No `resolve` has been made in this folder.
        Interrupted: The user stopped; parts stay for `resume`.
    """
    missing = read_rows(session.workdir.missing_models, MissingModel, step="scan")
    rows = read_rows(session.workdir.resolutions, Resolution, step="resolve")
    accepted = to_fetch(rows, missing)
    extras = Extras(session, lambda: make_client(session.settings, session.emit, cache_path=None))
    places = find_places(session)
    wanted, refused = orders(accepted, Roots(places, session.settings), allow_pickle=session.settings.allow_pickle)
    names = {name for row in rows for name in (row.filename, row.value)}
    warn_of_unused_names(session, names | {order.request.filename for order in wanted})
    made, wanted, refused = in_plan(session, wanted, refused)
    session.left_out = [file for file in made.open if file.state == "left-out"]
    session.emit("phase.started", phase="downloading", total=len(wanted) + len(refused))
    tell(session, made)
    with HashCache(session.workdir.hashes, session.emit) as hashes:
        outcomes = _Outcomes(session, len(wanted) + len(refused), hashes, extras, places)
        for refusal in refused:
            outcomes.refuse(refusal.row, refusal.problem)
        try:
            _fetch_all(session, [order for order in wanted if not outcomes.already_done(order)], outcomes, extras)
        finally:
            write_lock(session, extras.done, places)
        extras.finish()
    session.write(session.workdir.downloads, outcomes.rows)


class _Outcomes:
    """Collects outcomes and keeps `downloads.json` whole after each: a killed run loses none."""

    def __init__(self, session: Session, total: int, hashes: HashCache, extras: Extras, places: Places) -> None:
        self._extras = extras
        self._session = session
        self._total = total
        self._hashes = hashes
        earlier = read_rows_if_there(session, session.workdir.downloads, Outcome)
        self._places = places
        self._earlier = {row.key: row for row in earlier if row.success and row.path}
        self.rows: list[Outcome] = []

    def add(self, row: Resolution, outcome: Outcome) -> None:
        """Take the outcome of one row, and write."""
        if outcome.success and outcome.path and outcome.sha256:
            self._hashes.record_placed(outcome.path, outcome.sha256)
        self.rows.append(_completed(outcome, row))
        self._session.emit("phase.progressed", current=len(self.rows), total=self._total)
        self._session.save(self._session.workdir.downloads, self.rows)

    def came(self, order: Order, outcome: Outcome) -> None:
        """Take what became of an order; the file gets its last form before its state is noted."""
        self._extras.after(order, outcome)
        self.add(order.row, with_twin(order, outcome))

    def refuse(self, row: Resolution, problem: Problem) -> None:
        """Take one that is refused before its first byte, and tell."""
        self._session.emit(
            "download.failed", filename=row.filename, code=problem.code, message=problem.message, hint=problem.hint,
            size_bytes=row.size_bytes,
        )  # fmt: skip
        self.add(row, Outcome(filename=row.filename, source=row.source, success=False, error=problem))

    def already_done(self, order: Order) -> bool:
        """Whether an earlier run placed this very file, and it stands as it was placed: here, or in another root."""
        earlier = self._earlier.get(order.row.key)
        promised = order.row.sha256
        if earlier is None or not earlier.path or (promised and promised != earlier.sha256):
            return False
        stamp = _stamp(earlier.path)
        if stamp != (earlier.size_bytes, earlier.mtime_ns) or not self._is_searched(order, earlier.path):
            return False
        why = f"is in place already: {earlier.path}"
        self._session.emit("download.skipped", filename=order.row.filename, why=why)
        self.came(order, earlier)
        return True

    def _is_searched(self, order: Order, path: str) -> bool:
        roots = (order.request.root, *self._places.roots(order.request.folder))
        return any(Path(path).is_relative_to(printable(root)) for root in roots)


def _completed(outcome: Outcome, row: Resolution) -> Outcome:
    """The outcome with what tells whose it is, and how its file can be known again."""
    _, mtime_ns = _stamp(outcome.path) if outcome.success and outcome.path else (None, None)
    return msgspec.structs.replace(
        outcome,
        filename=row.filename,
        folder=row.folder,
        value=row.value,
        path=printable(outcome.path) if outcome.path else None,
        mtime_ns=mtime_ns,
    )


def _stamp(path: str) -> tuple[int | None, int | None]:
    """Size and modification time; both change with the content, or the file is hashed again."""
    try:
        status = os.stat(openable(path))
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns


def _fetch_all(session: Session, wanted: Sequence[Order], outcomes: _Outcomes, extras: Extras) -> None:
    """`max_concurrent` at a time, after what the store has, who may have the rest, and the whole plan's space."""
    linked = list(extras.from_store(wanted))
    for order, outcome in linked:
        outcomes.came(order, outcome)
    here = {order.request.target for order, _ in linked}
    to_fetch, problems = extras.refused([order for order in wanted if order.request.target not in here])
    problems |= check_space([order.request for order in to_fetch], lambda folder: shutil.disk_usage(folder).free)
    for order in wanted:
        if order.request.target in problems:
            outcomes.refuse(order.row, problems[order.request.target])
    fitting = [order for order in to_fetch if order.request.target not in problems]
    for order, outcome in fetched(
        session, fitting, lambda: make_client(session.settings, session.emit, cache_path=None)
    ):
        outcomes.came(order, outcome)
