"""The parts of ComfyUI's UI files that say what is needed, as they lie in the file; all else is skipped while decoding.

Every leaf is loosely typed: real files hold numbers as strings, null for empty lists and worse. What breaks these
shapes altogether goes through `forgiving`, which keeps each part that can be kept.
"""

from typing import Any, TypeVar, get_origin

import msgspec

from comfyfixer.scan.loose import decoded

T = TypeVar("T", bound=msgspec.Struct)


class RawWidget(msgspec.Struct, gc=False):
    """Socket side of a widget: its presence says that the input is a widget."""

    name: Any = None


class RawInput(msgspec.Struct, gc=False):
    """A socket of a node.

    Attributes:
        link: Id in the graph's link table, None where unconnected.
    """

    name: Any = None
    type: Any = None
    link: Any = None
    widget: RawWidget | None = None


class RawProperties(msgspec.Struct, gc=False):
    """What was saved beside a node's values."""

    cnr_id: Any = None
    aux_id: Any = None
    ver: Any = None
    models: Any = None
    proxy_widgets: Any = msgspec.field(default=None, name="proxyWidgets")


class RawNode(msgspec.Struct, gc=False):
    """A node of a graph or of a definition.

    Attributes:
        mode: 2 is muted, 4 is bypassed, anything else runs.
        raw_values: Read for the nodes whose class may load something: decoding them all takes a third of all decoding.
        outputs: Read for the few nodes of which nothing else tells what they load.
    """

    id: Any = None
    type: Any = None
    mode: Any = 0
    inputs: list[RawInput] | None = None
    outputs: msgspec.Raw = msgspec.Raw(b"null")
    properties: RawProperties | None = None
    raw_values: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="widgets_values")
    widgets_values_named: Any = None

    @property
    def widgets_values(self) -> Any:
        """A list by position, or an object by name."""
        return decoded(self.raw_values)


class RawOutput(msgspec.Struct, gc=False):
    """An output of a node."""

    type: Any = None


class RawPort(msgspec.Struct, gc=False):
    """An input on the boundary of a subgraph definition."""

    name: Any = None
    label: Any = None


class RawGraph(msgspec.Struct, gc=False):
    """A subgraph definition.

    Attributes:
        definitions: Nested ones, which newer files no longer have.
    """

    id: Any = None
    inputs: list[RawPort] | None = None
    nodes: list[RawNode] | None = None
    links: msgspec.Raw = msgspec.Raw(b"null")
    definitions: "RawDefinitions | None" = None


class RawDefinitions(msgspec.Struct, gc=False):
    """What instances refer to."""

    subgraphs: list[RawGraph] | None = None


class RawGroup(msgspec.Struct, gc=False):
    """Definition of a group node.

    Attributes:
        links: `[from index, from slot, to index, to slot, from id, type]`.
        config: By inner index: which of its widgets are hidden.
    """

    nodes: list[RawNode] | None = None
    links: Any = None
    config: Any = None


class RawExtra(msgspec.Struct, gc=False):
    """What the frontend keeps beside the graph."""

    group_nodes: dict[str, RawGroup] | None = msgspec.field(default=None, name="groupNodes")


class RawWorkflow(msgspec.Struct, gc=False):
    """A UI file.

    Attributes:
        nodes: None where the object has no such list, so that it is no UI workflow.
        links: Lists (schema 0.4) or objects (schema 1), read when a link matters.
    """

    nodes: list[RawNode] | None = None
    links: msgspec.Raw = msgspec.Raw(b"")
    definitions: RawDefinitions | None = None
    extra: msgspec.Raw = msgspec.Raw(b"null")
    models: Any = None


class RawLink(msgspec.Struct, gc=False):
    """A link in schema 1 and inside definitions."""

    id: Any = None
    origin_id: Any = None
    origin_slot: Any = 0
    type: Any = None


def forgiving(value: Any, shape: type[T]) -> T:
    """Read an object field by field: what does not fit is as if it were not there; so are odd items of lists."""
    fields = value if isinstance(value, dict) else {}
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):
        if field.encode_name in fields:
            found, part = _fitting(fields[field.encode_name], field.type)
            if found:
                kept[field.name] = part
    return shape(**kept)


def _fitting(value: Any, wanted: Any) -> tuple[bool, Any]:
    if wanted is msgspec.Raw:
        return True, msgspec.Raw(msgspec.json.encode(value))
    try:
        return True, msgspec.convert(value, wanted)
    except (msgspec.ValidationError, RecursionError):
        return _salvaged(value, wanted)


def _salvaged(value: Any, wanted: Any) -> tuple[bool, Any]:
    inner = [part for part in getattr(wanted, "__args__", ()) if part is not type(None)]
    for part in inner:
        struct = _struct_of(part)
        if struct is None:
            continue
        if part is struct:
            return (True, forgiving(value, struct)) if isinstance(value, dict) else (False, None)
        if get_origin(part) is list and isinstance(value, list | dict):  # some writers keep a list as an object
            items = value.values() if isinstance(value, dict) else value
            return True, [forgiving(item, struct) for item in items if isinstance(item, dict)]
        if get_origin(part) is dict and isinstance(value, dict):
            return True, {str(key): forgiving(item, struct) for key, item in value.items() if isinstance(item, dict)}
    return False, None


def _struct_of(part: Any) -> type[msgspec.Struct] | None:
    """The Struct that a type is, or that its items are."""
    for candidate in (part, *getattr(part, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return candidate
    return None
