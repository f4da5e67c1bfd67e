"""The same for a terminal: short plain lines, understandable without colour."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.missing import MissingNode
from comfyfixer.model.run import Overview
from comfyfixer.model.source_names import called
from comfyfixer.report import left_out
from comfyfixer.report.items import Item, Joined, origin, other_problems
from comfyfixer.report.node_packs import of_comfyui, pack_groups
from comfyfixer.report.words import plural, shown
from comfyfixer.sizes import size_text

_MARKS: Final = {
    "placed": "+",
    "choose_anew": "~",
    "here": "~",
    "accepted": "=",
    "review": "?",
    "skipped": "/",
    "failed": "!",
    "not_found": "-",
    "missing": "-",
}
_NAME_WIDTH: Final = 48
_TYPES_SHOWN: Final = 6
_TITLES: Final = {
    "placed": "placed",
    "choose_anew": "placed, to be chosen anew in the node",
    "here": "here under another path or name",
    "accepted": "proven, not fetched yet",
    "review": "waits for your choice",
    "skipped": "left out by your choice",
    "failed": "failed",
    "not_found": "found nowhere",
    "missing": "missing",
}


_LEFT_OUT: Final = "left out of this run, with other options `comfyfixer download` fetches them"


def lines(told: Joined, report: str, limit: int = 12) -> Iterator[str]:
    """What a run came to.

    Args:
        report: Path of the summary report.
        limit: Items shown of each state; the rest is counted.
    """
    overview, joined = told.overview, told.items
    yield f"{plural(len(told.views), 'workflow')}, {told.ready} ready{_passed_over(overview)}"
    left_behind = {file.key for file in overview.left_out}
    for state in (state for state in _TITLES if told.counts[state]):
        members = [item for item in joined if item.state == state]
        members.sort(key=lambda item: -len(item.missing.workflows))
        if state == "accepted":
            members = [item for item in members if item.missing.key not in left_behind]
        if state == "not_found":
            unheard = [item for item in members if item.unheard]
            yield from _group(state, unheard, limit, "open, as not everybody answered")
            members = [item for item in members if not item.unheard]
        yield from _group(state, members, limit, _TITLES[state])
    yield from left_out.lines(overview.left_out, _LEFT_OUT, limit)
    yield from _nodes(overview, limit)
    yield from _notes(overview, limit)
    yield from _unreadable(overview, limit)
    yield ""
    yield f"{_total(told)} Report: {report}"


def _passed_over(overview: Overview) -> str:
    count = overview.scanned.passed_over
    return f" ({plural(count, 'other file')} passed over)" if count else ""


def _group(state: str, members: Sequence[Item], limit: int, title: str) -> Iterator[str]:
    if members:
        yield ""
        yield f"{title} ({len(members)})"
    width = min(_NAME_WIDTH, max((len(shown(item.missing.filename)) for item in members[:limit]), default=0))
    for item in members[:limit]:
        yield f"  {_MARKS[state]} {shown(item.missing.filename):<{width}}  {_beside(item)}".rstrip()
        if state not in ("placed", "accepted") and (state != "missing" or item.missing.local_matches):
            yield f"      {shown(item.said)}"
            if item.hint:
                yield f"      -> {shown(item.hint)}"
    if len(members) > limit:
        yield f"  ... and {len(members) - limit} more"


def _beside(item: Item) -> str:
    size = size_text(
        item.outcome.size_bytes if item.outcome else item.resolution.size_bytes if item.resolution else None
    )
    folder = item.missing.folder or "folder unknown"
    if item.state == "placed" and item.outcome:
        verified = "SHA-256 verified" if item.outcome.verified else "no hash known"
        return f"{folder}, {size} {origin(item.outcome)}, {verified}"
    if item.state == "accepted" and item.resolution:
        return ", ".join(part for part in (folder, size, f"from {called(item.resolution.source)}") if part)
    return f"{folder}, needed by {plural(len(item.missing.workflows), 'workflow')}"


def _nodes(overview: Overview, limit: int) -> Iterator[str]:
    """Pack by pack; types of which no pack is known last; then what only another ComfyUI has."""
    groups = pack_groups(overview)
    core = of_comfyui(overview.missing_nodes)
    if groups:
        yield ""
        yield f"missing custom nodes ({len(overview.missing_nodes) - len(core)})"
    for group in groups[:limit]:
        pack = f"pack {shown(group.name)}" if group.name else "pack unknown"
        yield f"  - {pack}: {_types(group.nodes)}"
        yield from (f"      {shown(', '.join(parts))}" for parts in (group.place, group.facts) if parts)
        yield from (f"      {shown(note)}" for note in group.notes)
    if len(groups) > limit:
        yield f"  ... and {plural(len(groups) - limit, 'more pack', 'more packs')}"
    if core:
        yield ""
        yield f"nodes of another ComfyUI ({len(core)})"
    for note in list(dict.fromkeys(node.note for node in core))[:limit]:
        yield f"  - {_types([node for node in core if node.note == note])}"
        yield f"      {shown(note or '')}"


def _types(nodes: Sequence[MissingNode]) -> str:
    more = f" and {len(nodes) - _TYPES_SHOWN} more" if len(nodes) > _TYPES_SHOWN else ""
    return ", ".join(shown(node.node_type) for node in nodes[:_TYPES_SHOWN]) + more


def _notes(overview: Overview, limit: int) -> Iterator[str]:
    notes = overview.scanned.notes
    if notes:
        yield ""
        yield f"worth knowing ({len(notes)})"
    yield from (f"  * {shown(note)}" for note in notes[:limit])
    if len(notes) > limit:
        yield f"  ... and {len(notes) - limit} more"


def _unreadable(overview: Overview, limit: int) -> Iterator[str]:
    problems = other_problems(overview)
    if problems:
        yield ""
        yield f"could not be read or reached ({len(problems)})"
    for problem in problems[:limit]:
        yield f"  ! {shown(problem.where + ': ' if problem.where else '')}{shown(problem.message)} [{problem.code}]"
        if problem.hint:
            yield f"      -> {shown(problem.hint)}"
    if len(problems) > limit:
        yield f"  ... and {len(problems) - limit} more"


def _total(told: Joined) -> str:
    overview = told.overview
    waiting = len(told.items) - told.counts["placed"]
    if not waiting and not overview.missing_nodes and all(row.ok for row in overview.workflows):
        return "Nothing is outstanding."
    parts = [plural(waiting, "model file")] if waiting else []
    parts += [plural(len(overview.missing_nodes), "node type")] if overview.missing_nodes else []
    unreadable = sum(not row.ok for row in overview.workflows)
    parts += [plural(unreadable, "unreadable file")] if unreadable else []
    return f"Outstanding: {', '.join(parts)}."
