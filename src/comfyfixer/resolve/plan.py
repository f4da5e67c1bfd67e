"""One plan for the whole library: every file once, what helps most first, and what a person has to do before. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from comfyfixer.model.missing import MissingModel
from comfyfixer.model.plan import Narrowing, OpenFile, Plan, PlannedDisk, PlannedFile
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import WorkflowRow
from comfyfixer.resolve.narrowing import narrowed
from comfyfixer.resolve.order import AFTER_A_STEP, Completion, Need, best_order, completions
from comfyfixer.resolve.ruled_out import all_refused
from comfyfixer.resolve.steps import blocked, steps
from comfyfixer.resolve.verdict import is_here
from comfyfixer.sizes import size_text

Key = tuple[str, str, str]


class Disk(msgspec.Struct, frozen=True):
    """One disk: where it is mounted, and what may still be written."""

    path: str
    free_bytes: int


class Target(msgspec.Struct, frozen=True):
    """Where one file will lie."""

    path: str
    disk: Disk


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a plan is made of.

    Attributes:
        placed: Keys of missing files that are in their place meanwhile.
        targets: Key to the place of each accepted file.
        refused: Key to why an accepted file has no safe place.
        chosen: The workflows that were named (`--only`); None means all.
        keys: Hubs whose key is configured: `civitai`, `huggingface`.
    """

    missing: tuple[MissingModel, ...]
    rows: tuple[Resolution, ...]
    workflows: tuple[WorkflowRow, ...] = ()
    placed: frozenset[Key] = frozenset()
    targets: Mapping[Key, Target] = {}
    refused: Mapping[Key, str] = {}
    chosen: frozenset[str] | None = None
    keys: frozenset[str] = frozenset()

    def wanted(self, workflows: Iterable[str]) -> bool:
        """Whether one of the workflows was named, or none had to be."""
        return self.chosen is None or not self.chosen.isdisjoint(workflows)


def make_plan(library: Library, narrowing: Narrowing) -> Plan:
    """The plan for what is proven and not in its place yet."""
    to_fetch = [row for row in library.rows if _to_fetch(library, row)]
    kept, left_out = narrowed(to_fetch, narrowing)
    sizes = [row.size_bytes or 0 for row in kept]
    held_up = frozenset(index for index, row in enumerate(kept) if blocked(row, library.keys))
    needs = list(_needs(library, kept, held_up))
    order = best_order(sizes, needs, last=held_up, limit=narrowing.max_bytes)
    done = completions(order, needs)
    files = tuple(
        _planned(number, kept[index], library, done.get(index), index in held_up)
        for number, index in enumerate(order, start=1)
    )
    left_out += [
        (kept[index], _over_limit(index, kept[index], needs, narrowing)) for index in set(range(len(kept))) - set(order)
    ]
    runnable = tuple(sorted(name for file in files for name in file.completes))
    held_back = {need.name for need in needs if need.tier == AFTER_A_STEP}
    chosen_rows = [kept[index] for index in order]
    plan = Plan(
        summary="",
        narrowing=narrowing,
        size_bytes=sum(file.size_bytes or 0 for file in files),
        unknown_sizes=sum(file.size_bytes is None for file in files),
        files=files,
        disks=tuple(_disks(library, files)),
        steps=steps(chosen_rows, library.keys),
        runnable=runnable,
        after_steps=tuple(name for name in runnable if name in held_back),
        nearly=tuple(sorted(need.name for need in needs if need.tier and need.tier > 1 and need.files <= set(order))),
        runnable_now=sum(_is_ready(library, row) for row in library.workflows if library.wanted([row.path])),
        workflows=sum(library.wanted([row.path]) for row in library.workflows),
        open=(*_open(library), *_left_out(left_out)),
    )
    return msgspec.structs.replace(plan, summary=_summary(plan))


def _to_fetch(library: Library, row: Resolution) -> bool:
    proven = row.decision == "accepted" and not is_here(row)
    return proven and row.key not in library.placed and row.key in library.targets and library.wanted(row.workflows)


def _waits(library: Library) -> dict[str, set[Key]]:
    """Workflow to the missing files that are not in their place."""
    waits: dict[str, set[Key]] = {}
    for missing in library.missing:
        if missing.key not in library.placed:
            for path in missing.workflows:
                waits.setdefault(path, set()).add(missing.key)
    return waits


def _needs(library: Library, kept: Sequence[Resolution], held_up: frozenset[int]) -> Iterator[Need]:
    """What each workflow waits for, those that are held up by something else in a later tier."""
    place = {row.key: index for index, row in enumerate(kept)}
    here = {row.key for row in library.rows if is_here(row)}
    lack_nodes = {row.path for row in library.workflows if row.missing_nodes}
    for path, keys in sorted(_waits(library).items()):
        files = frozenset(place[key] for key in keys if key in place)
        if not files:
            continue
        completable = all(key in place or key in here for key in keys)
        tier = 2 * (path in lack_nodes or not here.isdisjoint(keys)) + (not held_up.isdisjoint(files))
        yield Need(path, files, tier if completable else None)


def _is_ready(library: Library, row: WorkflowRow) -> bool:
    return row.ok and not row.missing_nodes and row.path not in _waits(library)


def _planned(
    number: int, row: Resolution, library: Library, completion: Completion | None, needs_step: bool
) -> PlannedFile:
    target = library.targets.get(row.key)
    best = row.candidates[0] if row.candidates else None
    return PlannedFile(
        number=number,
        filename=row.filename,
        value=row.value,
        folder=row.folder or row.into,
        source=row.source,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        because=row.because,
        page_url=best.page_url if best else None,
        path=target.path if target else None,
        disk=target.disk.path if target else None,
        workflows=row.workflows,
        completes=completion.names if completion else (),
        files_before=completion.before if completion else 0,
        needs_step=needs_step,
    )


def _disks(library: Library, files: Sequence[PlannedFile]) -> Iterator[PlannedDisk]:
    free = {target.disk.path: target.disk.free_bytes for target in library.targets.values()}
    for path in dict.fromkeys(file.disk for file in files if file.disk):
        here = [file for file in files if file.disk == path]
        needed = sum(file.size_bytes or 0 for file in here)
        yield PlannedDisk(
            path=path,
            needed_bytes=needed,
            free_bytes=free[path],
            files=len(here),
            unknown_sizes=sum(file.size_bytes is None for file in here),
            lacking_bytes=max(0, needed - free[path]),
        )


def _open(library: Library) -> Iterator[OpenFile]:
    """What is not proven, or needs no download."""
    rows = {row.key: row for row in library.rows}
    for missing in library.missing:
        if missing.key in library.placed or not library.wanted(missing.workflows):
            continue
        row = rows.get(missing.key)
        state, why = _state(library, missing, row)
        if state != "accepted":
            yield OpenFile(
                filename=missing.filename, folder=missing.folder, state=state, why=why, workflows=missing.workflows,
                value=missing.value, size_bytes=row.size_bytes if row else None,
            )  # fmt: skip


def _state(library: Library, missing: MissingModel, row: Resolution | None) -> tuple[str, str]:
    if row is None:
        return "missing", "It was not looked for yet"
    if is_here(row):
        return "here", row.because
    if row.skipped:
        return "skipped", row.because
    if row.decision == "accepted" and missing.key in library.refused:
        return "refused", library.refused[missing.key]
    if row.decision == "review" and all_refused(row):
        return "refused", row.because
    return row.decision, row.because


def _left_out(rows: Iterable[tuple[Resolution, str]]) -> Iterator[OpenFile]:
    for row, why in sorted(rows, key=lambda item: item[0].key):
        yield OpenFile(
            filename=row.filename, folder=row.folder, state="left-out", why=why, workflows=row.workflows,
            value=row.value, size_bytes=row.size_bytes,
        )  # fmt: skip


def _over_limit(index: int, row: Resolution, needs: Iterable[Need], narrowing: Narrowing) -> str:
    """Why a file whose size is known was not taken within `--max-size`."""
    if (row.size_bytes or 0) > (narrowing.max_bytes or 0):
        return "Larger than `--max-size`"
    if any(need.tier is None and index in need.files for need in needs):
        return "Beyond what `--max-size` leaves beside files that help more"
    return "Within `--max-size`, but no waiting workflow that needs it fits into that whole"


def _summary(plan: Plan) -> str:
    """`12 files, 34.5 GB: 8 of 14 workflows become runnable`."""
    if not plan.files:
        return "Nothing to fetch"
    count = len(plan.files)
    size = size_text(plan.size_bytes) if plan.size_bytes or not plan.unknown_sizes else ""
    unknown = f"{plan.unknown_sizes} of unknown size" if plan.unknown_sizes else ""
    told = ", ".join(part for part in (f"{count} file{'' if count == 1 else 's'}", size, unknown) if part)
    later = len(plan.after_steps)
    runnable = len(plan.runnable) - later
    verb = "becomes" if runnable == 1 else "become"
    step = "step" if sum(step.certain for step in plan.steps) == 1 else "steps"
    after = f", {later} more after the {step} below" if later else ""
    return f"{told}: {runnable} of {plan.workflows - plan.runnable_now} waiting workflows {verb} runnable{after}"
