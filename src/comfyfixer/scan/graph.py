"""The graph that ComfyUI would run: flat, each node with the values that count."""

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import msgspec

from comfyfixer.errors import WorkflowError
from comfyfixer.scan.raw import RawNode

MAX_NODES: Final = 100_000
"""Nodes after expansion; the largest real workflows have a few thousand."""


class Fed(Enum):
    """Stands where a widget's value comes out of another node: nobody knows it before the run."""

    FED = "fed"


FED: Final = Fed.FED


class Node(msgspec.Struct, gc=False):
    """One node of the flattened graph.

    Attributes:
        id: Joined through instances, `5:3:1`.
        active: Neither it nor an instance around it is muted or bypassed.
        values: What the file holds: a list by position, an object by name, or None.
        fed: By widget name: what replaces the file's value, `FED` where another node gives it at run time.
        raw: The node as it lies in a UI file, None in an API prompt.
    """

    id: str
    type: str
    active: bool
    values: Any
    fed: dict[str, Any] | None = None
    raw: RawNode | None = None


class Graph(msgspec.Struct, gc=False):
    """A flattened graph.

    Attributes:
        hints: By node id: class and input name of the widgets that take this node's output.
    """

    nodes: list[Node]
    hints: dict[str, list[tuple[str, str]]]


Count = Callable[[int], None]


def counter() -> Count:
    """A function that is told of each batch of nodes and refuses a graph that grows beyond all bounds."""
    seen = 0

    def count(amount: int) -> None:
        nonlocal seen
        seen += amount
        if seen > MAX_NODES:
            raise WorkflowError(
                f"The subgraphs unfold into more than {MAX_NODES} nodes",
                code="workflow-invalid",
                hint="Open the workflow in ComfyUI and save it again",
            )

    return count
