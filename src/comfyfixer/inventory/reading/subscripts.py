"""`value[index]` and `value[from:to]`."""

import ast

from comfyfixer.inventory.reading.machine import Machine
from comfyfixer.inventory.reading.values import UNKNOWN, External, Made, Module, Row, Scope, Table


def subscript(machine: Machine, node: ast.Subscript, scope: Scope) -> object:
    """The value of a subscript."""
    value = machine.evaluate(node.value, scope)
    if isinstance(node.slice, ast.Slice):
        return _slice(machine, value, node.slice, scope)
    index = machine.evaluate(node.slice, scope)
    if isinstance(value, External) and value.name == "sys.modules" and isinstance(index, str):
        return machine.find_module(index) or UNKNOWN
    if isinstance(value, Made) and value.maker == "globals" and isinstance(index, str):
        return _global(machine, value.args[0], index)
    return item_of(value, index)


def _global(machine: Machine, module: object, name: str) -> object:
    known = isinstance(module, Module) and name in module.scope.names
    return machine.force(module.scope.names, name) if known and isinstance(module, Module) else UNKNOWN


def item_of(value: object, index: object) -> object:
    """`value[index]`."""
    match value, index:
        case Table(), _ if index is not UNKNOWN and not isinstance(index, Row | Table) and index in value:
            return UNKNOWN if index in value.doubtful else value[index]
        case ((Row() | tuple() | str()), int()) if -len(value) <= index < len(value):
            return UNKNOWN if index < 0 and isinstance(value, Row) and value.open else value[index]
    return UNKNOWN


def _slice(machine: Machine, value: object, node: ast.Slice, scope: Scope) -> object:
    ends = [machine.evaluate(end, scope) if end else None for end in (node.lower, node.upper, node.step)]
    if isinstance(value, Row) and (value.open or value.folders):
        return Row(is_open=True, folders=value.folders)
    known = [end for end in ends if end is None or isinstance(end, int)]
    if len(known) < len(ends) or known[2] == 0:
        return UNKNOWN
    part = slice(*known)
    match value:
        case Row():
            return Row(list(value)[part])
        case tuple() | str():
            return value[part]
    return UNKNOWN
