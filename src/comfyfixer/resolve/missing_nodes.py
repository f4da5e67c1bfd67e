"""Which node types the workflows use and the installation does not register."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from comfyfixer.model.inventory import Inventory, NodePack
from comfyfixer.model.missing import MissingNode, PackReference
from comfyfixer.model.reference import NodeReference, Workflow


def find_missing_nodes(workflows: Sequence[Workflow], inventory: Inventory) -> tuple[MissingNode, ...]:
    """One entry per node type that an active node uses and nothing installed registers, sorted by type."""
    installed = inventory.builtin_types.union(*(pack.node_types for pack in inventory.packs if pack.enabled))
    uses: dict[str, list[tuple[str, NodeReference]]] = defaultdict(list)
    for workflow in workflows:
        for node in workflow.custom_nodes:
            if node.active and node.node_type not in installed:
                uses[node.node_type].append((workflow.path, node))
    packs = {pack.id.lower(): pack for pack in inventory.packs if pack.id}
    custom = {node.node_type for workflow in workflows for node in workflow.custom_nodes}
    entries = [_entry(node_type, found, packs) for node_type, found in uses.items()]
    entries += _newer_builtins(workflows, inventory, custom)
    return tuple(sorted(entries, key=lambda entry: entry.node_type))


def _entry(node_type: str, uses: Sequence[tuple[str, NodeReference]], packs: dict[str, NodePack]) -> MissingNode:
    named = _packs_named(node for _, node in uses)
    return MissingNode(
        node_type=node_type,
        workflows=tuple(sorted({path for path, _ in uses})),
        pack=named[0] if named else None,
        alternatives=tuple(named[1:]),
        note=_note(named[0].id if named else None, packs),
    )


def _packs_named(nodes: Iterable[NodeReference]) -> list[PackReference]:
    """The packs the workflows themselves name for a type, registry ids first, each once."""
    found: dict[str, PackReference] = {}
    for node in nodes:
        if node.cnr_id:
            pack = PackReference(
                id=node.cnr_id, version=node.version, found_by="cnr_id", repository=_github(node.aux_id)
            )
            found.setdefault(node.cnr_id.lower(), pack)
        elif node.aux_id:
            pack = PackReference(repository=_github(node.aux_id), version=node.version, found_by="aux_id")
            found.setdefault(node.aux_id.lower(), pack)
    return sorted(found.values(), key=lambda pack: pack.found_by != "cnr_id")


def _github(aux_id: str | None) -> str | None:
    return f"https://github.com/{aux_id}" if aux_id else None


def _note(pack_id: str | None, packs: dict[str, NodePack]) -> str | None:
    """What the installation knows about the pack that should have the type."""
    pack = packs.get(pack_id.lower()) if pack_id else None
    if pack is None:
        return None
    if not pack.enabled:
        return f"The pack `{pack.name}` is installed and disabled"
    if not pack.complete:
        return f"The pack `{pack.name}` is installed; its source does not tell every node type it registers"
    return f"The pack `{pack.name}` is installed, but this version does not have the node: update it"


def _newer_builtins(workflows: Sequence[Workflow], inventory: Inventory, custom: set[str]) -> list[MissingNode]:
    """Types that ComfyUI itself brings, but not the installed one."""
    if inventory.installation.code_dir is None:
        return []
    users: dict[str, set[str]] = defaultdict(set)
    for workflow in workflows:
        for node_type in workflow.node_types:
            if node_type not in inventory.builtin_types and node_type not in custom:
                users[node_type].add(workflow.path)
    note = "ComfyUI itself has this node in another version than the installed one: update ComfyUI"
    return [
        MissingNode(
            node_type=node_type,
            workflows=tuple(sorted(paths)),
            pack=PackReference(id="comfy-core", title="ComfyUI", found_by="builtin"),
            note=note,
        )
        for node_type, paths in users.items()
    ]
