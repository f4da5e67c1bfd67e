"""One workflow's needs as a tree for a person."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from comfyfixer.model.reference import ModelReference, NodeReference, Workflow
from comfyfixer.report.words import plural, shown

_KNOWN_BY: Final = {
    "builtin": "known from ComfyUI's own nodes",
    "object_info": "told by the running ComfyUI",
    "pack": "known from the pack's source",
    "properties": "told by the workflow",
    "popular": "known from popular packs",
    "input-name": "told by the input's name",
    "node-name": "told by the node's name",
    "node-outputs": "told by what the node makes",
}
_INACTIVE: Final = "muted or bypassed"
_NAME_WIDTH: Final = 56
_IDS_SHOWN: Final = 6
_COMMIT: Final = 40


class Line(NamedTuple):
    """One line of the tree.

    Attributes:
        dim: It is about something that does not run; the words say so too.
    """

    text: str
    dim: bool = False


class _Use(NamedTuple):
    """What several nodes may need alike."""

    value: str
    node_type: str
    origin: str
    active: bool


def tree(workflow: Workflow) -> Iterator[Line]:
    """Needs by folder and by how that is known, each with its nodes; then custom nodes by pack; nothing is left out."""
    if workflow.error:
        yield Line(
            f"{shown(workflow.path)}  could not be read: {shown(workflow.error.message)} [{workflow.error.code}]"
        )
        yield Line("")
        return
    yield Line(f"{shown(workflow.path)}  ({workflow.format}: {_counted(workflow)})")
    folders: dict[tuple[str, str], list[ModelReference]] = {}
    for reference in workflow.models:
        known = _KNOWN_BY.get(reference.folder_known_by or "", "")
        folders.setdefault((reference.folder or "", known), []).append(reference)
    for (folder, known), references in sorted(folders.items(), key=lambda entry: (entry[0][0] == "", entry[0])):
        yield Line(f"  {shown(folder)}  ({known})" if folder else "  folder unknown")
        yield from _models(references)
    packs: dict[str, list[NodeReference]] = {}
    for node in workflow.custom_nodes:
        packs.setdefault(_pack(node), []).append(node)
    for pack, nodes in sorted(packs.items(), key=lambda entry: (entry[0] == "", entry[0].lower())):
        yield Line(f"  nodes of {pack}" if pack else "  custom nodes, of no pack that the workflow names")
        yield from _nodes(nodes)
    yield Line("")


def _counted(workflow: Workflow) -> str:
    files = {(reference.folder, reference.value) for reference in workflow.models if reference.active}
    types = {node.node_type for node in workflow.custom_nodes if node.active}
    idle = len({(use.folder, use.value) for use in workflow.models} - files)
    told = [
        plural(len(files), "model file") if files else "",
        plural(len(types), "custom-node type") if types else "",
        f"{idle} more not in use" if idle else "",
    ]
    return ", ".join(part for part in told if part) or "no model files or custom nodes"


def _models(references: Iterable[ModelReference]) -> Iterator[Line]:
    uses: dict[_Use, list[ModelReference]] = {}
    for one in references:
        uses.setdefault(_Use(one.value, one.node_type, one.origin, one.active), []).append(one)
    width = min(_NAME_WIDTH, max(len(shown(use.value)) for use in uses))
    for use, members in uses.items():
        by = f"{shown(use.node_type)} {_ids(one.node_id for one in members)}".strip() or "the picture's parameters"
        told = [by, *_beside(use, members)]
        yield Line(f"    {shown(use.value):<{width}}  {', '.join(told)}", not use.active)


def _beside(use: _Use, members: list[ModelReference]) -> Iterator[str]:
    if use.origin == "embedding":
        yield "named in its text"
    elif use.origin == "lora-tag":
        yield "tagged in its text"
    if any(one.urls for one in members):
        yield "the workflow says where from"
    if any(one.hashes for one in members):
        yield "and with which hash" if any(one.urls for one in members) else "the workflow says with which hash"
    if not use.active:
        yield _INACTIVE


def _pack(node: NodeReference) -> str:
    """The pack as the workflow names it, with its version; a commit in short."""
    version = shown(node.version or "")
    short = version[:10] if len(version) == _COMMIT and version.isalnum() else version
    name = shown(node.cnr_id or node.aux_id or "")
    return f"{name} {short}".rstrip() if name else ""


def _nodes(nodes: Iterable[NodeReference]) -> Iterator[Line]:
    groups: dict[tuple[str, bool], list[NodeReference]] = {}
    for node in nodes:
        groups.setdefault((shown(node.node_type), node.active), []).append(node)
    width = min(_NAME_WIDTH, max(len(node_type) for node_type, _ in groups))
    for (node_type, active), members in sorted(groups.items()):
        ids = _ids(node.node_id for node in members)
        yield Line(f"    {node_type:<{width}}  {ids}{'' if active else f', {_INACTIVE}'}", not active)


def _ids(ids: Iterable[str]) -> str:
    """`#5:1, #6:1`; the first of many."""
    each = [f"#{shown(one)}" for one in ids if one]
    more = f" and {len(each) - _IDS_SHOWN} more" if len(each) > _IDS_SHOWN else ""
    return ", ".join(each[:_IDS_SHOWN]) + more
