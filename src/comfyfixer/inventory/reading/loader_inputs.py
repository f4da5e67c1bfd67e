"""Inputs of a pack's nodes that list the files of a model folder, with their place in `widgets_values`."""

from collections.abc import Iterator
from typing import Final

import msgspec

from comfyfixer.inventory.reading.collections import walk
from comfyfixer.inventory.reading.machine import Machine, Raised, Returned, TooMuch
from comfyfixer.inventory.reading.schema import schema_of
from comfyfixer.inventory.reading.values import (
    UNKNOWN,
    Class,
    Function,
    Instance,
    Made,
    Module,
    Pending,
    Row,
    Table,
    ancestors,
)
from comfyfixer.model.reference import LoaderInput

_ONE_WIDGET: Final = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR", "MULTICOMBO"})
_UPLOADS: Final = ("image_upload", "video_upload", "animated_image_upload", "audio_upload")
_MAX_STEPS_A_CLASS: Final = 30_000


class _Input(msgspec.Struct):
    """One input of a node class.

    Attributes:
        kind: Upper-case type; empty where it is not known.
        folders: What a combo lists.
        options: The second part of a V1 specification, or the keywords of a V3 one.
    """

    name: str
    kind: str
    folders: tuple[str, ...]
    options: dict[object, object]


def loader_inputs(machine: Machine, classes: Table) -> dict[str, dict[str, LoaderInput]]:
    """Type to input name to what it lists; types without such inputs are left out."""
    found: dict[str, dict[str, LoaderInput]] = {}
    known: dict[Module, bool] = {}
    for node_type, node in classes.items():
        if not isinstance(node_type, str) or not isinstance(node, Class) or not _may_list_files(node, known):
            continue
        machine.steps, machine.doubt = 0, 0
        machine.max_steps = _MAX_STEPS_A_CLASS
        try:
            inputs = _of_class(machine, node)
        except (TooMuch, RecursionError, Raised, Returned):
            continue
        if inputs:
            found[node_type] = inputs
    return found


def _may_list_files(node: Class, known: dict[Module, bool]) -> bool:
    """Whether the source of a class, of its bases, or what it imports lists files at all: most nodes do not."""
    return any(_module_may(part.module, known) for part in ancestors(node) if isinstance(part, Class))


def _module_may(module: Module, known: dict[Module, bool]) -> bool:
    if module not in known:
        known[module] = module.lists_files or any(map(_from_lister, module.scope.names.values()))
    return known[module]


def _from_lister(value: object) -> bool:
    match value:
        case Module():
            return value.lists_files
        case Pending() | Class():
            return value.module.lists_files or not value.module.ran
        case Function():
            return value.around.module.lists_files
        case Row():
            return bool(value.folders)
    return isinstance(value, Table | Instance)


def _of_class(machine: Machine, node: Class) -> dict[str, LoaderInput]:
    schema = schema_of(machine, node)
    groups = _from_schema(schema) if schema else _from_input_types(machine, node)
    if groups is None:
        return {}
    found: dict[str, LoaderInput] = {}
    index: int | None = 0
    for group in groups:
        for part in group:
            if part.folders:
                found[part.name] = LoaderInput(folders=part.folders, widget_index=index)
            widgets = _widgets(part)
            index = None if index is None or widgets is None else index + widgets
        if index is not None:
            index += sum(1 for part in group if any(part.options.get(key) is True for key in _UPLOADS))
    return found


def _widgets(part: _Input) -> int | None:
    """How many values an input has in `widgets_values`, None where that is not known.

    Seeds and whatever has `control_after_generate` have one more; a combo with it has two more.
    """
    options = part.options
    if options.get("forceInput") is True or options.get("force_input") is True:
        return 0
    kind = options.get("widgetType", part.kind)
    if not isinstance(kind, str) or kind != kind.upper() or not kind:
        return None
    if kind not in _ONE_WIDGET:
        return 0
    controlled = options.get("control_after_generate")
    if kind == "COMBO":
        return 3 if controlled is True else 1
    seed = kind == "INT" and part.name in ("seed", "noise_seed") and controlled is not False
    return 2 if seed or controlled is True else 1


def _from_input_types(machine: Machine, node: Class) -> list[list[_Input]] | None:
    """`INPUT_TYPES()`: required inputs first, then the optional ones."""
    types = machine.call(machine.attribute(node, "INPUT_TYPES"), [], {})
    if not isinstance(types, Table):
        return None
    return [list(_v1_inputs(types.get(group))) for group in ("required", "optional")]


def _v1_inputs(group: object) -> Iterator[_Input]:
    if not isinstance(group, Table):
        return
    if group.open or group.doubtful:
        yield _Input("", "", (), {})
    for name, spec in group.items():
        first, *rest = walk(spec)[0] or [UNKNOWN]
        options = rest[0] if rest and isinstance(rest[0], Table) else {}
        folders = _folders(first) or _folders(options.get("options"))
        kind = first if isinstance(first, str) else "COMBO" if isinstance(first, Row | tuple) else ""
        yield _Input(name if isinstance(name, str) else "", kind, folders, dict(options))


def _from_schema(schema: Made) -> list[list[_Input]]:
    """`io.Schema(inputs=[io.Combo.Input("name", options=...)])`."""
    inputs, is_open, _ = walk(schema.keywords.get("inputs", Row()))
    parts = [_v3_input(part) for part in inputs]
    unknown = [_Input("", "", (), {})] if is_open else []
    required = [part for part in parts if part.options.get("optional") is not True]
    return [unknown + required, [part for part in parts if part.options.get("optional") is True]]


def _v3_input(part: object) -> _Input:
    if not isinstance(part, Made):
        return _Input("", "", (), {})
    maker = part.maker.split(".")
    kind = maker[-2].upper() if len(maker) > 1 and maker[-1] == "Input" else ""
    name = part.keywords.get("id", part.args[0] if part.args else UNKNOWN)
    options: dict[object, object] = {}
    options.update(part.keywords)
    if kind.startswith(("DYNAMIC", "AUTOGROW", "MULTITYPE", "MATCH")):
        kind = ""
    listed = options.get("options", part.args[1] if kind == "COMBO" and len(part.args) > 1 else None)
    return _Input(name if isinstance(name, str) else "", kind, _folders(listed), options)


def _folders(options: object) -> tuple[str, ...]:
    return options.folders if isinstance(options, Row) else ()
