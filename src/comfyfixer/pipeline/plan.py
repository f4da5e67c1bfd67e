"""The plan of a working folder: what the last `resolve` proved, the disks it goes to, and what is configured."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from comfyfixer.download.space import nearest_folder
from comfyfixer.errors import UsageError
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.plan import Plan
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import WorkflowRow
from comfyfixer.net.stored_keys import with_stored_keys
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.installation import find_places
from comfyfixer.pipeline.placing import Order, Refusal, orders
from comfyfixer.pipeline.roots import Roots
from comfyfixer.pipeline.session import Session, read_rows, read_rows_if_there
from comfyfixer.resolve.plan import Disk, Key, Library, Target, make_plan
from comfyfixer.resolve.verdict import loadable, to_fetch


def plan(session: Session) -> Plan:
    """What `download` would do, narrowed as the session is.

    Raises:
        UsageError: `state-missing`: nothing has been resolved here; no installation; an unknown name to narrow by.
    """
    rows = read_rows(session.workdir.resolutions, Resolution, step="resolve")
    missing = read_rows(session.workdir.missing_models, MissingModel, step="scan")
    accepted = to_fetch(rows, missing)
    wanted, refused = orders(accepted, Roots(find_places(session), session.settings))
    return make_plan(_library(session, missing, rows, wanted, refused), session.narrowing)


class Narrowed(NamedTuple):
    """What of the orders is wanted now."""

    made: Plan
    wanted: list[Order]
    refused: list[Refusal]


def in_plan(session: Session, wanted: Sequence[Order], refused: Sequence[Refusal]) -> Narrowed:
    """The orders in the plan's order, without those that are left out.

    What is in its place already comes first, whatever was named: the run only looks whether it still is, and keeps
    what is known of it.
    """
    rows = read_rows(session.workdir.resolutions, Resolution, step="resolve")
    missing = read_rows(session.workdir.missing_models, MissingModel, step="scan")
    library = _library(session, missing, rows, wanted, refused)
    made = make_plan(library, session.narrowing)
    place = {(file.filename, file.value, file.path): file.number for file in made.files}
    ordered = [
        (0 if order.row.key in library.placed else place.get(_planned_as(order)), order)
        for order in wanted
        if library.wanted(order.row.workflows) or order.row.key in library.placed
    ]
    kept = sorted(((number, order) for number, order in ordered if number is not None), key=lambda item: item[0])
    return Narrowed(made, [order for _, order in kept], [one for one in refused if library.wanted(one.row.workflows)])


def check_names(session: Session) -> None:
    """Whether every workflow that was named is known, before anybody is asked about anything.

    Raises:
        UsageError: `path-not-found`.
    """
    _named(session, read_rows_if_there(session, session.workdir.workflows, WorkflowRow))


def _planned_as(order: Order) -> tuple[str, str, str]:
    return order.row.filename, order.row.value, printable(order.request.target)


def tell(session: Session, made: Plan) -> None:
    """What a run is going to do, and the steps before it."""
    if made.files:
        session.emit("plan.made", summary=made.summary, files=len(made.files), size_bytes=made.size_bytes)
    for step in made.steps:
        files = ", ".join(f"`{name}`" for name in step.files[:4]) + (" ..." if len(step.files) > 4 else "")
        session.emit("step.needed", files=files, message=step.message, url=step.url, certain=step.certain)


def _library(
    session: Session,
    missing: Sequence[MissingModel],
    rows: Sequence[Resolution],
    wanted: Sequence[Order],
    refused: Sequence[Refusal],
) -> Library:
    keys = {row.key for row in missing}
    workflows = read_rows_if_there(session, session.workdir.workflows, WorkflowRow)
    settings = with_stored_keys(session.settings)
    configured = {"civitai": settings.civitai_key, "huggingface": settings.huggingface_key}
    return Library(
        missing=tuple(missing),
        rows=tuple(row for row in rows if row.key in keys),
        workflows=workflows,
        placed=frozenset(_placed(session)),
        targets=dict(_targets(wanted)),
        refused={refusal.row.key: refusal.problem.message for refusal in refused},
        chosen=_named(session, workflows),
        keys=frozenset(name for name, key in configured.items() if key is not None),
    )


def _placed(session: Session) -> Iterator[Key]:
    """Files that an earlier run placed, and that are still there."""
    for outcome in read_rows_if_there(session, session.workdir.downloads, Outcome):
        if loadable(outcome) and outcome.path and os.path.exists(openable(outcome.path)):
            yield outcome.key


def _targets(wanted: Iterable[Order]) -> Iterator[tuple[Key, Target]]:
    disks: dict[int, Disk] = {}
    for order in wanted:
        folder = os.path.realpath(nearest_folder(Path(order.request.target).parent))
        device = os.stat(folder).st_dev
        if device not in disks:
            disks[device] = Disk(printable(_mount_point(folder)), shutil.disk_usage(folder).free)
        yield order.row.key, Target(printable(order.request.target), disks[device])


def _mount_point(path: str) -> str:
    while not os.path.ismount(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def _named(session: Session, workflows: Iterable[WorkflowRow]) -> frozenset[str] | None:
    """The workflows that `--only` names; None where it names none."""
    return named_workflows(session.narrowing.only, workflows) if session.narrowing.only else None


def named_workflows(names: Iterable[str], workflows: Iterable[WorkflowRow]) -> frozenset[str]:
    """The paths of the workflows that are meant.

    Raises:
        UsageError: `path-not-found`.
    """
    paths = [row.path for row in workflows]
    found: set[str] = set()
    for name in names:
        meant = {path for path in paths if _is_called(name, path)}
        if not meant:
            hint = "`comfyfixer workflows` lists them; a path, a name or a pattern such as `*video*`"
            message = f"No workflow that was scanned is named `{printable(name)[:200]}`"
            raise UsageError(message, code="path-not-found", hint=hint)
        found |= meant
    return frozenset(found)


def _is_called(name: str, path: str) -> bool:
    """By its whole path, its last parts, its name with or without the extension, or a pattern."""
    wanted, known = name.replace("\\", "/").removeprefix("./"), path.replace("\\", "/")
    base = known.rpartition("/")[2]
    if wanted in (known, base, base.rpartition(".")[0]) or known.endswith(f"/{wanted}"):
        return True
    return known == os.path.abspath(name).replace("\\", "/") or fnmatchcase(base, wanted) or fnmatchcase(known, wanted)
