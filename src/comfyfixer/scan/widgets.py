"""The values of one node's widgets, each with the best name that the file gives it."""

import re
from collections.abc import Iterator
from typing import Any, Final

from comfyfixer.scan.graph import FED, Node
from comfyfixer.scan.raw import RawNode

_SWITCH: Final = re.compile(r"(^|_)(enabled?|switch|toggle|active|on|use)(_|$|\d)")
_NUMBER: Final = re.compile(r"\d+")
_OFF: Final = ("Off", "off", "OFF")
_SEEDS: Final = frozenset({"seed", "noise_seed"})
_AFTER_SEED: Final = frozenset({"fixed", "increment", "decrement", "randomize"})


def value_at(node: Node, name: str, index: int | None) -> Any:
    """The value of one widget as it would be sent; None where there is none or another node gives it."""
    fed = node.fed
    if fed is not None and name in fed:
        value = fed[name]
        return None if value is FED else _content(value)
    values = node.values
    if type(values) is list:
        return _content(values[index]) if index is not None and index < len(values) else None
    return _content(values.get(name)) if type(values) is dict else None


def _content(value: Any) -> Any:
    """Some packs wrap a choice with its picture: `{"content": name, "image": …}`."""
    return value["content"] if type(value) is dict and "content" in value else value


def entries(node: Node) -> Iterator[tuple[str, int | None, Any]]:
    """All values of a node: name or `widget <n>`, position, value; what another node gives is left out."""
    values, fed = node.values, node.fed or {}
    left = dict(fed)
    if type(values) is list:
        names = widget_names(node)
        for index, value in enumerate(values):
            name = names[index] if names else None
            given = left.pop(name, value) if name is not None else value
            if given is not FED:
                yield name or f"widget {index}", index, _content(given)
    elif type(values) is dict:
        for name, value in values.items():
            given = left.pop(name, value)
            if given is not FED:
                yield str(name), None, _content(given)
    for name, value in left.items():
        if value is not FED:
            yield name, None, _content(value)


def unplaced(node: Node) -> list[str]:
    """Names of replaced widgets of which the file does not tell the position."""
    if node.fed is None or type(node.values) is not list:
        return []
    names = set(widget_names(node) or ())
    return [name for name in node.fed if name not in names]


def switched_off(node: Node, name: str, index: int | None) -> bool:
    """Whether the switch of one row of a stack is off: it stands directly before the name, or has the same number."""
    values = node.values
    if type(values) is list:
        before = values[index - 1] if index else None
        if before is False:
            names = widget_names(node)
            label = names[index - 1] if names and index else None
            return "stack" in node.type.lower() if label is None else bool(_SWITCH.search(label))
        return before in _OFF
    if type(values) is dict and (number := _NUMBER.search(name)):
        if node.known_off is None:
            node.known_off = frozenset(_numbers_off(values))
        return number[0] in node.known_off
    return False


def _numbers_off(values: dict[str, Any]) -> Iterator[str]:
    """Numbers of the rows whose switch is off."""
    for key, value in values.items():
        if value in (*_OFF, False) and type(value) is not int and _SWITCH.search(key):
            numbers = _NUMBER.findall(key)
            if len(numbers) == 1:
                yield numbers[0]


def widget_names(node: Node) -> list[str | None] | None:
    """Names by position, where the file tells them all: saved by name, or each widget with its socket."""
    if node.known_names is None:
        node.known_names = _widget_names(node) or []
    return node.known_names or None


def _widget_names(node: Node) -> list[str | None] | None:
    raw, values = node.raw, node.values
    if raw is None or type(values) is not list:
        return None
    named = raw.widgets_values_named
    if isinstance(named, dict) and len(named) == len(values):
        return [str(name).partition("#")[0] for name in named]
    return _socket_names(raw, values)


def _socket_names(raw: RawNode, values: list[Any]) -> list[str | None] | None:
    names: list[str | None] = []
    for socket in raw.inputs or ():
        if socket.widget is None:
            continue
        names.append(str(socket.widget.name))
        if names[-1] in _SEEDS and len(names) < len(values) and _is_after_seed(values[len(names)]):
            names.append(None)
    return names if len(names) == len(values) else None


def _is_after_seed(value: Any) -> bool:
    return type(value) is str and value in _AFTER_SEED
