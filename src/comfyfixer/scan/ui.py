"""A UI workflow, flattened: subgraph instances and group nodes unfolded, links to widgets followed."""

from typing import Any, Final

import msgspec

from comfyfixer.scan.graph import LONGEST_NAME, MAX_NODES, Bounds, Consumers, Graph, Node
from comfyfixer.scan.groups import group_name, unfold_group
from comfyfixer.scan.knowledge import Knowledge
from comfyfixer.scan.links import BYPASSED, MUTED, OWN, Boundary, Scope
from comfyfixer.scan.loose import decoded
from comfyfixer.scan.raw import RawDefinitions, RawExtra, RawGroup, RawNode, RawWorkflow, forgiving
from comfyfixer.scan.subgraphs import Definition, Given, given_to
from comfyfixer.scan.text_tags import EMBEDDING, LORA

MAX_DEPTH: Final = 64
"""Instances inside instances; ComfyUI itself refuses a definition that holds itself."""

_WIDGET_TYPES: Final = ("COMBO", "STRING", "*", None)
"""Of an instance's sockets that a file does not mark as widgets, those that may bring a file's name or a text."""

_NEVER_RUN: Final = ("Note", "MarkdownNote")
"""The longest texts of most files, which reach no other node."""

_NOTHING: Final = Given({}, {})


def flatten(workflow: RawWorkflow, knowledge: Knowledge) -> Graph:
    """The graph as ComfyUI would run it; where no text can hold a tag, without idle nodes: most of most files."""
    has_tags = _has_tags(workflow)
    if not has_tags and (idle := _only_idle(workflow, knowledge)) is not None:
        return idle
    found = _Flattening(workflow, frozenset() if has_tags else knowledge.idle_types)
    types = found.active_types | found.inactive_types
    return Graph(found.nodes, types, found.active_types, found.declaring, has_tags, found.consumers)


class _Flattening:
    def __init__(self, workflow: RawWorkflow, left_out: frozenset[str]) -> None:
        self.nodes: list[Node] = []
        self.active_types: set[str] = set()
        self.inactive_types: set[str] = set()
        self.declaring: list[RawNode] = []
        self._definitions: dict[str, Definition] = {}
        self._collect(workflow.definitions, MAX_DEPTH)
        self._left_out = left_out if left_out.isdisjoint(self._definitions) else left_out - self._definitions.keys()
        self._extra = workflow.extra
        self._groups: dict[str, RawGroup] | None = None
        self._bounds = Bounds()
        self._open: list[str] = []
        self._scopes: list[tuple[str, Scope]] = []
        self._walk(Scope(workflow.nodes or [], workflow.links), "", active=True, given=_NOTHING)

    def _collect(self, definitions: RawDefinitions | None, depth: int) -> None:
        for raw in (definitions.subgraphs or ()) if definitions and depth else ():
            self._definitions.setdefault(str(raw.id), Definition(raw, self._definitions))
            self._collect(raw.definitions, depth - 1)

    def _walk(self, scope: Scope, prefix: str, *, active: bool, given: Given) -> None:
        self._bounds.add(scope.nodes)
        self._scopes.append((prefix, scope))
        definitions, nodes, around = self._definitions, self.nodes, _Around(scope, given)
        declaring, left_out = self.declaring, self._left_out
        active_types, inactive_types = self.active_types, self.inactive_types
        for raw in scope.nodes:
            node_type = raw.type
            if type(node_type) is not str:
                continue
            runs = active and raw.mode != MUTED and raw.mode != BYPASSED
            if node_type not in left_out:  # asked first: most nodes are
                if len(node_type) > LONGEST_NAME:
                    continue
                if node_type in definitions:
                    self._unfold(raw, definitions[node_type], scope, prefix, active=runs, given=given)
                    continue
                node = Node(f"{prefix}{raw.id}", node_type, runs, raw, around=around)
                if node_type.startswith("workflow"):
                    self._unfold_group(node)
                    continue
                nodes.append(node)
            (active_types if runs else inactive_types).add(node_type)
            if raw.properties is not None and raw.properties.models:
                declaring.append(raw)

    def _unfold_group(self, node: Node) -> None:
        if self._groups is None:
            self._groups = _groups(self._extra)
        group = self._groups.get(group_name(node.type))
        if group:
            self._bounds.repeat(group.nodes or (), node.id)
        inner = unfold_group(node, group) if group else [node]
        self._bounds.add(inner)
        self.nodes += inner
        self.active_types.update(one.type for one in inner if one.active)
        self.inactive_types.update(one.type for one in inner if not one.active)
        self.declaring += [one.raw for one in inner if one.raw and one.raw.properties and one.raw.properties.models]

    def _unfold(
        self, raw: RawNode, definition: Definition, scope: Scope, prefix: str, *, active: bool, given: Given
    ) -> None:
        if str(raw.type) in self._open or len(self._open) >= MAX_DEPTH:
            return
        inside = given_to(raw, definition, _replaced(raw, scope, given, instance=True) or {})
        prefix = f"{prefix}{raw.id}:"
        self._bounds.repeat(definition.scope.nodes, prefix)
        self._open.append(str(raw.type))
        self._walk(definition.scope, prefix, active=active, given=inside)
        self._open.pop()

    def consumers(self) -> Consumers:
        """By node id: class and name of each widget that takes its output."""
        found: Consumers = {}
        for prefix, scope in self._scopes:
            for raw in scope.nodes:
                for socket in raw.inputs or ():
                    if socket.widget is not None and socket.link is not None:
                        feeder = scope.feeder(socket.link)
                        found.setdefault(f"{prefix}{feeder}", []).append((str(raw.type), str(socket.widget.name)))
        return found


class _Around:
    __slots__ = ("given", "scope")

    def __init__(self, scope: Scope, given: Given) -> None:
        self.scope = scope
        self.given = given

    def replaced(self, raw: RawNode) -> dict[str, Any] | None:
        return _replaced(raw, self.scope, self.given)


def _replaced(raw: RawNode, scope: Scope, given: Given, *, instance: bool = False) -> dict[str, Any] | None:
    """What replaces a node's own values, by widget name (by input name for an instance)."""
    fed = given.by_widget.get(str(raw.id)) if given.by_widget else None
    fed = dict(fed) if fed else None
    for socket in raw.inputs or ():
        if socket.link is None or (socket.widget is None and not (instance and socket.type in _WIDGET_TYPES)):
            continue
        value = scope.source(socket.link, primitives_reach=not instance)
        if type(value) is Boundary:
            value = given.by_slot.get(value.slot, OWN)
        if value is not OWN:
            fed = fed or {}
            fed[str(socket.name if instance or socket.widget is None else socket.widget.name)] = value
    return fed


def _only_idle(workflow: RawWorkflow, knowledge: Knowledge) -> Graph | None:
    """A graph in which nothing can name a file, as in half of all files, by its types alone; None for any other."""
    nodes = workflow.nodes or []
    if len(nodes) > MAX_NODES or (workflow.definitions is not None and workflow.definitions.subgraphs):
        return None
    types = {node.type for node in nodes if type(node.type) is str}
    if not types - knowledge.idle_types <= knowledge.frontend_types:
        return None
    active = {node.type for node in nodes if type(node.type) is str and node.mode not in (MUTED, BYPASSED)}
    return Graph([], types, active, [], has_tags=False, find_consumers=dict)


def _has_tags(workflow: RawWorkflow) -> bool:
    if _hold_tags(workflow.nodes or []):
        return True
    graphs = (workflow.definitions.subgraphs if workflow.definitions else None) or ()
    if any(_hold_tags(graph.nodes or []) or graph.definitions is not None for graph in graphs):
        return True
    return b'"groupNodes"' in bytes(workflow.extra)


def _hold_tags(nodes: list[RawNode]) -> bool:
    """A quick look at all values as they lie in the file; an escape may stand for a letter of a tag.

    They are looked at together: to decode and to search them one by one takes three times as long.

    Raises:
        UnicodeDecodeError: One is no UTF-8 text.
    """
    parts = [node.raw_values for node in nodes if node.type not in _NEVER_RUN]
    try:
        return _holds_tag(str(b"\n".join(parts), "utf-8"))
    except UnicodeDecodeError:
        return any(_holds_tag(str(part, "utf-8")) for part in parts)


def _holds_tag(values: str) -> bool:
    if ":" in values and (EMBEDDING in values or ("<" in values and LORA in values)):
        return True  # one sign is found many times as fast as a word
    return "\\" in values and "\\u00" in values


def _groups(extra: msgspec.Raw) -> dict[str, RawGroup]:
    try:
        read = msgspec.json.decode(extra, type=RawExtra | None)
    except msgspec.DecodeError:
        read = forgiving(decoded(extra), RawExtra)
    return (read.group_nodes if read else None) or {}
