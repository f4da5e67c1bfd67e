"""Where the value of a linked widget comes from, inside one graph or definition."""

from typing import Any, Final

import msgspec

from comfyfixer.scan.graph import FED
from comfyfixer.scan.loose import decoded
from comfyfixer.scan.raw import RawLink, RawNode, forgiving

INPUT_NODE: Final = "-10"
"""Id of the pseudo node at which a definition's own inputs arrive."""

MUTED: Final = 2
BYPASSED: Final = 4
_PASSING: Final = frozenset({"Reroute", "Reroute (rgthree)"})
_VALUE_NODES: Final = frozenset({"PrimitiveString", "PrimitiveStringMultiline"})
_MAX_HOPS: Final = 64
_LINKS: Final = msgspec.json.Decoder(list[RawLink | list[Any]])


class Own:
    """The link leads nowhere: the widget keeps its own value."""


class Boundary:
    """The link comes from the definition's own input.

    Attributes:
        slot: Position in the definition's `inputs`.
    """

    __slots__ = ("slot",)

    def __init__(self, slot: int) -> None:
        self.slot = slot


OWN: Final = Own()


class Scope:
    """The nodes and links of one graph or definition."""

    def __init__(self, nodes: list[RawNode], links: msgspec.Raw) -> None:
        self.nodes = nodes
        self._raw_links = links
        self._links: dict[Any, Any] | None = None
        self._by_id: dict[str, RawNode] | None = None

    def node(self, node_id: str) -> RawNode | None:
        """The node of that id, or None."""
        if self._by_id is None:
            self._by_id = {str(node.id): node for node in self.nodes}
        return self._by_id.get(node_id)

    def origin(self, link_id: Any) -> tuple[str, Any, Any] | None:
        """Id and slot of the node a link starts at, and the link's type; None for a link that does not exist."""
        if self._links is None:
            self._links = _link_table(self._raw_links)
        link = self._links.get(link_id) if type(link_id) is int else self._links.get(_number(link_id))
        if link is None:
            return None
        if type(link) is RawLink:
            return str(link.origin_id), link.origin_slot, link.type
        return str(link[1]), link[2], link[5] if len(link) > 5 else None

    def source(self, link_id: Any, *, primitives_reach: bool = True) -> Any:
        """What a link brings: a value, `FED`, `OWN` or a `Boundary`.

        A muted source brings nothing; a bypassed one passes on its first input of the link's type.

        Args:
            primitives_reach: False at the input of a subgraph instance, which a `PrimitiveNode` does not get through.
        """
        for _ in range(_MAX_HOPS):
            origin = self.origin(link_id)
            if origin is None:
                return OWN
            node_id, slot, link_type = origin
            if node_id == INPUT_NODE:
                return Boundary(slot_number(slot))
            node = self.node(node_id)
            if node is None or node.mode == MUTED:
                return OWN
            if node.mode != BYPASSED and node.type not in _PASSING:
                return _value_out_of(node, primitives_reach)
            link_id = _passed_on(node, link_type)
            if link_id is None:
                return OWN
        return FED

    def feeder(self, link_id: Any) -> str | None:
        """Id of the node that a link comes from, reroutes followed."""
        for _ in range(_MAX_HOPS):
            origin = self.origin(link_id)
            node = self.node(origin[0]) if origin else None
            if origin is None or node is None:
                return None
            if node.type not in _PASSING:
                return origin[0]
            link_id = _passed_on(node, origin[2])
        return None


def slot_number(slot: Any) -> int:
    """Slots may be numeric strings; what is no number is -1, which no list has."""
    try:
        return max(int(slot), -1)
    except (TypeError, ValueError, OverflowError):
        return -1


def _value_out_of(node: RawNode, primitives_reach: bool) -> Any:
    if node.type == "PrimitiveNode":
        return _first(node.widgets_values) if primitives_reach else OWN
    if node.type in _VALUE_NODES and not _is_linked(node):
        return _first(node.widgets_values)
    return FED


def _first(values: Any) -> Any:
    if isinstance(values, list):
        return values[0] if values else OWN
    if isinstance(values, dict):
        return values.get("value", OWN)
    return OWN


def _is_linked(node: RawNode) -> bool:
    return any(socket.link is not None for socket in node.inputs or ())


def _passed_on(node: RawNode, link_type: Any) -> Any:
    """The link that a reroute or a bypassed node hands on: of its first input that fits."""
    for socket in node.inputs or ():
        if node.type in _PASSING or socket.type in (link_type, "*") or link_type == "*":
            return socket.link
    return None


def _number(link_id: Any) -> Any:
    """Ids are numbers, in some files written as text."""
    return int(link_id) if type(link_id) is str and link_id.isdecimal() else str(link_id)


def _link_table(raw: msgspec.Raw) -> dict[Any, Any]:
    table: dict[Any, Any] = {}
    for link in _decoded(raw):
        if type(link) is RawLink:
            link_id = link.id
        elif type(link) is list and len(link) >= 5:
            link_id = link[0]
        else:
            continue
        table[link_id if type(link_id) is int else _number(link_id)] = link
    return table


def _decoded(raw: msgspec.Raw) -> list[RawLink | list[Any]]:
    try:
        return _LINKS.decode(raw) if raw else []
    except msgspec.DecodeError:
        loose = decoded(raw)
        if isinstance(loose, dict):  # plain LiteGraph keeps links in an object
            loose = list(loose.values())
        if not isinstance(loose, list):
            return []
        kept = [link for link in loose if isinstance(link, list | dict)]
        return [forgiving(link, RawLink) if isinstance(link, dict) else link for link in kept]
