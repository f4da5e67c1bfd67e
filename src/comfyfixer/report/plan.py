"""The plan for a terminal: what to do first, what is fetched in which order, where it goes, what stays open."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.plan import OpenFile, Plan, PlannedDisk, PlannedFile, PlanStep
from comfyfixer.model.source_names import called
from comfyfixer.report import left_out
from comfyfixer.report.words import plural, shown
from comfyfixer.sizes import size_text

_NAME_WIDTH: Final = 48
_NAMES_SHOWN: Final = 3
_STATES: Final = {
    "review": ("?", "waits for your choice", "`comfyfixer review`"),
    "here": ("~", "here under another path or name", "`comfyfixer relink`"),
    "not_found": ("-", "found nowhere", "`comfyfixer review --all` says what to try"),
    "missing": ("-", "not looked for yet", "`comfyfixer resolve`"),
    "refused": ("!", "can't be fetched", None),
    "skipped": ("/", "left out by your choice", None),
}


def lines(plan: Plan, limit: int = 20) -> Iterator[str]:
    """The whole plan.

    Args:
        limit: Files shown of each group; the rest is counted.
    """
    yield f"{plan.summary}. {_ready(plan)}"
    yield from _steps(plan.steps)
    yield from _files(plan.files, limit)
    yield from _disks(plan.disks)
    yield from _open(plan.open, limit)
    yield from left_out.lines([file for file in plan.open if file.state == "left-out"], "left out of this plan", limit)
    yield ""
    yield from _then(plan)


def _ready(plan: Plan) -> str:
    nearly = f" {plural(len(plan.nearly), 'more')} will lack nodes or a mended name alone." if plan.nearly else ""
    return f"{plan.runnable_now} of {plural(plan.workflows, 'workflow')} runnable now.{nearly}"


def _steps(steps: Sequence[PlanStep]) -> Iterator[str]:
    if steps:
        yield ""
        yield f"before you start ({len(steps)})"
    for step in steps:
        names = ", ".join(shown(name) for name in step.files[:_NAMES_SHOWN])
        more = f" and {len(step.files) - _NAMES_SHOWN} more" if len(step.files) > _NAMES_SHOWN else ""
        yield f"  {'!' if step.certain else '*'} {names}{more}"
        yield f"      {shown(step.message)}"
        yield f"      -> {shown(step.url)}"


def _files(files: Sequence[PlannedFile], limit: int) -> Iterator[str]:
    if not files:
        return
    yield ""
    yield f"to fetch, what helps most first ({len(files)})"
    width = min(_NAME_WIDTH, max(len(shown(file.filename)) for file in files[:limit]))
    digits = len(str(min(len(files), limit)))
    for file in files[:limit]:
        size = size_text(file.size_bytes) or "size?"
        where = f"{file.folder}, from {called(file.source)}"
        yield f"  {file.number:>{digits}}. {shown(file.filename):<{width}}  {size:>8}  {where}"
        yield from (f"  {'':{digits}}  {text}" for text in _about(file))
    if len(files) > limit:
        yield f"  ... and {len(files) - limit} more; `--json` has all"


def _about(file: PlannedFile) -> Iterator[str]:
    if file.needs_step:
        yield "can't be had before the step above is done"
    if not file.completes:
        return
    names = ", ".join(_name(path) for path in file.completes[:_NAMES_SHOWN])
    more = f" and {len(file.completes) - _NAMES_SHOWN} more" if len(file.completes) > _NAMES_SHOWN else ""
    with_others = f", with {plural(file.files_before, 'file')} before it" if file.files_before else ""
    yield f"completes {plural(len(file.completes), 'workflow')}{with_others}: {names}{more}"


def _name(path: str) -> str:
    return shown(path.replace("\\", "/").rpartition("/")[2])


def _disks(disks: Sequence[PlannedDisk]) -> Iterator[str]:
    if disks:
        yield ""
        yield "disk space"
    for disk in disks:
        unknown = f" and {plural(disk.unknown_sizes, 'file')} of unknown size" if disk.unknown_sizes else ""
        mark, lacking = ("!", f": {size_text(disk.lacking_bytes)} too little") if disk.lacking_bytes else ("=", "")
        needed, free = size_text(disk.needed_bytes), size_text(disk.free_bytes)
        yield f"  {mark} {shown(disk.path)}  {needed}{unknown}, {free} free{lacking}"


def _open(files: Sequence[OpenFile], limit: int) -> Iterator[str]:
    for state, (mark, title, then) in _STATES.items():
        members = [file for file in files if file.state == state]
        if not members:
            continue
        yield ""
        yield f"{title} ({len(members)})" + (f"  -> {then}" if then else "")
        for file in members[:limit]:
            yield f"  {mark} {shown(file.filename)}  {file.folder or 'folder unknown'}"
            if state == "refused":
                yield f"      {shown(file.why)}"
        if len(members) > limit:
            yield f"  ... and {len(members) - limit} more"


def _then(plan: Plan) -> Iterator[str]:
    lacking = sum(disk.lacking_bytes for disk in plan.disks)
    if lacking:
        yield f"{size_text(lacking)} more disk space is needed: `--max-size` or `--only` makes the plan smaller."
    if plan.files:
        yield "`comfyfixer download` fetches these, with the same options. Nothing was changed."
    elif any(file.state == "left-out" for file in plan.open):
        yield "Nothing is fetched with these options; with others, or with none, what they left out is."
    elif plan.open:
        yield "Nothing can be fetched before the files above are decided about."
    else:
        yield "Nothing is missing."
