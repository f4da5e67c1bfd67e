"""An API prompt: flat already, every input by name."""

from functools import partial
from typing import Any

from comfyfixer.scan.graph import LONGEST_NAME, Bounds, Consumers, Graph, Node


def is_prompt(value: Any) -> bool:
    """Whether an object is a prompt: nodes by id, each with its class (one the frontend did not know has none)."""
    if not isinstance(value, dict):
        return False
    nodes = sum(1 for node in value.values() if _is_node(node))
    return nodes > 0 and nodes * 2 >= len(value)


def _is_node(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and type(value.get("class_type")) is str
        and len(value["class_type"]) <= LONGEST_NAME
        and isinstance(value.get("inputs", {}), dict)
    )


def flatten_prompt(prompt: dict[str, Any]) -> Graph:
    """The graph of a prompt; links are lists, so that only given values remain as texts."""
    nodes: list[Node] = []
    for node_id, value in prompt.items():
        if _is_node(value):
            inputs = {name: _unwrapped(given) for name, given in (value.get("inputs") or {}).items()}
            fed = _text_links(inputs, prompt)
            nodes.append(Node(str(node_id), value["class_type"], active=True, given=inputs, known_fed=fed))
    Bounds().add(nodes)
    types = {node.type for node in nodes}
    return Graph(nodes, types, types, [], has_tags=True, find_consumers=partial(_consumers, nodes))


def _consumers(nodes: list[Node]) -> Consumers:
    found: Consumers = {}
    for node in nodes:
        for name, value in node.values.items():
            if _is_link(value):
                found.setdefault(str(value[0]), []).append((node.type, name))
    return found


def _unwrapped(value: Any) -> Any:
    """A list that is a value and no link is wrapped."""
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def _text_links(inputs: dict[str, Any], prompt: dict[str, Any]) -> dict[str, Any] | None:
    """Inputs that take the text of one of ComfyUI's own text nodes."""
    fed = {}
    for name, value in inputs.items():
        source = prompt.get(str(value[0])) if _is_link(value) else None
        if isinstance(source, dict) and source.get("class_type") in ("PrimitiveString", "PrimitiveStringMultiline"):
            text = (source.get("inputs") or {}).get("value")
            if isinstance(text, str):
                fed[name] = text
    return fed or None


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and type(value[1]) is int
