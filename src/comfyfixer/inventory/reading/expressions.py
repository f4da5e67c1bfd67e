"""The value of each kind of expression."""

import ast
import builtins
from collections.abc import Callable
from typing import Any, Final

from comfyfixer.inventory.reading.call_expressions import call_expression
from comfyfixer.inventory.reading.collections import append, put, update, walk
from comfyfixer.inventory.reading.comprehensions import dict_comprehension, list_comprehension
from comfyfixer.inventory.reading.machine import Machine
from comfyfixer.inventory.reading.operators import MAX_TEXT, binary, compare
from comfyfixer.inventory.reading.subscripts import subscript
from comfyfixer.inventory.reading.targets import assign
from comfyfixer.inventory.reading.values import UNKNOWN, External, Function, Row, Scope, Table, join, truth

_BUILTINS: Final = frozenset(dir(builtins))


_PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None)})


def evaluate(machine: Machine, node: ast.expr, scope: Scope) -> object:
    """Any expression; kinds that tell nothing about nodes are `UNKNOWN`. Constants, half of all, cost no step."""
    kind = type(node)
    if kind is ast.Constant:
        value = node.value  # type: ignore[attr-defined]  # a constant's
        return value if type(value) in _PLAIN else UNKNOWN
    machine.step()
    handler = _HANDLERS.get(kind)
    return handler(machine, node, scope) if handler else UNKNOWN


def _name(machine: Machine, node: ast.Name, scope: Scope) -> object:
    at: Scope | None = scope
    while at is not None:
        if node.id in at.names:
            return machine.force(at.names, node.id)
        at = at.around
    return External(f"builtins.{node.id}") if node.id in _BUILTINS else UNKNOWN


def _attribute(machine: Machine, node: ast.Attribute, scope: Scope) -> object:
    return machine.attribute(machine.evaluate(node.value, scope), node.attr)


def _joined(machine: Machine, node: ast.JoinedStr, scope: Scope) -> object:
    parts = [machine.evaluate(part, scope) for part in node.values]
    if not all(isinstance(part, str) for part in parts):
        return UNKNOWN
    text = "".join(parts)  # type: ignore[arg-type]  # texts, as just asked
    return text if len(text) <= MAX_TEXT else UNKNOWN


def _formatted(machine: Machine, node: ast.FormattedValue, scope: Scope) -> object:
    value = machine.evaluate(node.value, scope)
    if not isinstance(value, str | int | float) or node.conversion not in (-1, 115):
        return UNKNOWN
    spec = machine.evaluate(node.format_spec, scope) if node.format_spec else ""
    if not isinstance(spec, str) or sum(letter.isdigit() for letter in spec) > 2:
        return UNKNOWN
    try:
        return format(value, spec)
    except (ValueError, OverflowError):
        return UNKNOWN


def _display(machine: Machine, node: ast.List | ast.Set, scope: Scope) -> object:
    row = Row()
    for element in node.elts:
        if isinstance(element, ast.Starred):
            items, is_open, folders = walk(machine.evaluate(element.value, scope))
            row += items
            row.open |= is_open
            row.folders += folders
        else:
            row.append(machine.evaluate(element, scope))
    return row


def _tuple(machine: Machine, node: ast.Tuple, scope: Scope) -> object:
    if not any(isinstance(element, ast.Starred) for element in node.elts):
        return tuple([machine.evaluate(element, scope) for element in node.elts])
    row = _display(machine, ast.List(node.elts), scope)
    assert isinstance(row, Row)  # noqa: S101  # what a list display gives
    return row if row.open else tuple(row)


def _dict(machine: Machine, node: ast.Dict, scope: Scope) -> object:
    table = Table()
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            update(table, machine.evaluate(value, scope), doubt=False)
        else:
            put(table, machine.evaluate(key, scope), machine.evaluate(value, scope), doubt=False)
    return table


def _binary(machine: Machine, node: ast.BinOp, scope: Scope) -> object:
    return binary(type(node.op), machine.evaluate(node.left, scope), machine.evaluate(node.right, scope))


def _unary(machine: Machine, node: ast.UnaryOp, scope: Scope) -> object:
    value = machine.evaluate(node.operand, scope)
    if isinstance(node.op, ast.Not):
        known = truth(value)
        return UNKNOWN if known is None else not known
    if isinstance(node.op, ast.USub) and isinstance(value, int | float):
        return -value
    return UNKNOWN


def _boolean(machine: Machine, node: ast.BoolOp, scope: Scope) -> object:
    """`and` and `or`: the first operand that decides; where one can't be decided, any of the rest."""
    stops_at = isinstance(node.op, ast.Or)
    undecided: list[object] = []
    value: object = UNKNOWN
    for operand in node.values:
        value = machine.evaluate(operand, scope)
        known = truth(value)
        if known is None:
            undecided.append(value)
        elif known is stops_at:
            # `unknown and False` is false whatever the unknown is; `unknown or [...]` may be the unknown.
            return value if isinstance(value, bool) else _any_of([*undecided, value])
    return _any_of([*undecided, value])


def _any_of(values: list[object]) -> object:
    result = values[0]
    for value in values[1:]:
        result = join(result, value)
    return result


def _compare(machine: Machine, node: ast.Compare, scope: Scope) -> object:
    left = machine.evaluate(node.left, scope)
    for kind, comparator in zip(node.ops, node.comparators, strict=True):
        right = machine.evaluate(comparator, scope)
        holds = compare(type(kind), left, right)
        if holds is not True:
            return UNKNOWN if holds is None else False
        left = right
    return True


def _if_else(machine: Machine, node: ast.IfExp, scope: Scope) -> object:
    known = truth(machine.evaluate(node.test, scope))
    if known is not None:
        return machine.evaluate(node.body if known else node.orelse, scope)
    return join(machine.evaluate(node.body, scope), machine.evaluate(node.orelse, scope))


def _lambda(machine: Machine, node: ast.Lambda, scope: Scope) -> object:
    machine.functions.append(Function(node, scope))
    return machine.functions[-1]


def _named(machine: Machine, node: ast.NamedExpr, scope: Scope) -> object:
    value = machine.evaluate(node.value, scope)
    assign(machine, node.target, value, scope)
    return value


def _await(machine: Machine, node: ast.Await, scope: Scope) -> object:
    return machine.evaluate(node.value, scope)


def _yield(machine: Machine, node: ast.Yield, scope: Scope) -> object:
    yielded = machine.frames[-1].yielded
    if yielded is not None:
        append(yielded, machine.evaluate(node.value, scope) if node.value else None, doubt=machine.doubt > 0)
    return UNKNOWN


def _yield_from(machine: Machine, node: ast.YieldFrom, scope: Scope) -> object:
    yielded = machine.frames[-1].yielded
    items, is_open, _ = walk(machine.evaluate(node.value, scope))
    if yielded is not None:
        yielded += items
        yielded.open |= is_open
    return UNKNOWN


_HANDLERS: Final[dict[type[ast.expr], Callable[[Machine, Any, Scope], object]]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _formatted,
    ast.List: _display,
    ast.Set: _display,
    ast.Tuple: _tuple,
    ast.Dict: _dict,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _if_else,
    ast.Subscript: subscript,
    ast.Lambda: _lambda,
    ast.NamedExpr: _named,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.Call: call_expression,
    ast.ListComp: list_comprehension,
    ast.SetComp: list_comprehension,
    ast.GeneratorExp: list_comprehension,
    ast.DictComp: dict_comprehension,
}
