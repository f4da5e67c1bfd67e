"""ComfyUI-Manager's lists, out of their bytes: which pack has which node type.

`extension-node-map.json` is `{address: [[types], {title_aux, nodename_pattern, preemptions}]}`, `custom-node-list.json`
is `{"custom_nodes": [{title, id, reference, files}]}`, `github-stats.json` is `{address: {stars}}`. All are foreign:
what is odd in one entry leaves the others as they are.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

from comfyfixer.model.missing import PackReference
from comfyfixer.resolve.pack_names import is_comfyui, same_id, same_repository, shown_address, shown_text

T = TypeVar("T")

_MAX_PATTERN: Final = 100
_MAX_NAME: Final = 200
# Letters, anchors, groups, alternatives, escaped signs, and `.*`: what the lists use, and nothing that can take long.
_SIMPLE: Final = re.compile(r"(?:[^\\*+?{}\[\]]|\\[^A-Za-z0-9]|\.\*)*")
_MOST_GAPS: Final = 2
_ODD: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class _About(msgspec.Struct):
    title_aux: Any = None
    title: Any = None
    nodename_pattern: Any = None
    preemptions: Any = None


class _Row(msgspec.Struct):
    reference: Any = None
    files: Any = None
    id: Any = None
    title: Any = None


class _Stats(msgspec.Struct):
    stars: Any = None


class _Rows(msgspec.Struct):
    custom_nodes: list[msgspec.Raw]


class PackLists:
    """What a set of lists says.

    Args:
        node_map: Content of `extension-node-map.json`.
        node_list: Content of `custom-node-list.json`; b"" where it is not there: titles and ids are poorer then.
        stats: Content of `github-stats.json`, b"" likewise.
        found_by: What `PackReference.found_by` says of them.

    Raises:
        ValueError: `node_map` is no such list.
    """

    def __init__(self, node_map: bytes, node_list: bytes = b"", stats: bytes = b"", *, found_by: str) -> None:
        entries = _decoded(node_map, dict[str, msgspec.Raw])
        if entries is None:
            raise ValueError("it is no list of node types")
        self._found_by = found_by
        self._rows = _rows_by_repository(node_list)
        self._stars = _decoded(stats, dict[str, msgspec.Raw]) or {}
        self._packs: dict[str, str] = {}
        self._by_type: dict[str, list[str]] = defaultdict(list)
        self._preempting: dict[str, str] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        self._titles: dict[str, str] = {}
        for address, entry in entries.items():
            self._add(address, entry)

    def packs_with(self, node_type: str) -> tuple[PackReference, ...]:
        """Every pack that has the type, the likeliest first; by name pattern only where no pack lists it."""
        names = list(self._by_type.get(node_type, ()))
        first = self._preempting.get(node_type)
        if first is not None:
            names = [first, *(name for name in names if name != first)]
        if not names and len(node_type) <= _MAX_NAME:
            names = [name for pattern, name in self._patterns if pattern.search(node_type)]
        packs = [self._reference(name, preempts=name == first) for name in dict.fromkeys(names)]
        return tuple(sorted(packs, key=lambda pack: (not pack.preempts, -(pack.stars or 0))))

    def has(self, node_type: str, *, pack_id: str | None, repository: str | None) -> bool:
        """Whether this pack is the one, or one of those, that have the type."""
        wanted = {same_repository(repository), same_id(pack_id)} - {None}
        return any(
            not wanted.isdisjoint({same_repository(pack.repository), same_id(pack.id)})
            for pack in self.packs_with(node_type)
        )

    def about(self, *, pack_id: str | None, repository: str | None) -> PackReference | None:
        """What the lists say of a pack, None where they do not know it."""
        name = same_repository(repository)
        if name in self._packs:
            return self._reference(name, preempts=False)
        row = self._rows.get(name or "") or self._rows.get(f"id {same_id(pack_id)}")
        if row is None:
            return None
        name = same_repository(_address_of(row))
        if name in self._packs:
            return self._reference(name, preempts=False)
        return PackReference(
            id=shown_text(row.id),
            title=shown_text(row.title),
            repository=shown_address(_address_of(row)),
            found_by=self._found_by,
        )

    def _add(self, address: str, entry: msgspec.Raw) -> None:
        parts = _decoded(bytes(entry), list[msgspec.Raw])
        name = same_repository(address)
        if not parts or name is None or is_comfyui(address) or shown_address(address) is None:
            return
        types = [known for known in _decoded(bytes(parts[0]), list[Any]) or () if isinstance(known, str)]
        about = (_decoded(bytes(parts[1]), _About) if len(parts) > 1 else None) or _About()
        self._packs[name] = address
        if title := shown_text(about.title_aux) or shown_text(about.title):
            self._titles[name] = title
        for node_type in dict.fromkeys(types):
            self._by_type[node_type].append(name)
        for node_type in about.preemptions if isinstance(about.preemptions, list) else ():
            self._preempting.setdefault(str(node_type), name)
        if pattern := _simple_pattern(about.nodename_pattern):
            self._patterns.append((pattern, name))

    def _reference(self, name: str, *, preempts: bool) -> PackReference:
        address = self._packs[name]
        row = self._rows.get(name, _Row())
        stats = _decoded(bytes(self._stars[address]), _Stats) if address in self._stars else None
        return PackReference(
            id=shown_text(row.id),
            title=shown_text(row.title) or self._titles.get(name),
            repository=shown_address(address),
            found_by=self._found_by,
            stars=stats.stars if stats and isinstance(stats.stars, int) and stats.stars >= 0 else None,
            preempts=preempts,
        )


def _rows_by_repository(node_list: bytes) -> dict[str, _Row]:
    """By each address of a row, and by `id NAME`; the first row of several counts."""
    found: dict[str, _Row] = {}
    rows = _decoded(node_list, _Rows)
    for raw in rows.custom_nodes if rows else ():
        row = _decoded(bytes(raw), _Row)
        for key in _keys_of(row) if row else ():
            found.setdefault(key, row)  # type: ignore[arg-type]  # there are keys only where there is a row
    return found


def _keys_of(row: _Row) -> Iterator[str]:
    files = row.files if isinstance(row.files, list) else ()
    addresses = (same_repository(address) for address in (row.reference, *files) if isinstance(address, str))
    yield from (address for address in addresses if address)
    if isinstance(row.id, str) and row.id:
        yield f"id {same_id(row.id)}"


def _address_of(row: _Row) -> str | None:
    return row.reference if isinstance(row.reference, str) else None


def _simple_pattern(pattern: object) -> re.Pattern[str] | None:
    """A pattern that can be searched for in no time; None for any other: it is foreign."""
    if not isinstance(pattern, str) or not 0 < len(pattern) <= _MAX_PATTERN:
        return None
    if pattern.count(".*") > _MOST_GAPS or not _SIMPLE.fullmatch(pattern) or pattern.strip("^$|.*() ") == "":
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _decoded(data: bytes, shape: type[T]) -> T | None:
    """A part of a list, None where it has another form."""
    try:
        return msgspec.json.decode(data, type=shape) if data else None
    except _ODD:
        return None
