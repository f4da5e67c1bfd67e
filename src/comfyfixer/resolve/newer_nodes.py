"""Node types of ComfyUI itself that the installed ComfyUI does not have: a matter of updating, not of packs."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from comfyfixer.model.inventory import Inventory
from comfyfixer.model.missing import MissingNode, PackReference
from comfyfixer.model.reference import NodeReference, Workflow
from comfyfixer.resolve.pack_lists import PackLists

_VERSION: Final = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){1,3})")


def newer_nodes(
    workflows: Sequence[Workflow],
    inventory: Inventory,
    since: Mapping[str, str],
    missing: Mapping[str, Sequence[tuple[str, NodeReference]]],
    lists: PackLists | None,
) -> tuple[list[MissingNode], list[str]]:
    """The rows of ComfyUI's own types, and those of the `missing` types that are none.

    Args:
        missing: Uses of types that nothing installed registers and the table of built-in types does not know.
    """
    users: dict[str, set[str]] = defaultdict(set)
    versions: dict[str, list[str]] = defaultdict(list)
    for workflow in workflows:
        counted = {node.node_type for node in workflow.core_nodes}.union(workflow.inactive_types)
        for node_type in workflow.node_types:
            if node_type in since and node_type not in counted and node_type not in inventory.builtin_types:
                users[node_type].add(workflow.path)
        for node in workflow.core_nodes:
            if node.active and _is_core(node.node_type, inventory, since, missing, lists):
                users[node.node_type].add(workflow.path)
                versions[node.node_type] += [node.version] if node.version else []
    rows = [
        _row(name, paths, inventory.comfyui_version, since.get(name), versions[name]) for name, paths in users.items()
    ]
    return rows, [node_type for node_type in missing if node_type not in users]


def _is_core(
    node_type: str,
    inventory: Inventory,
    since: Mapping[str, str],
    missing: Mapping[str, Sequence[tuple[str, NodeReference]]],
    lists: PackLists | None,
) -> bool:
    """Whether a type that a node calls ComfyUI's own is: no list and no other node says otherwise."""
    if node_type in since:
        return node_type not in inventory.builtin_types
    uses = missing.get(node_type, ())
    named = any(node.cnr_id or node.aux_id for _, node in uses)
    return bool(uses) and not named and not (lists and lists.packs_with(node_type))


def _row(
    node_type: str, paths: set[str], installed: str | None, since: str | None, saved: Sequence[str]
) -> MissingNode:
    known = since.removeprefix("<=") if since and since.startswith("<=") else None
    if known and installed and _numbers(installed) > _numbers(known):
        note = f"ComfyUI {known} has this node, the installed {installed} no more: use its successor"
        state = "removed"
    else:
        state, note = "update-comfyui", _advice(installed, known or _first_of(saved, since), since)
    return MissingNode(
        node_type=node_type,
        workflows=tuple(sorted(paths)),
        pack=PackReference(id="comfy-core", title="ComfyUI", version=_first_of(saved, None), found_by="builtin"),
        note=note,
        state=state,
    )


def _advice(installed: str | None, wanted: str | None, since: str | None) -> str:
    have = f"ComfyUI itself has this node, the installed {installed} not yet" if installed else (
        "ComfyUI itself has this node, the installed one not yet"
    )  # fmt: skip
    if wanted:
        return f"{have}: update ComfyUI to {wanted} or newer"
    newer = f"a version newer than {since.removeprefix('>')}" if since else "the newest version"
    return f"{have}: update ComfyUI to {newer}"


def _first_of(saved: Sequence[str], since: str | None) -> str | None:
    """The lowest version of ComfyUI that has saved such a node: it had it; what the table excludes is wrong."""
    found = [match[1] for text in saved if (match := _VERSION.fullmatch(text))]
    above = _numbers(since.removeprefix(">")) if since and since.startswith(">") else ()
    return min((version for version in found if _numbers(version) > above), key=_numbers, default=None)


def _numbers(version: str) -> tuple[int, ...]:
    match = _VERSION.fullmatch(version)
    return tuple(map(int, match[1].split("."))) if match else ()
