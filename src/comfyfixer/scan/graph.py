"""The graph that ComfyUI would run: flat, each node with the values that count."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, Protocol

import msgspec

from comfyfixer.errors import WorkflowError
from comfyfixer.scan.raw import RawNode

MAX_NODES: Final = 100_000
"""Nodes after expansion; the largest real workflows have a few thousand."""

LONGEST_NAME: Final = 300
"""Characters of a class, an id or an input's name that are looked at."""

MAX_REPEATED: Final = 100_000_000
"""Bytes of what instances repeat; every one of them is looked at again."""


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
        raw: The node as it lies in a UI file, None in an API prompt.
        given: What counts instead of the values that lie in the file, or all that an API prompt has.
        around: What the node stands in, which is asked for `fed` when that is first needed: mostly never.
        known_fed: What `fed` answers, once it is known.
        known_names: What `widgets.widget_names` found, once it is known.
        known_off: What `widgets.switched_off` found, once it is known.
    """

    id: str
    type: str
    active: bool
    raw: RawNode | None = None
    given: Any = None
    around: Surroundings | None = None
    known_fed: dict[str, Any] | None = None
    known_names: list[str | None] | None = None
    known_off: frozenset[str] | None = None

    @property
    def values(self) -> Any:
        """A list by position, an object by name, or None; decoded when that is first needed: mostly never."""
        if self.given is None and self.raw is not None:
            self.given = self.raw.widgets_values
        return self.given

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
        active_types: Of those that would run.
        declaring: Raw nodes that have a `properties.models`.
        has_tags: Some text may hold `embedding:` or `<lora:`; most workflows have none, and need no look at texts.
        find_consumers: Called once where it matters, for `consumers`.
    """

    nodes: list[Node]
    types: set[str]
    active_types: set[str]
    declaring: list[RawNode]
    has_tags: bool
    find_consumers: Callable[[], Consumers]
    known_consumers: Consumers | None = None

    def consumers(self, node: Node) -> Sequence[tuple[str, str]]:
        """Class and input name of the widgets that take a node's output."""
        if self.known_consumers is None:
            self.known_consumers = self.find_consumers()
        return self.known_consumers.get(node.id, ())


class Bounds:
    """Is told of each batch of nodes, and refuses a graph that grows beyond all bounds."""

    def __init__(self) -> None:
        self._nodes = 0
        self._repeated = 0
        self._weights: dict[int, int | None] = {}

    def add(self, nodes: Sequence[RawNode | Node]) -> None:
        """These stand in the graph.

        Raises:
            WorkflowError: They are too many.
        """
        self._nodes += len(nodes)
        if self._nodes > MAX_NODES:
            raise _unbounded(f"more than {MAX_NODES} nodes")

    def repeat(self, nodes: Sequence[RawNode], prefix: str) -> None:
        """These stand in the graph for one instance more; the prefix stands before their ids.

        Raises:
            WorkflowError: What is repeated is too much.
        """
        self._repeated += len(prefix) * len(nodes)
        key = id(nodes)
        if key not in self._weights:
            self._weights[key] = None  # the first time is no repetition, and mostly the only one
        else:
            weight = self._weights[key]
            if weight is None:
                weight = self._weights[key] = sum(map(_weight, nodes))
            self._repeated += weight
        if self._repeated > MAX_REPEATED:
            raise _unbounded(f"more than {MAX_REPEATED} bytes")


def _weight(node: RawNode) -> int:
    """About how much there is to look at in a node."""
    return len(msgspec.json.encode((node.widgets_values, node.widgets_values_named, node.inputs, str(node.id))))


def _unbounded(size: str) -> WorkflowError:
    message = f"The subgraphs unfold into {size}"
    return WorkflowError(message, code="workflow-invalid", hint="Open the workflow in ComfyUI and save it again")
