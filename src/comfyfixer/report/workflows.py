"""Each workflow with its verdict, as data and as a table for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.missing import MissingNode
from comfyfixer.model.run import Overview
from comfyfixer.model.verdict import Verdicts, WaitsForModel, WaitsForNode, WorkflowVerdict
from comfyfixer.report.items import Item, WorkflowView, joined
from comfyfixer.report.words import common_folder, plural, shown
from comfyfixer.sizes import size_text

VERDICTS: Final = ("runnable", "waiting", "unreadable")
_MARKS: Final = {"runnable": "+", "waiting": "-", "unreadable": "!"}
_STATES: Final = {
    "missing": "not looked for yet",
    "accepted": "proven, not fetched yet",
    "review": "waits for your choice",
    "not_found": "found nowhere",
    "here": "here under another path or name",
    "choose_anew": "to be chosen anew in the node",
    "failed": "failed",
    "skipped": "left out by your choice",
}
_NEXT: Final = {
    "missing": "`comfyfixer resolve` looks for what is missing",
    "accepted": "`comfyfixer download` fetches what is proven",
    "review": "`comfyfixer review` asks for your choices",
    "here": "`comfyfixer relink` mends references to what is here",
    "choose_anew": "`comfyfixer relink` mends references to what is here",
    "failed": "`comfyfixer download` tries again what failed",
}


def verdicts(overview: Overview, scanned: str | None = None) -> Verdicts:
    """What the files of the last steps say of each workflow, in path order."""
    nodes = {node.node_type: node for node in overview.missing_nodes}
    found = tuple(_verdict(view, nodes) for view in joined(overview).views)
    counts = {verdict: sum(row.verdict == verdict for row in found) for verdict in VERDICTS}
    return Verdicts(workflows=found, counts=counts, scanned=scanned)


def _verdict(view: WorkflowView, nodes: dict[str, MissingNode]) -> WorkflowVerdict:
    return WorkflowVerdict(
        path=view.row.path,
        verdict="unreadable" if not view.row.ok else "runnable" if view.ready else "waiting",
        needs=view.row.needs,
        models=tuple(_model(item) for item in view.items if item.state != "placed"),
        nodes=tuple(_node(node_type, nodes.get(node_type)) for node_type in view.row.missing_nodes),
        error=view.row.error,
    )


def _model(item: Item) -> WaitsForModel:
    return WaitsForModel(
        filename=item.missing.filename,
        folder=item.missing.folder,
        state=item.state,
        said=item.said,
        hint=item.hint,
        size_bytes=item.resolution.size_bytes if item.resolution else None,
    )


def _node(node_type: str, node: MissingNode | None) -> WaitsForNode:
    pack = node.pack if node else None
    name = pack.title or pack.id or pack.repository if pack else None
    return WaitsForNode(node_type=node_type, state=node.state if node else "missing", pack=name)


def lines(found: Verdicts) -> Iterator[str]:
    """A line for each workflow, and below it what it waits for; those that run come last, without more."""
    if not found.workflows:
        yield "No workflow was scanned."
        return
    common = common_folder([row.path.replace("\\", "/") for row in found.workflows])
    if common:
        yield f"in {shown(common)}"
    width = max(len(verdict) for verdict in VERDICTS)
    for verdict in ("unreadable", "waiting", "runnable"):
        for row in (row for row in found.workflows if row.verdict == verdict):
            yield f"{_MARKS[verdict]} {verdict:<{width}}  {shown(row.path[len(common) :])}{_beside(row)}"
            yield from (f"      {text}" for text in _waits_for(row))
    yield ""
    yield from _foot(found)


def _beside(row: WorkflowVerdict) -> str:
    parts = [plural(len(row.models), "model file") if row.models else "", _node_count(row)]
    told = ", ".join(part for part in parts if part)
    return f"  ({told})" if told else ""


def _node_count(row: WorkflowVerdict) -> str:
    return plural(len(row.nodes), "node type") if row.nodes else ""


def _waits_for(row: WorkflowVerdict) -> Iterator[str]:
    if row.error:
        yield f"{shown(row.error.message)} [{row.error.code}]"
    for model in row.models:
        size = f", {size_text(model.size_bytes)}" if model.size_bytes is not None else ""
        yield f"{shown(model.filename)}: {_STATES[model.state]} ({model.folder or 'folder unknown'}{size})"
    for pack in dict.fromkeys(node.pack for node in row.nodes):
        types = ", ".join(shown(node.node_type) for node in row.nodes if node.pack == pack)
        yield f"node {types}: of pack {shown(pack)}" if pack else f"node {types}: of no pack that is known"


def _foot(found: Verdicts) -> Iterator[str]:
    when = f" (scanned {found.scanned[:16].replace('T', ' ')})" if found.scanned else ""
    yield f"{found.counts['runnable']} of {plural(len(found.workflows), 'workflow')} runnable{when}."
    yield from (f"-> {text}" for text in _next(found.workflows))


def _next(rows: Sequence[WorkflowVerdict]) -> list[str]:
    """What to run, in the order of the steps."""
    states = {model.state for row in rows for model in row.models}
    return list(dict.fromkeys(text for state, text in _NEXT.items() if state in states))
