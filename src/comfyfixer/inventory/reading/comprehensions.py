"""List, set and dict comprehensions, and generator expressions."""

import ast
from collections.abc import Iterator

from comfyfixer.inventory.reading.collections import put, walk
from comfyfixer.inventory.reading.machine import Machine
from comfyfixer.inventory.reading.targets import assign
from comfyfixer.inventory.reading.values import UNKNOWN, Row, Scope, Table, truth


def _rounds(
    machine: Machine, generators: list[ast.comprehension], scope: Scope, *, sure: bool
) -> Iterator[tuple[bool, tuple[str, ...], str]]:
    """Bind the targets of a comprehension in turn.

    Yields whether this round certainly happens; the folders listed by the innermost iterable; its target's name.
    """
    if not generators:
        yield sure, (), ""
        return
    first, *rest = generators
    items, is_open, folders = walk(machine.evaluate(first.iter, scope))
    target = first.target.id if isinstance(first.target, ast.Name) else ""
    for item, certain in [*((item, True) for item in items), *([(UNKNOWN, False)] if is_open else [])]:
        machine.step()
        assign(machine, first.target, item, scope)
        tests = [truth(machine.evaluate(test, scope)) for test in first.ifs]
        if False in tests:
            continue
        for inner_sure, inner_folders, inner in _rounds(
            machine, rest, scope, sure=sure and certain and None not in tests
        ):
            yield inner_sure, inner_folders or folders, inner or target


def list_comprehension(machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> object:
    """`[... for ...]`, `{... for ...}` and `(... for ...)`."""
    inner = Scope(scope.module, scope)
    row = Row()
    for sure, folders, target in _rounds(machine, node.generators, inner, sure=True):
        if sure:
            row.append(machine.evaluate(node.elt, inner))
        else:
            row.open = True
        if folders and isinstance(node.elt, ast.Name) and node.elt.id == target:
            row.folders = tuple(dict.fromkeys(row.folders + folders))
    return row


def dict_comprehension(machine: Machine, node: ast.DictComp, scope: Scope) -> object:
    """`{...: ... for ...}`."""
    inner = Scope(scope.module, scope)
    table = Table()
    for sure, _, _ in _rounds(machine, node.generators, inner, sure=True):
        key, value = machine.evaluate(node.key, inner), machine.evaluate(node.value, inner)
        put(table, key, value, doubt=not sure)
    return table
