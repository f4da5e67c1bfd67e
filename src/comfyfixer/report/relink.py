"""What `comfyfixer relink` would do, or did, as lines for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.relink import Relinked, RelinkResult
from comfyfixer.report.words import plural, shown

_MARKS: Final = {"planned": "=", "done": "+", "already": "+", "refused": "?", "failed": "!"}
_ORDER: Final = ("done", "already", "planned", "failed", "refused")
_WORKFLOWS_SHOWN: Final = 6
_VERBS: Final = {
    "link": ("would link", "linked"),
    "hardlink": ("would hard-link", "hard-linked"),
    "move": ("would move", "moved"),
}


def lines(result: RelinkResult) -> Iterator[str]:
    """Each item with what is done about it, then what to do next."""
    yield from item_lines(result)
    if result.items:
        yield ""
    yield from _foot(result)


def item_lines(result: RelinkResult) -> Iterator[str]:
    """Each item with what is done about it, those that are mended first."""
    for item in sorted(result.items, key=lambda item: _ORDER.index(item.state)):
        yield f"{_MARKS[item.state]} {shown(item.filename)}  {_beside(item)}"
        yield from (f"    {line}" for line in _about(item))


def _beside(item: Relinked) -> str:
    return f"{item.folder or 'folder unknown'}, needed by {plural(len(item.workflows), 'workflow')}"


def _about(item: Relinked) -> Iterator[str]:
    if item.source:
        yield f"here: {shown(item.source)}"
    if item.way == "copy-workflow" and item.targets:
        yield from _copies(item)
    elif item.way and item.targets and item.state != "failed":
        yield f"{_VERBS[item.way][item.state == 'done']}: {shown(item.targets[0])}"
    if item.problem:
        yield f"{shown(item.problem.message)} [{item.problem.code}]"
        yield from (f"- {shown(match.path)}  ({match.why})" for match in item.candidates)
        if item.problem.hint:
            yield f"-> {shown(item.problem.hint)}"


def _copies(item: Relinked) -> Iterator[str]:
    verb = {"planned": "would write", "already": "written before:"}.get(item.state, "wrote")
    said = "corrected copy that names" if len(item.targets) == 1 else "corrected copies that name"
    yield f"{verb} {len(item.targets)} {said} `{shown(item.new_value or '')}`:"
    yield from (f"  {shown(path)}" for path in item.targets[:_WORKFLOWS_SHOWN])
    if len(item.targets) > _WORKFLOWS_SHOWN:
        yield f"  ... and {len(item.targets) - _WORKFLOWS_SHOWN} more"
        if item.state == "planned" and item.why != "other-separator":
            yield "-> `--link` mends all of them at once, without a copy"


def _foot(result: RelinkResult) -> Iterator[str]:
    count = {state: sum(item.state == state for item in result.items) for state in _ORDER}
    if not result.items:
        yield "No missing file is here under another path or name."
    if count["planned"]:
        mendable = plural(count["planned"], "file")
        yield f"{mendable} can be mended: `comfyfixer relink --yes` does it. Nothing was changed."
    if count["done"]:
        copies = any(item.way == "copy-workflow" for item in result.items if item.state == "done")
        kept = " Open the copies: the originals are as they were." if copies else ""
        yield f"{plural(count['done'], 'file')} mended; recorded in {result.record}.{kept}"
    if count["already"] and not count["done"] and not count["planned"]:
        yield "Corrected copies are there already: open them instead of the originals."
    if open_items := count["refused"] + count["failed"]:
        yield f"{plural(open_items, 'file')} not mended: see above."
    if result.not_here:
        more = plural(result.not_here, "more missing file is", "more missing files are")
        yield f"{more} not here: `comfyfixer resolve` looks for them."


def outstanding(items: Sequence[Relinked]) -> bool:
    """Whether something is not mended yet."""
    return any(item.state not in ("done", "already") for item in items)
