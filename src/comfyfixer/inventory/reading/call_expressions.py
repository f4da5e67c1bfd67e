"""`function(...)`: working out what is called with what."""

import ast
from collections.abc import Callable
from typing import Final

from comfyfixer.inventory.reading.collections import walk
from comfyfixer.inventory.reading.machine import Machine, Raised
from comfyfixer.inventory.reading.values import UNKNOWN, External, Made, Module, Scope, Table


def call_expression(machine: Machine, node: ast.Call, scope: Scope) -> object:
    """The result of a call."""
    function = machine.evaluate(node.func, scope)
    args: list[object] = []
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            args += walk(machine.evaluate(arg.value, scope))[0]
        else:
            args.append(machine.evaluate(arg, scope))
    keywords: dict[str, object] = {}
    for keyword in node.keywords:
        value = machine.evaluate(keyword.value, scope)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        elif isinstance(value, Table):
            keywords |= {key: item for key, item in value.items() if isinstance(key, str)}
    if isinstance(function, External) and function.name in _NEEDS_SCOPE:
        return _NEEDS_SCOPE[function.name](machine, scope, args)
    return machine.call(function, args, keywords)


def _globals(_machine: Machine, scope: Scope, _args: list[object]) -> object:
    return Made("globals", [scope.module], {})


def _locals(machine: Machine, scope: Scope, _args: list[object]) -> object:
    return _globals(machine, scope, []) if scope is scope.module.scope else Table(scope.names)


def _super(_machine: Machine, scope: Scope, _args: list[object]) -> object:
    at: Scope | None = scope
    while at is not None and "__class__" not in at.names:
        at = at.around
    return Made("super", [at.names["__class__"], at.names["__self__"]], {}) if at else UNKNOWN


def _exec(machine: Machine, scope: Scope, args: list[object]) -> object:
    """`exec(text)` where the text is known and runs in a module of the pack."""
    match args:
        case [str() as text, Made(maker="globals", args=[Module() as module]), *_]:
            at = module.scope
        case [str() as text]:
            at = scope
        case _:
            machine.incomplete.append(f"{scope.module.name} runs text that is made while it runs")
            return None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Raised from None
    machine.execute(tree.body, at)
    return None


_NEEDS_SCOPE: Final[dict[str, Callable[[Machine, Scope, list[object]], object]]] = {
    "builtins.globals": _globals,
    "builtins.locals": _locals,
    "builtins.super": _super,
    "builtins.exec": _exec,
}
