"""Which values of a flattened graph name model files, and how that is known."""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice
from typing import Any, Final

import msgspec

from comfyfixer.errors import WorkflowError
from comfyfixer.scan.folders import folder_of_class, folder_of_input, folder_of_outputs
from comfyfixer.scan.graph import LONGEST_NAME, Graph, Node
from comfyfixer.scan.knowledge import ROW, Knowledge, Slot
from comfyfixer.scan.nested import Entry, nested_entries
from comfyfixer.scan.raw import RawOutput
from comfyfixer.scan.text_tags import EMBEDDING, LORA, embeddings, lora_tags
from comfyfixer.scan.values import names_model_file, placeholder, stands_for_no_file
from comfyfixer.scan.widgets import entries, switched_off, unplaced, value_at

_TAES: Final = ("taesd", "taesdxl", "taesd3", "taef1", "taef2", "taeqi2_1")
"""VAELoader shows each of these where `vae_approx` has both its encoder and its decoder."""

_VIDEO_TAES: Final = ("taehv", "lighttaew2_2", "lighttaew2_1", "lighttaehy1_5", "taeltx_2", "taeh3")
_IDLE: Final = re.compile(
    r"^(show|preview|display|view|save|export|write|note|label)|show(any|text|string)|(viewer|preview|saver|saving)$"
)
_REMOTE: Final = re.compile(
    r"^(BizyAir|DownloadAndLoad|\(Down\)Load|\[Comfy3D\] Load)|Preprocessor($|_Provider)| VFI$", re.IGNORECASE
)
"""Their models stay on another machine, or are fetched by the node itself."""

_MAX_CONSUMERS: Final = 64

_OUTPUTS: Final = msgspec.json.Decoder(list[RawOutput] | None)


class Need(msgspec.Struct, gc=False):
    """One value that names a model file.

    Attributes:
        filename: Differs from the value's own name only for values that stand for files of other names.
    """

    node: Node
    input: str
    value: str
    folder: str | None
    known_by: str | None
    active: bool
    origin: str = "widget"
    filename: str | None = None


MAX_NEEDS: Final = 100_000
"""Of one workflow; the largest real ones name a few hundred files."""


def find_needs(graph: Graph, knowledge: Knowledge) -> list[Need]:
    """All needs in document order, inactive ones too.

    Raises:
        WorkflowError: They are more than any workflow has.
    """
    found: list[Need] = []
    slots, builtin, frontend = knowledge.slots, knowledge.builtin_types, knowledge.frontend_types
    for node in graph.nodes:
        node_type = node.type
        if node_type in slots:
            found += _of_loader(node, slots[node_type], graph, knowledge)
        elif node_type not in builtin and node_type not in frontend and not _is_idle(node_type, knowledge):
            found += _of_unknown(node, graph, knowledge, frozenset())
        if graph.has_tags and node_type not in frontend and not _only_shows(node_type):
            found += _in_texts(node, knowledge)
        if len(found) > MAX_NEEDS:
            message = f"The workflow names more than {MAX_NEEDS} model files"
            raise WorkflowError(message, code="workflow-invalid", hint="Remove it from the workflows folder")
    return found


def _of_loader(node: Node, slots: tuple[Slot, ...], graph: Graph, knowledge: Knowledge) -> list[Need]:
    found: list[Need] = []
    taken: set[Any] = set()
    for slot in slots:
        name, index = slot.name, slot.index
        if ROW in name:
            found += _of_rows(node, slot, taken)
            continue
        value = value_at(node, name, index)
        if type(value) is str and _is_file(value, slot):
            taken.update((name, index))
            found += _of_slot(node, slot, value)
        elif node.fed is not None and name in node.fed:
            taken.update((name, index))  # another node gives it: what lies at its position is stale
    if slots[0].known_by != "builtin":
        found += _of_unknown(node, graph, knowledge, frozenset(taken))
    return found


def _is_file(value: str, slot: Slot) -> bool:
    if names_model_file(value):
        return True
    return slot.bare and bool(value) and "\n" not in value and not stands_for_no_file(value) and not placeholder(value)


def _of_rows(node: Node, slot: Slot, taken: set[Any]) -> Iterator[Need]:
    """Rows that users add; a file without names for its values has them at places that only the frontend knows."""
    pattern = _row_pattern(slot.name)
    for name, index, value in entries(node):
        if name in taken or (index is not None and index in taken):
            continue
        if names_model_file(value) and (pattern.fullmatch(name) or name.startswith("widget ")):
            taken.update((name, index) if index is not None else (name,))
            active = node.active and not switched_off(node, name, index)
            yield Need(node, name, value, slot.folders[0], slot.known_by, active)


@cache
def _row_pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(re.escape(ROW), r"\w+"))


def _of_slot(node: Node, slot: Slot, value: str) -> list[Need]:
    active = node.active and not _is_off(node, slot) and not switched_off(node, slot.name, slot.index)
    folder = slot.folders[0]
    if node.type == "VAELoader":
        if value in _TAES:
            parts = [f"{value}_{part}" for part in ("encoder", "decoder")]
            return [Need(node, slot.name, value, "vae_approx", slot.known_by, active, filename=part) for part in parts]
        if value.startswith(_VIDEO_TAES):
            folder = "vae_approx"
    return [Need(node, slot.name, value, folder, slot.known_by, active)]


def _is_off(node: Node, slot: Slot) -> bool:
    switch = slot.switch
    if switch is None:
        return False
    state = value_at(node, switch.name, switch.index)
    if switch.at_least is not None:
        return isinstance(state, int | float) and state < switch.at_least
    return state in switch.off


def _of_unknown(node: Node, graph: Graph, knowledge: Knowledge, taken: frozenset[Any]) -> list[Need]:
    """Values that by their form name model files, wherever they lie in the node."""
    needs = (
        need
        for name, index, value in entries(node)
        if not (name in taken or (index is not None and index in taken))
        for need in _in_value(node, name, index, value, graph, knowledge)
    )
    found = list(islice(needs, MAX_NEEDS + 1))
    if len(found) == 1 and found[0].folder is None and not taken:
        found[0].folder = _folder_by_outputs(node)
        found[0].known_by = "node-outputs" if found[0].folder else None
    stale = [name for name in unplaced(node) if folder_of_input(name)] if found else ()
    return _without_stale(found, stale) if stale else found


def _without_stale(found: list[Need], names: Sequence[str]) -> list[Need]:
    """One widget is replaced, one value without a name could be it: that value is stale."""
    nameless = [need for need in found if need.input.startswith("widget ")]
    return [need for need in found if need not in nameless] if len(nameless) == len(names) == 1 else found


def _in_value(
    node: Node, name: str, index: int | None, value: Any, graph: Graph, knowledge: Knowledge
) -> Iterator[Need]:
    if type(value) is str and names_model_file(value):
        entry = Entry(name[:LONGEST_NAME], value, on=not switched_off(node, name, index))
        yield _guessed(node, entry, "widget", graph, knowledge)
    elif value and type(value) in (dict, list, str):
        for entry in nested_entries(name, value, about_loras="lora" in node.type.lower()):
            yield _guessed(node, entry, "nested", graph, knowledge)


def _guessed(node: Node, entry: Entry, origin: str, graph: Graph, knowledge: Knowledge) -> Need:
    folder, known_by = _folder(node, entry, graph, knowledge)
    return Need(node, entry.path, entry.value, folder, known_by, node.active and entry.on, origin)


def _folder(node: Node, entry: Entry, graph: Graph, knowledge: Knowledge) -> tuple[str | None, str | None]:
    folder = folder_of_input(entry.path) or ("loras" if entry.is_lora else None)
    if folder:
        return folder, "input-name"
    for consumer, name in graph.consumers(node)[:_MAX_CONSUMERS]:
        for slot in knowledge.slots.get(consumer, ()):
            if slot.name == name:
                return slot.folders[0], slot.known_by
    listed = {slot.folders[0] for slot in knowledge.slots.get(node.type, ())}
    if len(listed) == 1:
        return listed.pop(), knowledge.slots[node.type][0].known_by
    folder = folder_of_class(node.type)
    return (folder, "node-name") if folder else (None, None)


def _folder_by_outputs(node: Node) -> str | None:
    if node.raw is None:
        return None
    try:
        outputs = _OUTPUTS.decode(node.raw.outputs)
    except msgspec.ValidationError:
        return None
    made = frozenset(output.type for output in outputs or () if type(output.type) is str)
    taken_in = frozenset(socket.type for socket in node.raw.inputs or () if type(socket.type) is str)
    return folder_of_outputs(made, taken_in)


@lru_cache(maxsize=8192)
def _is_idle_name(node_type: str) -> bool:
    words = re.sub(r"\(.*?\)|[^a-zA-Z0-9]", "", node_type).lower()
    return bool(_REMOTE.search(node_type)) or (bool(_IDLE.search(words)) and "load" not in words)


def _is_idle(node_type: str, knowledge: Knowledge) -> bool:
    """Whether a class neither loads what its values name, nor needs it placed by anyone."""
    return node_type in knowledge.self_fetching or _is_idle_name(node_type)


@lru_cache(maxsize=8192)
def _only_shows(node_type: str) -> bool:
    words = re.sub(r"\(.*?\)|[^a-zA-Z0-9]", "", node_type).lower()
    return bool(_IDLE.search(words))


def _in_texts(node: Node, knowledge: Knowledge) -> Iterator[Need]:
    reads_loras = node.type in knowledge.lora_tag_types
    for name, _, value in entries(node):
        for text in _texts(value):
            if EMBEDDING in text:
                for found in embeddings(text):
                    yield Need(node, name, found, "embeddings", "builtin", node.active, "embedding")
            if reads_loras and LORA in text:
                for found in lora_tags(text):
                    yield Need(node, name, found, "loras", "popular", node.active, "lora-tag")


def _texts(value: Any) -> Iterator[str]:
    if type(value) is str:
        yield value
    elif type(value) is list:
        yield from (part for part in value if type(part) is str)
    elif type(value) is dict:
        yield from (part for part in value.values() if type(part) is str)
