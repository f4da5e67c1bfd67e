"""What the built-in functions and small library functions give that packs use at import time."""

import re
from typing import Final

from comfyfixer.inventory.reading.library_items import ITEM_LIBRARY
from comfyfixer.inventory.reading.library_objects import OBJECT_LIBRARY
from comfyfixer.inventory.reading.machine import Call, Machine
from comfyfixer.inventory.reading.values import UNKNOWN, PathValue, Row, truth


def _str(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    match args:
        case [str() | int() | float() | None as value]:
            return str(value)
        case [PathValue(text=text)]:
            return text
    return UNKNOWN


def _bool(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    known = truth(args[0]) if args else False
    return UNKNOWN if known is None else known


def _no_effect(_machine: Machine, _args: list[object], _keywords: dict[str, object]) -> object:
    return None


def _identity(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    return args[0]


def _tame(pattern: object, text: object) -> bool:
    """Whether a foreign pattern can't take long: short, and nothing repeated inside a repetition."""
    return (
        isinstance(pattern, str)
        and isinstance(text, str)
        and len(pattern) <= 80
        and len(text) <= 200
        and len(re.findall(r"[*+{]", pattern)) <= 3
        and not re.search(r"\)[*+{]", pattern)
    )


def _re_sub(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    pattern, replacement, text = args
    if not _tame(pattern, text) or not isinstance(replacement, str):
        return UNKNOWN
    try:
        return re.sub(str(pattern), replacement, str(text))
    except re.error:
        return UNKNOWN


def _re_findall(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    pattern, text = args
    try:
        return Row(re.findall(str(pattern), str(text))) if _tame(pattern, text) else Row(is_open=True)
    except re.error:
        return UNKNOWN


LIBRARY: Final[dict[str, Call]] = {
    **ITEM_LIBRARY,
    **OBJECT_LIBRARY,
    "builtins.str": _str,
    "builtins.bool": _bool,
    "builtins.print": _no_effect,
    "copy.copy": _identity,
    "copy.deepcopy": _identity,
    "types.MappingProxyType": _identity,
    "re.sub": _re_sub,
    "re.findall": _re_findall,
}
