"""Operators between known values, each bounded: a pack's source may ask for numbers and texts of any size."""

import ast
import operator
import os
import re
from collections.abc import Callable
from typing import Final

from comfyfixer.inventory.reading.collections import MAX_ITEMS, contains, extend, update
from comfyfixer.inventory.reading.values import UNKNOWN, External, Made, PathValue, Row, Table, truth

MAX_TEXT: Final = 20_000
_MAX_NUMBER: Final = 10**15
_HUGE_FIELD: Final = re.compile(r"\d{4}|\*")

_ARITHMETIC: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_ORDER: Final[dict[type[ast.cmpop], Callable[[float, float], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def binary(kind: type[ast.operator], left: object, right: object) -> object:
    """`left kind right`."""
    if isinstance(left, str) or isinstance(right, str):
        return _of_texts(kind, left, right)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _of_numbers(kind, left, right)
    if kind is ast.Add and (isinstance(left, Row | tuple) or isinstance(right, Row | tuple)):
        return _added(left, right)
    if kind is ast.BitOr:
        return _united(left, right)
    if kind is ast.Sub and isinstance(left, Row):
        gone, is_open, _ = ([], True, ()) if not isinstance(right, Row) else (right, right.open, ())
        return Row((item for item in left if item not in gone and not is_open), is_open=left.open or is_open)
    return UNKNOWN


def _of_texts(kind: type[ast.operator], left: object, right: object) -> object:
    match left, right:
        case str(), str() if kind is ast.Add and len(left) + len(right) <= MAX_TEXT:
            return left + right
        case PathValue(), str() if kind is ast.Div and len(left.text) + len(right) <= MAX_TEXT:
            return PathValue(os.path.join(left.text, right))
        case str(), int() if kind is ast.Mult and len(left) * right <= MAX_TEXT:
            return left * right
        case str(), _ if kind is ast.Mod:
            return percent_format(left, right)
    return UNKNOWN


def percent_format(template: str, values: object) -> object:
    """`template % values`."""
    plain = values if isinstance(values, tuple) else (values,)
    if _HUGE_FIELD.search(template) or not all(isinstance(value, str | int | float) for value in plain):
        return UNKNOWN
    try:
        return template % values
    except (TypeError, ValueError, KeyError, OverflowError):
        return UNKNOWN


def brace_format(template: str, args: list[object], keywords: dict[str, object]) -> object:
    """`template.format(...)` with plain fields alone."""
    plain = all(isinstance(value, str | int | float) for value in (*args, *keywords.values()))
    if not plain or len(template) > MAX_TEXT or _HUGE_FIELD.search(template) or re.search(r"\{[^}]*[.\[{]", template):
        return UNKNOWN
    try:
        return template.format(*args, **keywords)
    except (IndexError, KeyError, ValueError, OverflowError):
        return UNKNOWN


def _of_numbers(kind: type[ast.operator], left: float, right: float) -> object:
    if kind not in _ARITHMETIC or max(abs(left), abs(right)) > _MAX_NUMBER:
        return UNKNOWN
    try:
        return _ARITHMETIC[kind](left, right)
    except ArithmeticError:
        return UNKNOWN


def _added(left: object, right: object) -> object:
    """Two lists, or a list and something unknown: what is known of their sum."""
    if isinstance(left, tuple) and isinstance(right, tuple) and len(left) + len(right) <= MAX_ITEMS:
        return left + right
    row = Row()
    extend(row, left, doubt=False)
    extend(row, right, doubt=False)
    return row


def _united(left: object, right: object) -> object:
    """`|` between dicts or sets; between types (`str | None`) it means nothing here."""
    if isinstance(left, Table) or isinstance(right, Table):
        table = Table()
        update(table, left, doubt=False)
        update(table, right, doubt=False)
        return table
    if isinstance(left, Row):
        row = Row(left, is_open=left.open, folders=left.folders)
        extend(row, right, doubt=False)
        return Row(dict.fromkeys(row), is_open=row.open, folders=row.folders)
    return UNKNOWN


def compare(kind: type[ast.cmpop], left: object, right: object) -> bool | None:
    """`left kind right`, None where that can't be decided."""
    if kind in (ast.In, ast.NotIn):
        found = contains(right, left)
        return found if found is None or kind is ast.In else not found
    if kind in (ast.Eq, ast.NotEq, ast.Is, ast.IsNot):
        same = _same(left, right)
        return same if same is None or kind in (ast.Eq, ast.Is) else not same
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _ORDER[kind](left, right)
    if isinstance(left, tuple) and isinstance(right, tuple) and all(isinstance(part, int) for part in left + right):
        return _ORDER[kind](left, right)  # type: ignore[arg-type]  # tuples of numbers have an order too
    return None


def _same(left: object, right: object) -> bool | None:
    if left is UNKNOWN or right is UNKNOWN or isinstance(left, Made) or isinstance(right, Made):
        return None
    if left is None or right is None:
        other = right if left is None else left
        # An imported module is no None; what an external name stands for is not known.
        return None if isinstance(other, External) and not other.is_module else other is None
    if isinstance(left, External) or isinstance(right, External):
        return True if isinstance(left, External) and isinstance(right, External) and left.name == right.name else None
    if isinstance(left, Row | Table) or isinstance(right, Row | Table):
        return None if truth(left) is None or truth(right) is None else left == right
    return left is right or left == right
