"""`output/summary_report.md`: what was missing, what was done, what needs a person, by workflow."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.run import Overview
from comfyfixer.report.items import Item, Joined, WorkflowView, origin, other_problems
from comfyfixer.report.node_packs import of_comfyui, pack_groups
from comfyfixer.report.words import common_folder, one_line, plural, sentences
from comfyfixer.sizes import size_text

_LONGEST_LIST: Final = 1_000
"""Rows of a list; what needs a person is listed whole."""


def summary(told: Joined) -> str:
    """The whole report as Markdown."""
    overview, joined, views = told.overview, told.items, told.views
    parts = (
        _head(told),
        _needs_you(joined),
        _not_yet(joined, "missing", "Missing", "Not looked for yet: `comfyfixer resolve` finds what can be proven."),
        _not_yet(joined, "accepted", "Proven, not fetched yet", "`comfyfixer download` fetches and verifies these."),
        _nodes(overview),
        _other_comfyui(overview),
        _notes(overview),
        _problems(overview),
        _placed(joined),
        _kept(joined),
        _unsafe(joined),
        _by_workflow(views),
        _foot(),
    )
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _head(told: Joined) -> Iterator[str]:
    overview, views = told.overview, told.views
    yield "# ComfyFixer report"
    yield ""
    yield f"**{told.ready} of {plural(len(views), 'workflow')} ready.** {_sentence(told)}"
    yield ""
    yield f"Run `{overview.command}`, {overview.started[:19].replace('T', ' ')}" + _where(overview)


def _where(overview: Overview) -> str:
    return f", ComfyUI in `{overview.scanned.installation}`" if overview.scanned.installation else ""


def _sentence(told: Joined) -> str:
    joined, overview = told.items, told.overview
    words = {
        "placed": "placed and verified",
        "choose_anew": "placed, to be chosen anew in the node",
        "here": "here under another path or name",
        "accepted": "proven and not fetched yet",
        "review": "waiting for your choice",
        "skipped": "left out by your choice",
        "failed": "failed",
        "unheard": "open, as not everybody answered",
        "not_found": "found nowhere",
        "missing": "not looked for yet",
    }
    unheard = sum(item.unheard for item in joined)
    number = {**told.counts, "not_found": told.counts["not_found"] - unheard, "unheard": unheard}
    parts = [f"{number[state]} {word}" for state, word in words.items() if number[state]]
    models = f"{plural(len(joined), 'model file')} missing at the start: {', '.join(parts)}." if joined else ""
    nodes = f"{plural(len(overview.missing_nodes), 'node type')} missing." if overview.missing_nodes else ""
    return " ".join(part for part in (models, nodes) if part) or "Nothing is missing."


def _needs_you(joined: Sequence[Item]) -> Iterator[str]:
    open_items = [item for item in joined if _needs_a_person(item)]
    if open_items:
        yield "## Needs you"
    for item in open_items:
        yield ""
        yield f"### {_code(item.missing.filename)} ({item.missing.folder or 'folder unknown'})"
        yield ""
        yield _text(sentences(item.said, item.hint))
        yield f"Needed by {_names(item.missing.workflows)}."
        yield from _candidates(item)


def _needs_a_person(item: Item) -> bool:
    return item.state not in ("placed", "accepted") and (item.state != "missing" or bool(item.missing.local_matches))


def _not_yet(joined: Sequence[Item], state: str, title: str, then: str) -> Iterator[str]:
    """What the next step will deal with: one line each."""
    waiting = [item for item in joined if item.state == state and not _needs_a_person(item)]
    if not waiting:
        return
    yield f"## {title}"
    yield ""
    yield then
    yield ""
    yield "| file | folder | needed by |"
    yield "|---|---|---|"
    for item in waiting[:_LONGEST_LIST]:
        missing = item.missing
        yield f"| {_code(missing.filename)} | {missing.folder or 'unknown'} | {_names(missing.workflows)} |"
    yield from _rest(waiting, "`missing_models.json` has all of them.")


def _candidates(item: Item) -> Iterator[str]:
    candidates = item.resolution.candidates if item.resolution and item.state in ("review", "failed") else ()
    if candidates:
        yield ""
        yield "| | file | size | for and against |"
        yield "|---|---|---|---|"
    for number, candidate in enumerate(candidates, start=1):
        facts = "; ".join(fact.detail for fact in candidate.evidence)
        yield f"| {number} | {_link(candidate)} | {size_text(candidate.size_bytes)} | {_cell(facts)} |"


def _link(candidate: Candidate) -> str:
    name = f"{_code(candidate.filename)} on {candidate.source}"
    if candidate.source == "local":
        return f"{_code(candidate.download_url)}"
    page = candidate.page_url or candidate.download_url
    return f"[{name}](<{page.replace('>', '%3E')}>)"


def _nodes(overview: Overview) -> Iterator[str]:
    groups = pack_groups(overview)
    if groups:
        yield "## Missing custom nodes"
        yield ""
        yield "Install these packs, for instance with ComfyUI-Manager; read the last column first."
        yield ""
        yield "| pack | node types | needed by | what is known |"
        yield "|---|---|---|---|"
    for group in groups:
        types = ", ".join(_code(node.node_type) for node in group.nodes)
        known = sentences(", ".join((*group.place, *group.facts)) or None, *group.notes)
        yield f"| {_cell(group.name or 'unknown')} | {types} | {_cell(_names(group.workflows))} | {_cell(known)} |"


def _other_comfyui(overview: Overview) -> Iterator[str]:
    nodes = of_comfyui(overview.missing_nodes)
    if nodes:
        yield "## Nodes of another ComfyUI"
        yield ""
        yield "No pack brings these: ComfyUI itself does, in another version than the installed one."
        yield ""
        yield "| node type | needed by | what to do |"
        yield "|---|---|---|"
    for node in nodes:
        yield f"| {_code(node.node_type)} | {_cell(_names(node.workflows))} | {_cell(node.note or '')} |"


def _notes(overview: Overview) -> Iterator[str]:
    if overview.scanned.notes:
        yield "## Worth knowing"
        yield ""
    yield from (f"- {_text(note)}" for note in overview.scanned.notes)


def _problems(overview: Overview) -> Iterator[str]:
    problems = other_problems(overview)
    if problems:
        yield "## What could not be read or reached"
        yield ""
    for problem in problems:
        where = f"{_code(problem.where)}: " if problem.where else ""
        yield f"- {where}{_text(sentences(problem.message, problem.hint))} [{problem.code}]"


def _placed(joined: Sequence[Item]) -> Iterator[str]:
    placed = [item for item in joined if item.state == "placed"]
    if not placed:
        return
    yield "## Placed"
    yield ""
    yield "| file | size | came | why it is the right one | path |"
    yield "|---|---|---|---|---|"
    for item in placed:
        row, outcome = item.resolution, item.outcome
        if row and outcome:
            yield (
                f"| {_code(row.filename)} | {size_text(outcome.size_bytes)} | {origin(outcome)} | {_cell(row.because)} "
                f"| {_code(outcome.path or '')} |"
            )


def _kept(joined: Sequence[Item]) -> Iterator[str]:
    """Broken files that made room: nothing is deleted, so a person decides about them."""
    kept = [item.outcome.set_aside for item in joined if item.outcome and item.outcome.set_aside]
    if kept:
        yield "## Broken files, kept under another name"
        yield ""
        yield "The files that came in their place are verified; these can be deleted."
        yield ""
        yield from (f"- {_code(path)}" for path in kept)


def _unsafe(joined: Sequence[Item]) -> Iterator[str]:
    """Files that could run code, and were allowed by name: whoever loads them should know."""
    allowed = [item.outcome for item in joined if item.outcome and item.outcome.unsafe]
    if allowed:
        yield "## Files that could run code, allowed by name"
        yield ""
        yield from (f"- {_code(outcome.path or '')}: {_text(outcome.unsafe or '')}" for outcome in allowed)


def _by_workflow(views: Sequence[WorkflowView]) -> Iterator[str]:
    if not views:
        return
    common = common_folder([view.row.path for view in views])
    yield "## By workflow"
    yield ""
    if common:
        yield f"In {_code(common)}:"
        yield ""
    for view in views[:_LONGEST_LIST]:
        yield f"- {'ready' if view.ready else '**not ready**'}: {_code(view.row.path[len(common) :])}{_waits_for(view)}"
    yield from _rest(views, "`workflows.json` has all of them.")


def _rest(listed: Sequence[object], where: str) -> Iterator[str]:
    """What a list of a length that nobody reads leaves out."""
    if len(listed) > _LONGEST_LIST:
        yield ""
        yield f"... and {len(listed) - _LONGEST_LIST} more. {where}"


def _waits_for(view: WorkflowView) -> str:
    if view.row.error:
        return f" could not be read [{view.row.error.code}]"
    open_items = [f"{_code(item.missing.filename)} ({item.state})" for item in view.items if item.state != "placed"]
    nodes = [f"node {_code(node_type)}" for node_type in view.row.missing_nodes]
    waits = ", ".join([*open_items, *nodes])
    return f" waits for {waits}" if waits else ""


def _foot() -> Iterator[str]:
    yield "---"
    yield ""
    yield "For programs: `missing_models.json`, `missing_nodes.json`, `resolutions.json`, `downloads.json` and"
    yield "`workflows.json` beside this file. Every request, decision and failure is in `log/`."


# --- foreign text in Markdown ----------------------------------------------------------------------------------------


def _text(text: str) -> str:
    """One line; nothing in it opens a tag or a link."""
    return one_line(text).replace("<", "&lt;").replace("](", "] (")


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _code(text: str) -> str:
    """As code, with a fence longer than any run of back-ticks inside; safe inside a table."""
    line = one_line(text).replace("|", "\\|")
    fence = "`"
    while fence in line:
        fence += "`"
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _names(paths: Sequence[str]) -> str:
    shown = ", ".join(_code(path.replace("\\", "/").rpartition("/")[2]) for path in paths[:4])
    return shown + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")
