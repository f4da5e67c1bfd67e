"""Model names inside a widget's value: objects, lists, and JSON kept as text."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from comfyfixer.scan.graph import LONGEST_NAME
from comfyfixer.scan.values import MODEL_EXTENSIONS, names_model_file, stands_for_no_file

MAX_DEPTH: Final = 16
MAX_PARTS: Final = 20_000
_SWITCHES: Final = ("on", "active", "enabled", "enable", "use", "is_active", "checked")
_OFF: Final = (False, 0, "off", "Off", "OFF", "false", "False", "disabled", "Disabled")
_WEIGHTS: Final = frozenset({"strength", "modelStrength", "model_strength", "strength_model", "weight", "clipStrength"})


class Entry(msgspec.Struct):
    """One name found.

    Attributes:
        path: Names of the widget and the keys inside, joined by dots.
        on: False where a switch beside it says so.
        is_lora: Its neighbours (a strength) and its surroundings say that it names a LoRA.
    """

    path: str
    value: str
    on: bool = True
    is_lora: bool = False


def nested_entries(name: str, value: Any, *, about_loras: bool) -> Iterator[Entry]:
    """Names of model files inside a value.

    Args:
        about_loras: The class says that it handles LoRAs, so that `{"name": …, "strength": …}` is one.
    """
    left = [MAX_PARTS]
    yield from _walk(name[:LONGEST_NAME], value, about_loras or "lora" in name.lower(), on=True, depth=0, left=left)


def _walk(path: str, value: Any, lora: bool, *, on: bool, depth: int, left: list[int]) -> Iterator[Entry]:
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        return
    if type(value) is str:
        if names_model_file(value):
            yield Entry(path, value, on)
        elif value[:1] in ("{", "[") and _may_hold_names(value):
            yield from _walk(path, _parsed(value), lora, on=on, depth=depth + 1, left=left)
    elif type(value) is list:
        for position, part in enumerate(value):
            yield from _walk(f"{path}.{position}", part, lora, on=on, depth=depth + 1, left=left)
    elif type(value) is dict:
        yield from _in_object(path, value, lora, on=on, depth=depth, left=left)


def _in_object(
    path: str, value: dict[str, Any], lora: bool, *, on: bool, depth: int, left: list[int]
) -> Iterator[Entry]:
    on = on and not any(key in value and value[key] in _OFF for key in _SWITCHES)
    named = value.get("name", "")
    weighed = lora and type(named) is str and not _WEIGHTS.isdisjoint(value)
    if weighed and not names_model_file(named) and not stands_for_no_file(named):
        yield Entry(f"{path}.name", named, on, is_lora=True)
    for key, part in value.items():
        inner = _walk(
            f"{path}.{key[:LONGEST_NAME]}", part, lora or "lora" in key.lower(), on=on, depth=depth + 1, left=left
        )
        for entry in inner:
            entry.is_lora = entry.is_lora or (lora and key == "name")
            yield entry


def _may_hold_names(text: str) -> bool:
    lowered = text.lower()
    return any(extension in lowered for extension in MODEL_EXTENSIONS) or '"strength"' in lowered


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
