"""Missing node types as a person sees them: by pack, with who names it and what to do."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from comfyfixer.model.missing import MissingNode, PackReference
from comfyfixer.model.run import Overview

_SAYS: Final = {
    "cnr_id": "the workflow",
    "aux_id": "the workflow",
    "installed": "its files here",
    "installed-list": "ComfyUI-Manager's list here",
    "registry": "the Comfy Registry",
    "manager-list": "ComfyUI-Manager's published list",
}
_OF_COMFYUI: Final = frozenset({"update-comfyui", "removed"})
_MOST_ALTERNATIVES: Final = 3
_MOST_TYPES: Final = 4


class PackGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Missing types of one pack in one state.

    Attributes:
        name: Title, id or repository of the pack; None where no pack is known.
        place: Its id and repository, as far as the name does not say them.
        facts: Sentence parts: versions, who names it.
        notes: Sentences: what state the pack is in, other packs, what stayed unanswered.
    """

    name: str | None
    nodes: tuple[MissingNode, ...]
    place: tuple[str, ...]
    facts: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def workflows(self) -> tuple[str, ...]:
        """All that need one of the types, sorted."""
        return tuple(sorted({path for node in self.nodes for path in node.workflows}))


def of_comfyui(nodes: Iterable[MissingNode]) -> tuple[MissingNode, ...]:
    """Those that another version of ComfyUI has: no pack is to be installed for them."""
    return tuple(node for node in nodes if node.state in _OF_COMFYUI)


def pack_groups(overview: Overview) -> tuple[PackGroup, ...]:
    """The others by pack, those that most workflows wait for first; types of which no pack is known last."""
    groups: dict[tuple[str | None, str], list[MissingNode]] = {}
    for node in overview.missing_nodes:
        if node.state not in _OF_COMFYUI:
            groups.setdefault((_name(node.pack), node.state), []).append(node)
    looked_for = "resolve" in overview.steps
    found = [_group(name, members, looked_for=looked_for) for (name, _), members in groups.items()]
    return tuple(sorted(found, key=lambda group: (group.name is None, -len(group.workflows))))


def _group(name: str | None, nodes: Sequence[MissingNode], *, looked_for: bool) -> PackGroup:
    named = (node.pack for node in nodes if node.pack)
    packs = sorted(named, key=lambda pack: pack.found_by not in ("cnr_id", "registry"))
    return PackGroup(
        name=name,
        nodes=tuple(nodes),
        place=tuple(_place(packs)),
        facts=tuple(_facts(packs)),
        notes=tuple(dict.fromkeys(_notes(nodes, looked_for=looked_for))),
    )


def _name(pack: PackReference | None) -> str | None:
    return pack.title or pack.id or pack.repository if pack else None


def _place(packs: Sequence[PackReference]) -> Iterator[str]:
    for pack in packs[:1]:
        yield from (text for text in dict.fromkeys((pack.id, pack.repository)) if text and text != _name(pack))


def _facts(packs: Sequence[PackReference]) -> Iterator[str]:
    if not packs:
        return
    saved = sorted({_short(pack.version) for pack in packs if pack.version})
    if saved:
        yield f"saved with {', '.join(saved[:3])}"
    if packs[0].latest:
        yield f"newest is {packs[0].latest}"
    said = {place for pack in packs for place in (pack.found_by, *pack.also_found_by)}
    names = list(dict.fromkeys(words for place, words in _SAYS.items() if place in said))
    if names:
        yield f"named by {_and(names)}"


def _short(version: str) -> str:
    """A commit as git abbreviates it; any other version as it is."""
    return version[:10] if len(version) == 40 and version.isalnum() else version


def _notes(nodes: Sequence[MissingNode], *, looked_for: bool) -> Iterator[str]:
    yield from (node.note for node in nodes if node.note)
    yield from _also_in(nodes)
    silent = sorted({source for node in nodes for source in node.unanswered})
    if silent:
        yield f"{_and(silent)} gave no answer: `comfyfixer resolve` asks again"
    elif nodes[0].pack is None:
        yield _NOBODY if looked_for else "`comfyfixer resolve` asks the Comfy Registry and ComfyUI-Manager's lists"


def _also_in(nodes: Sequence[MissingNode]) -> Iterator[str]:
    """Which other packs have which of the types, those with most types first."""
    others: dict[str, list[str]] = {}
    for node in nodes:
        if node.alternatives:
            others.setdefault(_alternatives(node.alternatives), []).append(f"`{node.node_type}`")
    ordered = sorted(others.items(), key=lambda item: -len(item[1]))
    for packs, types in ordered[:_MOST_ALTERNATIVES]:
        more = f" and {len(types) - _MOST_TYPES} more" if len(types) > _MOST_TYPES else ""
        yield f"{', '.join(types[:_MOST_TYPES])}{more} {'is' if len(types) == 1 else 'are'} also in {packs}"
    if len(ordered) > _MOST_ALTERNATIVES:
        yield f"{sum(len(types) for _, types in ordered[_MOST_ALTERNATIVES:])} more of its types are in other packs too"


_NOBODY: Final = "Neither the Comfy Registry nor ComfyUI-Manager's lists know it: ask the workflow's author"


def _alternatives(packs: Sequence[PackReference]) -> str:
    shown = [_with_address(pack) for pack in packs[:_MOST_ALTERNATIVES]]
    more = len(packs) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _with_address(pack: PackReference) -> str:
    name = _name(pack) or "a pack without a name"
    return f"{name} ({pack.repository})" if pack.repository and pack.repository != name else name


def _and(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
