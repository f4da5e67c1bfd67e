"""What is known of node classes: which inputs list model files, and from which folder.

Order of trust: ComfyUI's own table, the source of an installed pack, the workflow's `properties.models`, the table of
popular packs, the name of the input, the name of the class.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from comfyfixer.model.reference import LoaderInput

ROW: Final = "<row>"
"""Stands in an input's name for the number of a row that users add."""

_NO_WEIGHTS: Final = frozenset({"configs"})
"""Folders of files that come with ComfyUI or describe a model, and are none."""


class Switch(msgspec.Struct, frozen=True):
    """A sibling value that turns an entry off.

    Attributes:
        name: The sibling's input name.
        index: Its position in `widgets_values`, None where unknown.
        off: Values that mean off.
        at_least: The sibling is a count: the entry is off where the count is below this.
    """

    name: str
    index: int | None = None
    off: tuple[Any, ...] = ()
    at_least: int | None = None


class Slot(msgspec.Struct, frozen=True):
    """One input of a class that lists model files.

    Attributes:
        index: Position in `widgets_values`, None where only the name is known.
        folders: The first is where a missing file belongs.
        known_by: `builtin`, `pack`, `object_info` or `popular`.
        bare: Its list has names without an extension too.
    """

    name: str
    index: int | None
    folders: tuple[str, ...]
    known_by: str
    bare: bool = False
    switch: Switch | None = None


class Knowledge(msgspec.Struct, frozen=True):
    """All that reading a workflow needs to know beside the workflow.

    Attributes:
        slots: By class: its inputs that list model files.
        builtin_types: Classes that ComfyUI brings, retired ones that it replaces by itself included.
        frontend_types: The four that exist only in the browser.
        javascript_types: Classes of popular packs that exist only in the browser, so in no Python source.
        self_fetching: Classes that fetch their own files on first use; nothing has to be placed for them.
        idle_types: Built-in classes, `newer_types` aside, that list no model files: only a text in them can name one.
        newer_types: Those of `builtin_types` that only versions of ComfyUI have that are newer than the table's.
        lora_tag_types: Classes that load `<lora:NAME:w>` tags out of their text.
    """

    slots: Mapping[str, tuple[Slot, ...]]
    builtin_types: frozenset[str]
    frontend_types: frozenset[str]
    javascript_types: frozenset[str] = frozenset()
    self_fetching: frozenset[str] = frozenset()
    lora_tag_types: frozenset[str] = frozenset()
    idle_types: frozenset[str] = frozenset()
    newer_types: frozenset[str] = frozenset()

    def with_packs(self, inputs: Mapping[str, Mapping[str, LoaderInput]]) -> "Knowledge":
        """This knowledge with what the source of installed packs says: better than the table of popular packs.

        Classes of ComfyUI itself can't be overridden by a pack, here as there.
        """
        merged = dict(self.slots)
        for node_type, found in inputs.items():
            if node_type not in self.builtin_types and found:
                merged[node_type] = _merged(merged.get(node_type, ()), found)
        return msgspec.structs.replace(self, slots=merged)


def _merged(known: tuple[Slot, ...], found: Mapping[str, LoaderInput]) -> tuple[Slot, ...]:
    """The pack's own word on each input it tells of; positions and switches that only the table has are kept."""
    table = {slot.name: slot for slot in known}
    for name, source in found.items():
        old = table.get(name)
        index = source.widget_index if source.widget_index is not None else (old.index if old else None)
        bare, switch = (old.bare, old.switch) if old else (False, None)
        table[name] = Slot(name, index, source.folders, source.known_by, bare=bare, switch=switch)
    return tuple(table.values())


class _BuiltinInput(msgspec.Struct):
    folders: tuple[str, ...]
    widget_index: int | None = None


class _FrontendOnly(msgspec.Struct):
    registered: dict[str, str] = msgspec.field(name="registered_by_the_frontend")
    packs: dict[str, Any] = msgspec.field(
        name="in_popular_packs_registered_by_js_only (never in object_info)", default_factory=dict
    )


class _BuiltinNode(msgspec.Struct, gc=False):
    since: str


class _BuiltinNodes(msgspec.Struct):
    nodes: dict[str, _BuiltinNode]
    frontend_only: _FrontendOnly
    replaced: dict[str, msgspec.Raw] = msgspec.field(name="server_side_replacements")


_Rows = tuple[str, str, int, int, int, tuple[str, int] | None]


class _Popular(msgspec.Struct):
    """`popular_loaders.json`.

    Attributes:
        loaders: Class to input to `[folder, index]` or `[folder, index, "bare"]`.
        rows: Class to lists of `[name with <row>, folder, first index, distance, how many, [name and index of count]]`.
        switches: Class to input to `[sibling, index, off value, …]`.
    """

    loaders: dict[str, dict[str, list[Any]]]
    rows: dict[str, list[_Rows]]
    switches: dict[str, dict[str, list[Any]]]
    self_fetching: list[str]
    lora_tag_types: list[str]
    javascript_types: list[str]


@cache
def builtin_knowledge() -> Knowledge:
    """What is known without looking at an installation."""
    nodes = _load("builtin_nodes.json", _BuiltinNodes)
    popular = _load("popular_loaders.json", _Popular)
    builtin = frozenset(nodes.nodes) | frozenset(nodes.replaced)
    slots = _popular_slots(popular)
    slots.update(_builtin_slots())
    frontend = frozenset(nodes.frontend_only.registered)
    newer = frozenset(name for name, node in nodes.nodes.items() if node.since.startswith(">"))
    script_only = {name for names in nodes.frontend_only.packs.values() if isinstance(names, list) for name in names}
    return Knowledge(
        slots=slots,
        builtin_types=builtin - frontend,
        frontend_types=frontend,
        javascript_types=frozenset(script_only) | frozenset(popular.javascript_types),
        self_fetching=frozenset(popular.self_fetching),
        lora_tag_types=frozenset(popular.lora_tag_types),
        idle_types=builtin - frontend - newer - slots.keys(),
        newer_types=newer,
    )


def _load(name: str, shape: Any) -> Any:
    # pkgutil reads package data as importlib.resources does, at a tenth of its start-up time.
    data = pkgutil.get_data("comfyfixer", f"data/{name}")
    return msgspec.json.decode(data or b"", type=shape)


def _builtin_slots() -> dict[str, tuple[Slot, ...]]:
    table: dict[str, dict[str, _BuiltinInput]] = _load("model_inputs.json", dict[str, dict[str, _BuiltinInput]])
    slots = {
        node_type: tuple(
            Slot(name, found.widget_index, found.folders, "builtin", bare=True)
            for name, found in inputs.items()
            if not _NO_WEIGHTS.issuperset(found.folders)
        )
        for node_type, inputs in table.items()
    }
    # Replaced by ControlNetLoader inside the server, before it looks at any value.
    slots["T2IAdapterLoader"] = (Slot("t2i_adapter_name", 0, ("controlnet",), "builtin", bare=True),)
    return slots


def _popular_slots(popular: _Popular) -> dict[str, tuple[Slot, ...]]:
    slots: dict[str, tuple[Slot, ...]] = {}
    for node_type, inputs in popular.loaders.items():
        switches = popular.switches.get(node_type, {})
        slots[node_type] = tuple(
            Slot(name, entry[1], (entry[0],), "popular", bare=len(entry) > 2, switch=_switch(switches.get(name)))
            for name, entry in inputs.items()
        )
    for node_type, listed in popular.rows.items():
        slots[node_type] = slots.get(node_type, ()) + tuple(slot for rows in listed for slot in _row_slots(*rows))
    return slots


def _row_slots(
    name: str, folder: str, first: int, distance: int, rows: int, count: tuple[str, int] | None
) -> Iterator[Slot]:
    for row in range(1, rows + 1):
        switch = Switch(*count, at_least=row) if count else None
        index = first + distance * (row - 1)
        yield Slot(name.replace(ROW, str(row)), index, (folder,), "popular", switch=switch)


def _switch(entry: list[Any] | None) -> Switch | None:
    return Switch(entry[0], entry[1], off=tuple(entry[2:])) if entry else None
