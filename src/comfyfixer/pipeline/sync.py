"""`sync`: make this installation equal to a lock file. The file may come from anybody.

Nothing in it is believed but hashes: what it calls a hub's file is asked from the configured end point by its ids, any
other address has to be on an allowed host, and bytes that are not the promised ones never get a name. It can't allow
a pickle, and its node packs are compared, not installed.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from comfyfixer.download.space import check_space
from comfyfixer.errors import DownloadError, UsageError
from comfyfixer.inventory.hashes import HashCache
from comfyfixer.journal.journal import Journal, Listener
from comfyfixer.model.lock import Lock, LockedModel, Synced, SyncedModel
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import base_name
from comfyfixer.model.run import RunRecord
from comfyfixer.net.client import make_client
from comfyfixer.paths import Workdir, printable
from comfyfixer.pipeline.beforehand import check_beforehand
from comfyfixer.pipeline.extras import Extras
from comfyfixer.pipeline.fetching import fetched
from comfyfixer.pipeline.installation import find_places
from comfyfixer.pipeline.lifecycle import begun
from comfyfixer.pipeline.lock_packs import compared
from comfyfixer.pipeline.lock_rows import LockedRows
from comfyfixer.pipeline.lockfile import read_lock
from comfyfixer.pipeline.own_lock import write_lock
from comfyfixer.pipeline.placing import Order, warn_of_unused_names
from comfyfixer.pipeline.record import save_record
from comfyfixer.pipeline.session import Session
from comfyfixer.redact import plain
from comfyfixer.report.synced import exit_code
from comfyfixer.settings import Settings

if TYPE_CHECKING:
    from comfyfixer.net.client import Client


def sync(
    record: RunRecord, path: Path, settings: Settings, listeners: Iterable[Listener], cancel: threading.Event
) -> tuple[Synced, Sequence[Problem]]:
    """Bring what is not here, and say what became of each row.

    Args:
        path: The record's lock file, as it is shown.

    Raises:
        UsageError: `lock-invalid`, or the settings can't be used.
        Interrupted: The user stopped; `resume` and the same command go on.
    """
    began_s = time.monotonic()
    lock, workdir = read_lock(path), Workdir(Path(settings.workdir))
    check_beforehand(settings)
    with begun(record, workdir, listeners) as journal:
        save_record(workdir, record)
        session = Session(settings, journal.emit, cancel.is_set)
        session.warn_of_settings()
        work = _Work(session, lock)
        work.bring(rewrites_lock=not _is_same(path, workdir.lock))
        result = _result(session, path, lock, work, dry_run=False)
        code = exit_code(result)
        save_record(workdir, msgspec.structs.replace(record, exit_code=code))
        seconds = round(time.monotonic() - began_s, 2)
        journal.emit("run.finished", command="sync", exit_code=code, seconds=seconds)
    return result, session.problems


def looked(
    path: Path, settings: Settings, listeners: Iterable[Listener], cancel: threading.Event
) -> tuple[Synced, Sequence[Problem]]:
    """What `sync` would do; nothing is written.

    Raises:
        UsageError: `lock-invalid`, or the settings can't be used.
        Interrupted: The user stopped.
    """
    lock = read_lock(path)
    session = Session(settings, Journal("", listeners).emit, cancel.is_set)
    session.warn_of_settings()
    return _result(session, path, lock, _Work(session, lock), dry_run=True), session.problems


def _result(session: Session, path: Path, lock: Lock, work: "_Work", *, dry_run: bool) -> Synced:
    return Synced(
        lock=printable(path),
        dry_run=dry_run,
        bytes_to_fetch=work.bytes_to_fetch,
        models=work.rows(),
        node_packs=tuple(compared(session, lock.node_packs)),
    )


class _Work:
    """The models of one lock file, on their way into one installation."""

    def __init__(self, session: Session, lock: Lock) -> None:
        self._session = session
        self._places = find_places(session)
        self._finder = LockedRows(session, self._places)
        self._extras = Extras(session, self._client)
        self._rows: dict[tuple[str, str], SyncedModel] = {}
        self._claims: dict[str, LockedModel] = {}
        self._twins: list[tuple[LockedModel, LockedModel]] = []
        self._orders: list[tuple[LockedModel, Order]] = []
        self._settled = 0
        names = {row.name for row in lock.models}
        warn_of_unused_names(session, names | {base_name(name) for name in names})
        with self._client() as client, HashCache(session.workdir.hashes, session.emit) as hashes:
            session.emit("phase.started", phase="scanning", total=len(lock.models))
            for count, row in enumerate(lock.models, start=1):
                session.check_stop()
                self._look(row, client, hashes)
                session.emit("phase.progressed", current=count, total=len(lock.models))
        self.bytes_to_fetch = sum(row.size_bytes for row, _ in self._orders)

    def rows(self) -> tuple[SyncedModel, ...]:
        """What is known of each."""
        twins = (
            msgspec.structs.replace(self._rows[first.folder, first.name], name=row.name, folder=row.folder)
            for row, first in self._twins
        )
        return (*self._rows.values(), *twins)

    def bring(self, *, rewrites_lock: bool) -> None:
        """Link, fetch, verify and place what is not here.

        Args:
            rewrites_lock: Write what came into the folder's own lock file; not where that is the one to be made true.
        """
        rows = {order.request.target: row for row, order in self._orders}
        orders = [order for _, order in self._orders]
        self._session.emit("phase.started", phase="downloading", total=len(orders))
        try:
            with HashCache(self._session.workdir.hashes, self._session.emit) as hashes:
                self._bring(orders, rows, hashes)
        finally:
            write_lock(self._session, self._extras.done, self._places, rewrites=rewrites_lock)
        self._extras.finish()

    def _bring(self, orders: Sequence[Order], rows: dict[str, LockedModel], hashes: HashCache) -> None:
        linked = list(self._extras.from_store(orders))
        for order, outcome in linked:
            self._came(rows[order.request.target], order, outcome, hashes, "linked")
        here = {order.request.target for order, _ in linked}
        wanted, problems = self._extras.refused([order for order in orders if order.request.target not in here])
        problems |= check_space([order.request for order in wanted], lambda folder: shutil.disk_usage(folder).free)
        for target, problem in problems.items():
            self._refuse(rows[target], problem, target)
            self._progressed()
        fitting = [order for order in wanted if order.request.target not in problems]
        for order, outcome in fetched(self._session, fitting, self._client):
            self._came(rows[order.request.target], order, outcome, hashes, "fetched")

    def _progressed(self) -> None:
        """One more file is settled, well or badly."""
        self._settled += 1
        self._session.emit("phase.progressed", current=self._settled, total=len(self._orders))

    def _came(self, row: LockedModel, order: Order, outcome: Outcome, hashes: HashCache, state: str) -> None:
        self._extras.after(order, outcome)
        self._progressed()
        if outcome.error is not None or outcome.path is None:
            self._failed(row, outcome.error, order.request.target)
            return
        if outcome.sha256:
            hashes.record_placed(outcome.path, outcome.sha256)
        self._note(row, "in-place" if outcome.already_there else state, outcome.path)

    def _look(self, row: LockedModel, client: "Client", hashes: HashCache) -> None:
        """Whether the file is here; else how it can be had."""
        try:
            order = self._finder.order(row, client)
            if self._is_named_already(row, order.request.target):
                return
            there = self._finder.here(row, order.request, hashes)
        except (DownloadError, OSError) as error:
            self._refuse(row, _problem(error, row), None)
            return
        if there is not None:
            self._note(row, "in-place", printable(there))
        else:
            self._orders.append((row, order))
            self._note(row, "to-fetch", printable(order.request.target))

    def _is_named_already(self, row: LockedModel, target: str) -> bool:
        """Whether an earlier row is the same file in the same place; folders have several names, and so have paths.

        Raises:
            UsageError: `lock-invalid`: it is another file for the same place.
        """
        first = self._claims.setdefault(os.path.normcase(target), row)
        if first.sha256 != row.sha256:
            raise UsageError(
                f"The lock file promises two different files for {printable(target)}",
                code="lock-invalid",
                hint="Remove the row that is not meant; `comfyfixer export --format lock` and `download` write one row",
            )
        if (first.folder, first.name) != (row.folder, row.name):
            self._twins.append((row, first))
        return first is not row

    def _note(self, row: LockedModel, state: str, path: str | None) -> None:
        self._rows[row.folder, row.name] = SyncedModel(
            name=row.name, folder=row.folder, state=state, path=path, size_bytes=row.size_bytes
        )

    def _refuse(self, row: LockedModel, problem: Problem, target: str | None) -> None:
        """It can't be had, and that shows before its first byte."""
        told = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        self._session.emit("download.failed", filename=plain(row.name), **told)
        self._failed(row, problem, target)

    def _failed(self, row: LockedModel, problem: Problem | None, target: str | None) -> None:
        """Note what has been told."""
        problem = problem or Problem(code="unexpected", message="It could not be fetched", hint=None)
        self._session.problems.append(problem)
        self._rows[row.folder, row.name] = SyncedModel(
            name=row.name, folder=row.folder, state="failed", path=printable(target) if target else None,
            size_bytes=row.size_bytes, code=problem.code, why=problem.message, hint=problem.hint,
        )  # fmt: skip

    def _client(self) -> "Client":
        return make_client(self._session.settings, self._session.emit, cache_path=None)


def _is_same(path: Path, other: Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def _problem(error: DownloadError | OSError, row: LockedModel) -> Problem:
    if isinstance(error, DownloadError):
        return Problem.of(error, where=plain(row.name))
    message = f"`{plain(row.name)}` can't be looked at: {error.strerror or error}"
    return Problem(code="target-unwritable", message=message, hint="Check the folder's permissions", where=row.folder)
