"""`output/comfyfixer.lock.json` after a run that fetches: what is in its place now, and what is still to come.

The file may have come from elsewhere, to be made true here. So a row is dropped only where this working folder itself
noted that the file (or node pack) was here, and it is not any more; whatever else stands in it stays.
"""

import os
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from comfyfixer.download.place import set_aside
from comfyfixer.errors import UnsafeName, UsageError
from comfyfixer.files import write_whole
from comfyfixer.model.lock import Lock, LockedModel, LockedPack
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.installation import Places
from comfyfixer.pipeline.lock_packs import compared
from comfyfixer.pipeline.lockfile import encoded, lock_of, locked_model, places_of, read_lock
from comfyfixer.pipeline.placing import Order
from comfyfixer.pipeline.session import Session


def write_lock(
    session: Session, done: Sequence[tuple[Order, Outcome]], places: Places, *, rewrites: bool = True
) -> None:
    """Note what is here.

    Args:
        done: What became of this run's files.
        rewrites: False where the file itself was made true: it is left as it is, and only what is here is noted.
    """
    earlier, noted = _earlier(session), _noted(session)
    here = {(row.folder, row.name): row for row in earlier.models if _is_here(row, places)}
    placed = [row for order, outcome in done if (row := locked_model(order, outcome)) is not None]
    here |= {(row.folder, row.name): row for row in placed}
    if not here and not earlier.models:
        return
    now = lock_of(session, _sorted(here.values()))
    if rewrites:
        was_here = {(row.folder, row.name, row.sha256) for row in noted.models}
        rows = {key: row for row in earlier.models if (*(key := (row.folder, row.name)), row.sha256) not in was_here}
        packs = (*now.node_packs, *_to_come(session, earlier, noted, now))
        whole = msgspec.structs.replace(now, models=_sorted((rows | here).values()), node_packs=packs)
        write_whole(session.workdir.lock, encoded(whole), durable=False)
        session.emit("file.written", path=printable(session.workdir.lock))
    write_whole(session.workdir.noted_lock, encoded(now), durable=False)


def _to_come(session: Session, earlier: Lock, noted: Lock, now: Lock) -> Iterator[LockedPack]:
    """The node packs that are not here, and never were."""
    was_here = {(pack.name, pack.id) for pack in (*noted.node_packs, *now.node_packs)}
    others = [pack for pack in earlier.node_packs if (pack.name, pack.id) not in was_here]
    for pack, found in zip(others, compared(session, others) if others else (), strict=True):
        if found.state == "missing":
            yield pack


def _sorted(rows: Iterable[LockedModel]) -> tuple[LockedModel, ...]:
    return tuple(sorted(rows, key=lambda row: (row.folder, row.name)))


def _earlier(session: Session) -> Lock:
    """What the file holds; one that can't be used gives up its name and is told: somebody may want to mend it.

    Raises:
        UsageError: `lock-invalid`: it can't be renamed, either.
    """
    file = session.workdir.lock
    try:
        return read_lock(file)
    except UsageError as error:
        if os.path.lexists(file):
            try:
                kept = printable(set_aside(file))
            except OSError:
                raise error from None
            message = f"{error.message}; it is kept as {kept}"
            session.found_problem(Problem(code=error.code, message=message, hint=error.hint, where=kept))
        return Lock()


def _noted(session: Session) -> Lock:
    try:
        return read_lock(session.workdir.noted_lock)
    except UsageError:
        return Lock()


def _is_here(row: LockedModel, places: Places) -> bool:
    try:
        return any(_size_of(os.fspath(path)) == row.size_bytes for path in places_of(row, places))
    except UnsafeName:
        return False


def _size_of(path: str) -> int | None:
    try:
        return os.stat(openable(path)).st_size
    except OSError:
        return None
