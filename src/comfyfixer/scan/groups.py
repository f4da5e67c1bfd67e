"""Group nodes, the old way of folding nodes into one: `workflow>NAME`, before 1.2.63 `workflow/NAME`."""

from typing import Any, Final

from comfyfixer.scan.graph import LONGEST_NAME, Node
from comfyfixer.scan.links import BYPASSED, MUTED
from comfyfixer.scan.raw import RawGroup
from comfyfixer.scan.values import names_model_file

_PREFIXES: Final = ("workflow>", "workflow/")


def group_name(node_type: str) -> str:
    """The name of the group that a node type stands for, else ""."""
    return node_type[len(_PREFIXES[0]) :] if node_type.startswith(_PREFIXES) else ""


def unfold_group(instance: Node, group: RawGroup) -> list[Node]:
    """The inner nodes with the instance's values, which follow one another in the order of the inner nodes.

    The instance wins over the definition. Inner nodes get the id `<instance>:<index>`.
    """
    inner = group.nodes or []
    given = _given(instance.values, group) if isinstance(instance.values, list) else {}
    nodes = []
    for index, raw in enumerate(inner):
        if type(raw.type) is str and len(raw.type) <= LONGEST_NAME:
            runs = instance.active and raw.mode != MUTED and raw.mode != BYPASSED
            nodes.append(Node(f"{instance.id}:{index}", raw.type, runs, raw, given.get(index)))
    return nodes


def _given(values: list[Any], group: RawGroup) -> dict[int, list[Any]]:
    """Inner index to its values on the instance; empty where nothing tells which value belongs where."""
    all_values = enumerate(raw.widgets_values for raw in group.nodes or ())
    lists = {index: own for index, own in all_values if isinstance(own, list)}
    if sum(map(len, lists.values())) == len(values):
        return _sliced(values, {index: len(own) for index, own in lists.items()})
    return _matched_by_models(values, lists)


def _sliced(values: list[Any], lengths: dict[int, int]) -> dict[int, list[Any]]:
    start, slices = 0, {}
    for index, length in lengths.items():
        slices[index] = values[start : start + length]
        start += length
    return slices


def _matched_by_models(values: list[Any], lists: dict[int, list[Any]]) -> dict[int, list[Any]]:
    """Widgets that are linked inside or hidden are left out on the instance: match the model names in their order."""
    outer = [value for value in values if names_model_file(value)]
    places = [
        (index, position)
        for index, own in lists.items()
        for position, value in enumerate(own)
        if names_model_file(value)
    ]
    if len(outer) != len(places):
        return {}
    given = {index: list(lists[index]) for index, _ in places}
    for (index, position), value in zip(places, outer, strict=True):
        given[index][position] = value
    return given
