"""A UI workflow, flattened: subgraph instances and group nodes unfolded, links to widgets followed."""

from typing import Any, Final

import msgspec

from comfyfixer.scan.graph import FED, Count, Graph, Node, counter
from comfyfixer.scan.groups import group_name, unfold_group
from comfyfixer.scan.links import BYPASSED, MUTED, OWN, Boundary, Scope
from comfyfixer.scan.raw import RawDefinitions, RawExtra, RawGroup, RawNode, RawWorkflow, forgiving
from comfyfixer.scan.subgraphs import Definition, Given, given_to

MAX_DEPTH: Final = 64
"""Instances inside instances; ComfyUI itself refuses a definition that holds itself."""

_NOTHING: Final = Given({}, {})


def flatten(workflow: RawWorkflow) -> Graph:
    """The graph as ComfyUI would run it."""
    return _Flattening(workflow).graph


class _Flattening:
    def __init__(self, workflow: RawWorkflow) -> None:
        self.graph = Graph(nodes=[], hints={})
        self._definitions: dict[str, Definition] = {}
        self._collect(workflow.definitions, MAX_DEPTH)
        self._groups = _groups(workflow.extra)
        self._count: Count = counter()
        self._open: list[str] = []
        self._walk(Scope(workflow.nodes or [], workflow.links), "", active=True, given=_NOTHING)

    def _collect(self, definitions: RawDefinitions | None, depth: int) -> None:
        for raw in (definitions.subgraphs or ()) if definitions and depth else ():
            self._definitions.setdefault(str(raw.id), Definition(raw, self._definitions))
            self._collect(raw.definitions, depth - 1)

    def _walk(self, scope: Scope, prefix: str, *, active: bool, given: Given) -> None:
        self._count(len(scope.nodes))
        definitions, nodes = self._definitions, self.graph.nodes
        for raw in scope.nodes:
            node_type = raw.type
            if type(node_type) is not str:
                continue
            runs = active and raw.mode != MUTED and raw.mode != BYPASSED
            if node_type in definitions:
                self._unfold(raw, definitions[node_type], scope, prefix, active=runs, given=given)
                continue
            node = Node(
                f"{prefix}{raw.id}", node_type, runs, raw.widgets_values, self._fed(raw, scope, given, prefix), raw
            )
            group = self._groups.get(group_name(node_type)) if self._groups else None
            if group is None:
                nodes.append(node)
            else:
                inner = unfold_group(node, group)
                self._count(len(inner))
                nodes += inner

    def _unfold(
        self, raw: RawNode, definition: Definition, scope: Scope, prefix: str, *, active: bool, given: Given
    ) -> None:
        if str(raw.type) in self._open or len(self._open) >= MAX_DEPTH:
            return
        inside = given_to(raw, definition, self._fed(raw, scope, given, prefix, instance=True) or {})
        self._open.append(str(raw.type))
        self._walk(definition.scope, f"{prefix}{raw.id}:", active=active, given=inside)
        self._open.pop()

    def _fed(
        self, raw: RawNode, scope: Scope, given: Given, prefix: str, *, instance: bool = False
    ) -> dict[str, Any] | None:
        """What replaces the node's own values, by widget name (by input name for an instance)."""
        fed = given.by_widget.get(str(raw.id)) if given.by_widget else None
        fed = dict(fed) if fed else None
        for socket in raw.inputs or ():
            if socket.link is None or (socket.widget is None and not instance):
                continue
            value = scope.source(socket.link, primitives_reach=not instance)
            if isinstance(value, Boundary):
                value = given.by_slot.get(value.slot, OWN)
            name = socket.name if instance or socket.widget is None else socket.widget.name
            if value is FED and not instance:
                self._hint(scope.feeder(socket.link), prefix, raw, str(name))
            if value is not OWN:
                fed = fed or {}
                fed[str(name)] = value
        return fed

    def _hint(self, feeder: str | None, prefix: str, raw: RawNode, name: str) -> None:
        if feeder is not None:
            self.graph.hints.setdefault(f"{prefix}{feeder}", []).append((str(raw.type), name))


def _groups(extra: msgspec.Raw) -> dict[str, RawGroup]:
    if b'"groupNodes"' not in bytes(extra):
        return {}
    try:
        read = msgspec.json.decode(extra, type=RawExtra | None)
    except msgspec.ValidationError:
        read = forgiving(msgspec.json.decode(extra), RawExtra)
    return (read.group_nodes if read else None) or {}
