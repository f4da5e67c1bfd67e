"""Subgraph definitions, and what an instance gives to the widgets inside (FORMATS: `proxyWidgets` and after it)."""

import re
from typing import Any, Final

import msgspec

from comfyfixer.scan.links import INPUT_NODE, Scope, slot_number
from comfyfixer.scan.raw import RawGraph, RawNode

_OLD_PREFIX: Final = re.compile(r"^\d+: ")
_WHOLE_INPUT: Final = "-1"


class Given(msgspec.Struct, gc=False):
    """What an instance gives to the nodes of its definition.

    Attributes:
        by_slot: Position of the definition's input to what arrives there.
        by_widget: Inner node id to widget name to value.
    """

    by_slot: dict[int, Any]
    by_widget: dict[str, dict[str, Any]]


class Definition:
    """A subgraph definition, with what its instances need to know about it."""

    def __init__(self, raw: RawGraph, siblings: "dict[str, Definition]") -> None:
        self.scope = Scope(raw.nodes or [], raw.links)
        self._ports = raw.inputs or []
        self._slots: dict[str, int] | None = None
        self._siblings = siblings
        self._backed: list[int] | None = None

    @property
    def slots(self) -> dict[str, int]:
        """Name of each input to its position; the first of several of one name."""
        if self._slots is None:
            names = [str(port.name) for port in self._ports]
            self._slots = {name: len(names) - 1 - place for place, name in enumerate(reversed(names))}
        return self._slots

    @property
    def widget_slots(self) -> list[int]:
        """Inputs that a widget stands behind, in order.

        Counted from the file, not from node classes: the frontend miscounts where it does not know an inner class.
        """
        if self._backed is None:
            self._backed = []  # a definition that holds itself finds nothing here, and stops
            self._backed = sorted({slot for node in self.scope.nodes for slot in self._slots_behind(node)})
        return self._backed

    def _slots_behind(self, node: RawNode) -> list[int]:
        slots = []
        is_instance = str(node.type) in self._siblings
        for socket in node.inputs or ():
            if socket.link is None or (socket.widget is None and not is_instance):
                continue
            origin = self.scope.origin(socket.link)
            if origin is None or origin[0] != INPUT_NODE:
                continue
            if socket.widget is not None or self._is_promoted_further(node, str(socket.name)):
                slots.append(slot_number(origin[1]))
        return slots

    def _is_promoted_further(self, node: RawNode, name: str) -> bool:
        inner = self._siblings.get(str(node.type))
        return inner is not None and inner.slots.get(name) in inner.widget_slots


def given_to(instance: RawNode, definition: Definition, fed: dict[str, Any]) -> Given:
    """What this instance gives to the inside: its own values, and over them what is given or linked to it.

    Args:
        fed: By the name of the instance's input or of a widget it shows.
    """
    values = instance.widgets_values
    proxies = instance.properties.proxy_widgets if instance.properties else None
    given = Given({}, {})
    if isinstance(proxies, list) and proxies:
        _give_by_proxies(given, definition, proxies, values if isinstance(values, list) else [], fed)
    elif isinstance(values, list) and values:
        given.by_slot = dict(zip(definition.widget_slots, values, strict=False))
    elif isinstance(values, dict):
        fed = {**values, **fed}
    for name, value in fed.items():
        if name in definition.slots:
            given.by_slot[definition.slots[name]] = value
    _drop_primitives(given, instance, definition, fed)
    return given


def _give_by_proxies(
    given: Given, definition: Definition, proxies: list[Any], values: list[Any], fed: dict[str, Any]
) -> None:
    for position, proxy in enumerate(proxies):
        if not isinstance(proxy, list) or len(proxy) < 2:
            continue
        inner, name = str(proxy[0]), _OLD_PREFIX.sub("", str(proxy[1]))
        if name.startswith("$$"):
            continue
        if name in fed and name not in definition.slots:
            value = fed[name]
        elif position < len(values):
            value = values[position]
        else:
            continue
        if inner == _WHOLE_INPUT and name in definition.slots:
            given.by_slot[definition.slots[name]] = value
        else:
            given.by_widget.setdefault(inner, {})[name] = value


def _drop_primitives(given: Given, instance: RawNode, definition: Definition, fed: dict[str, Any]) -> None:
    """A linked input brings what the link brings, or, from a `PrimitiveNode`, the inner value: never the host's own."""
    for socket in instance.inputs or ():
        name = str(socket.name)
        if socket.link is not None and name in definition.slots and name not in fed:
            given.by_slot.pop(definition.slots[name], None)
