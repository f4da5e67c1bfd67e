"""Who says that which pack has a node type, joined: one pack once, the likeliest first."""

from collections.abc import Iterable
from typing import Final

import msgspec

from comfyfixer.model.missing import MissingNode, PackReference
from comfyfixer.resolve.pack_names import same_id, same_repository

WORKFLOW: Final = ("cnr_id", "aux_id")
_LISTS: Final = frozenset({"installed-list", "manager-list"})
_STRENGTH: Final = (*WORKFLOW, "builtin", "installed", "installed-list", "registry", "manager-list")


def joined(claims: Iterable[PackReference]) -> tuple[PackReference, ...]:
    """Each pack once with all that is said of it.

    First what the workflow names itself; then whom the lists prefer; then who is named by the registry and a list
    alike; then by stars and downloads.
    """
    packs: list[PackReference] = []
    for claim in claims:
        place = next((place for place, pack in enumerate(packs) if is_same(pack, claim)), None)
        if place is None:
            packs.append(claim)
        else:
            packs[place] = _both(packs[place], claim)
    return tuple(sorted(packs, key=_rank))


def is_same(one: PackReference, other: PackReference) -> bool:
    """Whether two references mean one pack: by registry id or repository.

    Few rows of the lists have the registry's id: a repository of the very name of an id is taken for its own, until the
    registry tells the repository.
    """
    by_id = same_id(one.id) is not None and same_id(one.id) == same_id(other.id)
    repository = same_repository(one.repository)
    by_repository = repository is not None and repository == same_repository(other.repository)
    return by_id or by_repository or _is_named_after(one, other) or _is_named_after(other, one)


def _is_named_after(one: PackReference, other: PackReference) -> bool:
    """Whether of one only the id is known, and the other, not from the registry, has a repository of that name."""
    if one.id is None or one.repository is not None or other.found_by not in (*_LISTS, "aux_id"):
        return False
    return _bare(one.id) == _bare((same_repository(other.repository) or "").rpartition("/")[2])


def _bare(name: str) -> str:
    """`comfyui-` is left out of ids as often as not."""
    return (same_id(name) or "").removeprefix("comfyui-")


def filled(pack: PackReference, about: PackReference | None) -> PackReference:
    """A pack with what else is known of it; that says nothing about who has the node type."""
    if about is None:
        return pack
    return msgspec.structs.replace(
        _both(pack, about), found_by=pack.found_by, also_found_by=pack.also_found_by, preempts=pack.preempts
    )


def learned(node: MissingNode, claims: Iterable[PackReference], unanswered: Iterable[str]) -> MissingNode:
    """A row with what was found out since it was written.

    Args:
        unanswered: Who gave no answer this time; who did before and is not among them has answered now.
    """
    known = (node.pack, *node.alternatives) if node.pack else node.alternatives
    packs = joined((*known, *claims))
    return msgspec.structs.replace(
        node, pack=packs[0] if packs else None, alternatives=packs[1:], unanswered=tuple(unanswered)
    )


def _both(one: PackReference, other: PackReference) -> PackReference:
    said = {one.found_by, *one.also_found_by, other.found_by, *other.also_found_by}
    by_strength = sorted(said, key=lambda name: _STRENGTH.index(name) if name in _STRENGTH else len(_STRENGTH))
    registry = next((pack for pack in (one, other) if pack.found_by == "registry"), None)
    return PackReference(
        id=(registry.id if registry else None) or one.id or other.id,
        title=one.title or other.title,
        repository=(registry.repository if registry else None) or one.repository or other.repository,
        version=one.version or other.version,
        found_by=by_strength[0],
        also_found_by=tuple(by_strength[1:]),
        latest=other.latest or one.latest,
        stars=_most(one.stars, other.stars),
        downloads=_most(one.downloads, other.downloads),
        preempts=one.preempts or other.preempts,
    )


def _most(one: int | None, other: int | None) -> int | None:
    return max((number for number in (one, other) if number is not None), default=None)


def _rank(pack: PackReference) -> tuple[int, bool, int, int, int]:
    said = {pack.found_by, *pack.also_found_by}
    named = next((place for place, name in enumerate(WORKFLOW) if name in said), len(WORKFLOW))
    agreed = ("registry" in said) + bool(said & _LISTS)
    return named, not pack.preempts, -agreed, -(pack.stars or 0), -(pack.downloads or 0)
