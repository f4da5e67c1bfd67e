"""The graph that ComfyUI would run: flat, each node with the values that count."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, Protocol

import msgspec

from comfyfixer.errors import WorkflowError
from comfyfixer.scan.raw import RawNode

MAX_NODES: Final = 100_000
"""Nodes after expansion; the largest real workflows have a few thousand."""


class Fed(Enum):
    """Stands where a widget's value comes out of another node: nobody knows it before the run."""

    FED = "fed"


FED: Final = Fed.FED


class Surroundings(Protocol):
    """The graph or definition that a node stands in, and what is given to it from outside."""

    def replaced(self, raw: RawNode) -> dict[str, Any] | None:
        """What replaces a node's own values, by widget name; None for nothing."""
        ...


class Node(msgspec.Struct, gc=False):
    """One node of the flattened graph.

    Attributes:
        id: Joined through instances, `5:3:1`.
        active: Neither it nor an instance around it is muted or bypassed.
        values: What the file holds: a list by position, an object by name, or None.
        raw: The node as it lies in a UI file, None in an API prompt.
        around: What the node stands in, which is asked for `fed` when that is first needed: mostly never.
        known_fed: What `fed` answers, once it is known.
    """

    id: str
    type: str
    active: bool
    values: Any
    raw: RawNode | None = None
    around: Surroundings | None = None
    known_fed: dict[str, Any] | None = None

    @property
    def fed(self) -> dict[str, Any] | None:
        """By widget name: what replaces the file's value, `FED` where another node gives it at run time."""
        if self.around is not None and self.raw is not None:
            self.known_fed = self.around.replaced(self.raw)
            self.around = None
        return self.known_fed


Consumers = dict[str, list[tuple[str, str]]]


class Graph(msgspec.Struct, gc=False):
    """A flattened graph.

    Attributes:
        types: Of all nodes.
        declaring: Raw nodes that have a `properties.models`.
        has_tags: Some text may hold `embedding:` or `<lora:`; most workflows have none, and need no look at texts.
        find_consumers: Called once where it matters, for `consumers`.
    """

    nodes: list[Node]
    types: set[str]
    declaring: list[RawNode]
    has_tags: bool
    find_consumers: Callable[[], Consumers]
    known_consumers: Consumers | None = None

    def consumers(self, node: Node) -> Sequence[tuple[str, str]]:
        """Class and input name of the widgets that take a node's output."""
        if self.known_consumers is None:
            self.known_consumers = self.find_consumers()
        return self.known_consumers.get(node.id, ())


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
