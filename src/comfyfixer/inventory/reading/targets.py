"""Assigning to names, items, attributes and patterns of them."""

import ast

from comfyfixer.inventory.reading.collections import put, walk
from comfyfixer.inventory.reading.machine import Machine
from comfyfixer.inventory.reading.values import UNKNOWN, Class, Instance, Made, Module, Row, Scope, Table, truth


def assign(machine: Machine, target: ast.expr, value: object, scope: Scope) -> None:
    """`target = value`."""
    match target:
        case ast.Name(id=name):
            scope.elsewhere.get(name, scope).names[name] = value
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            _unpack(machine, elements, value, scope)
        case ast.Subscript(value=container, slice=index):
            _set_item(machine, machine.evaluate(container, scope), machine.evaluate(index, scope), value)
        case ast.Attribute(value=owner, attr=name):
            set_attribute(machine, machine.evaluate(owner, scope), name, value)
        case ast.Starred(value=inner):
            assign(machine, inner, value, scope)


def _unpack(machine: Machine, elements: list[ast.expr], value: object, scope: Scope) -> None:
    items, is_open, _ = walk(value)
    starred = any(isinstance(element, ast.Starred) for element in elements)
    if is_open or starred or len(items) != len(elements):
        items = [UNKNOWN] * len(elements)
    for element, item in zip(elements, items, strict=True):
        assign(machine, element, item, scope)


def _set_item(machine: Machine, container: object, index: object, value: object) -> None:
    match container, index:
        case Table(), _:
            put(container, index, value, doubt=machine.doubt > 0)
        case Row(), int() if -len(container) <= index < len(container) and not machine.doubt:
            container[index] = value
        case Row(), _:
            container.open = True
        case Made(maker="globals", args=[Module() as module]), str():
            module.scope.names[index] = value


def set_attribute(machine: Machine, owner: object, name: str, value: object) -> None:
    """`owner.name = value`; in doubt the attribute may be the old one too."""
    if machine.doubt:
        value = UNKNOWN if not isinstance(value, Table | Row) or truth(value) is None else value
    match owner:
        case Class() if name in ("__name__", "__qualname__"):
            owner.name = value if isinstance(value, str) else owner.name
        case Class() | Instance():
            owner.attributes[name] = value
        case Module():
            owner.scope.names[name] = value
        case Made():
            owner.keywords[name] = value


def delete(machine: Machine, target: ast.expr, scope: Scope) -> None:
    """`del target`; an entry that is perhaps deleted is perhaps there."""
    match target:
        case ast.Name(id=name):
            scope.names.pop(name, None)
        case ast.Subscript(value=container, slice=index):
            remove(machine, machine.evaluate(container, scope), machine.evaluate(index, scope))


def remove(machine: Machine, container: object, key: object) -> None:
    """`del container[key]` of a dict."""
    if not isinstance(container, Table):
        return
    if key is UNKNOWN:
        container.doubtful |= set(container)
    elif key in container:
        if machine.doubt:
            container.doubtful.add(key)
        else:
            del container[key]
