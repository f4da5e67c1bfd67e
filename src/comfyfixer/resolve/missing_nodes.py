"""Which node types the workflows use and the installation does not register, and which pack has them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from comfyfixer.model.inventory import Inventory, NodePack
from comfyfixer.model.library import Library
from comfyfixer.model.missing import MissingNode, PackReference
from comfyfixer.model.reference import NodeReference
from comfyfixer.resolve.newer_nodes import newer_nodes
from comfyfixer.resolve.pack_claims import filled, joined
from comfyfixer.resolve.pack_lists import PackLists
from comfyfixer.resolve.pack_names import github_address, same_id, same_repository

Uses = Mapping[str, Sequence[tuple[str, NodeReference]]]
"""Node type to the workflows' paths and the nodes there."""


class NodeFindings(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparison came to.

    Attributes:
        missing: One entry per node type that an active node uses and nothing installed registers, sorted by type.
        notes: What to know of packs whose types count as there.
    """

    missing: tuple[MissingNode, ...]
    notes: tuple[str, ...] = ()


def find_missing_nodes(
    library: Library,
    inventory: Inventory,
    *,
    lists: PackLists | None = None,
    since: Mapping[str, str] = {},
) -> NodeFindings:
    """Compare what active nodes use with what is installed.

    Args:
        lists: ComfyUI-Manager's lists of this installation, None where it has none.
        since: Of each node type of ComfyUI itself: `<=0.33.0` or `>0.33.0`.
    """
    comparison = _Comparison(inventory, lists)
    uses = comparison.missing(library.custom)
    core, custom = newer_nodes(library, inventory, since, uses, lists)
    entries = [*core, *(comparison.entry(node_type, uses[node_type]) for node_type in custom)]
    missing = tuple(sorted(entries, key=lambda entry: entry.node_type))
    return NodeFindings(missing=missing, notes=tuple(comparison.notes(library.custom.keys())))


class _Comparison:
    """The installed packs against what is used."""

    def __init__(self, inventory: Inventory, lists: PackLists | None) -> None:
        self._lists = lists
        self._packs = inventory.packs
        self._working = [pack for pack in inventory.packs if pack.enabled and pack.failed is None]
        self._unclear = [pack for pack in self._working if not pack.complete]
        self._installed = inventory.builtin_types.union(*(pack.node_types for pack in self._working))
        self._probable: dict[str, list[str]] = defaultdict(list)

    def missing(self, used: Uses) -> dict[str, Sequence[tuple[str, NodeReference]]]:
        """Uses of types that nothing installed registers, by type."""
        uses = {node_type: nodes for node_type, nodes in used.items() if node_type not in self._installed}
        for node_type in list(uses) if self._unclear else ():
            if pack := self._probable_pack(node_type, [node for _, node in uses[node_type]]):
                self._probable[pack.name].append(node_type)
                del uses[node_type]
        return uses

    def entry(self, node_type: str, uses: Sequence[tuple[str, NodeReference]]) -> MissingNode:
        """The row of one type of a pack."""
        failed = [pack for pack in self._packs if _has_unloaded(pack, node_type)]
        packs = joined((*self._named(node for _, node in uses), *self._listed(node_type), *map(_reference, failed)))
        here = failed[0] if failed else next(filter(None, map(self._here, packs)), None)
        state, note = _state(here, node_type, packs[0].version if packs else None)
        return MissingNode(
            node_type=node_type,
            workflows=tuple(sorted({path for path, _ in uses})),
            pack=packs[0] if packs else None,
            alternatives=packs[1:],
            note=note,
            state=state,
        )

    def notes(self, used: AbstractSet[str]) -> Iterator[str]:
        """One sentence for each pack that is in doubt and that has one of the types that workflows use."""
        for name, types in sorted(self._probable.items()):
            shown = ", ".join(f"`{node_type}`" for node_type in sorted(types)[:6])
            more = f" and {len(types) - 6} more" if len(types) > 6 else ""
            yield (
                f"The installed pack `{name}` probably has {shown}{more}: a list or the workflow says so, its source "
                "does not tell"
            )
        for pack in self._packs:
            if pack.failed is not None and pack.node_types and used.isdisjoint(pack.node_types):
                yield pack.failed
        for pack in self._working:
            if pack.lacks and not used.isdisjoint(pack.node_types):
                yield f"The pack `{pack.name}` will probably fail to import: {_lacking(pack)}"

    def _probable_pack(self, node_type: str, nodes: Sequence[NodeReference]) -> NodePack | None:
        """An installed pack whose source leaves open whether it has the type, and of which somebody says it has."""
        for pack in self._unclear:
            listed = self._lists is not None and self._lists.has(node_type, pack_id=pack.id, repository=pack.repository)
            if listed or any(_saved_with(pack, node) for node in nodes):
                return pack
        return None

    def _named(self, nodes: Iterable[NodeReference]) -> Iterator[PackReference]:
        """The packs that the workflows themselves name."""
        for node in nodes:
            if not node.cnr_id and not node.aux_id:
                continue
            pack = PackReference(
                id=node.cnr_id,
                repository=github_address(node.aux_id),
                version=node.version,
                found_by="cnr_id" if node.cnr_id else "aux_id",
            )
            about = self._lists.about(pack_id=pack.id, repository=pack.repository) if self._lists else None
            yield filled(pack, about)

    def _listed(self, node_type: str) -> tuple[PackReference, ...]:
        return self._lists.packs_with(node_type) if self._lists else ()

    def _here(self, wanted: PackReference) -> NodePack | None:
        """The installed pack that is meant, enabled ones first."""
        ids, repository = {same_id(wanted.id)} - {None}, same_repository(wanted.repository)
        found = [
            pack
            for pack in self._packs
            if same_id(pack.id) in ids or (repository and repository == same_repository(pack.repository))
        ]
        return min(found, key=lambda pack: not pack.enabled, default=None)


def _saved_with(pack: NodePack, node: NodeReference) -> bool:
    """Whether the very version of a pack that is installed saved the node."""
    is_it = (node.cnr_id and same_id(node.cnr_id) == same_id(pack.id)) or (
        node.aux_id and same_repository(github_address(node.aux_id)) == same_repository(pack.repository)
    )
    return bool(is_it and node.version and node.version.removeprefix("v") in (pack.version, pack.commit))


def _reference(pack: NodePack) -> PackReference:
    return PackReference(id=pack.id, title=pack.name, repository=pack.repository, found_by="installed")


def _has_unloaded(pack: NodePack, node_type: str) -> bool:
    """Whether a pack has a type that ComfyUI does not get from it."""
    return node_type in pack.unloaded or (pack.failed is not None and node_type in pack.node_types)


def _state(here: NodePack | None, node_type: str, saved: str | None) -> tuple[str, str | None]:
    """In which state the pack is, and what that means."""
    if here is None:
        return "missing", None
    if not here.enabled:
        return "disabled", f"The pack `{here.name}` is installed and disabled: enable it"
    if here.failed is not None:
        return "failed-import", here.failed
    if node_type in here.unloaded:
        shown = ", ".join(f"`{name}`" for name in here.not_importable[:5])
        return "failed-import", f"The pack `{here.name}` goes without this node: ComfyUI's Python lacks {shown}"
    if not here.complete:
        return (
            "uncertain",
            f"The pack `{here.name}` is installed; its source does not tell every node type it registers",
        )
    version = f" {here.version}" if here.version else ""
    wanted = f" (the workflow was saved with {saved})" if saved and saved != here.version else ""
    return "outdated", f"The pack `{here.name}`{version} is installed and does not have the node: update it{wanted}"


def _lacking(pack: NodePack) -> str:
    shown = ", ".join(f"`{name}`" for name in pack.lacks[:5])
    more = f" and {len(pack.lacks) - 5} more" if len(pack.lacks) > 5 else ""
    return f"it requires {shown}{more}, not installed in ComfyUI's Python"
