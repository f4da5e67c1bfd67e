"""Running statements, also where a condition can't be decided.

Of an undecided `if` both branches are read in doubt: what they add to a dict may be there, names that they set
differently are unknown. A branch that raises is taken as the one that does not happen, and what follows it is in doubt
where the error would be caught. After a branch that returns
or goes on to the next round, the rest is read in doubt.
"""

import ast
import functools
from collections.abc import Callable
from typing import Any, Final

from comfyfixer.inventory.reading.calls import FIELDS, decorate, make_class_by
from comfyfixer.inventory.reading.collections import append, extend, update, walk
from comfyfixer.inventory.reading.imports import import_from, import_plain
from comfyfixer.inventory.reading.machine import Left, LoopLeft, Machine, Raised, Returned
from comfyfixer.inventory.reading.operators import binary
from comfyfixer.inventory.reading.targets import assign, delete
from comfyfixer.inventory.reading.values import UNKNOWN, Function, Row, Scope, Table, join, truth

_MAX_ROUNDS: Final = 2_000
_IMPORT_ERRORS: Final = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def execute(machine: Machine, statements: list[ast.stmt], scope: Scope) -> Left:
    """Run statements in order; what follows a way that may have left them is in doubt."""
    left = Left.NO
    doubt = machine.doubt
    try:
        for statement in statements:
            machine.step()
            handler = _HANDLERS.get(type(statement))
            if handler and (perhaps := handler(machine, statement, scope)):
                left = max(left, perhaps)
                machine.doubt += 1
    finally:
        machine.doubt = doubt
    return left


def _expression(machine: Machine, node: ast.Expr, scope: Scope) -> None:
    if not isinstance(node.value, ast.Constant):
        machine.evaluate(node.value, scope)


def _assign(machine: Machine, node: ast.Assign, scope: Scope) -> None:
    value = machine.evaluate(node.value, scope)
    for target in node.targets:
        assign(machine, target, value, scope)


def _annotated(machine: Machine, node: ast.AnnAssign, scope: Scope) -> None:
    if scope.is_class and isinstance(node.target, ast.Name):
        append(_fields(scope), node.target.id, doubt=False)
    if node.value:
        assign(machine, node.target, machine.evaluate(node.value, scope), scope)


def _fields(scope: Scope) -> Row:
    """The annotated names of a class body, in order: what a dataclass takes."""
    fields = scope.names.setdefault(FIELDS, Row())
    assert isinstance(fields, Row)  # noqa: S101  # set here alone
    return fields


def _augmented(machine: Machine, node: ast.AugAssign, scope: Scope) -> None:
    """`+=` and `|=` change lists and dicts in place."""
    before, value = machine.evaluate(node.target, scope), machine.evaluate(node.value, scope)
    if isinstance(before, Table) and isinstance(node.op, ast.BitOr):
        update(before, value, doubt=machine.doubt > 0)
    elif isinstance(before, Row) and isinstance(node.op, ast.Add | ast.BitOr):
        extend(before, value, doubt=machine.doubt > 0)
    else:
        assign(machine, node.target, binary(type(node.op), before, value), scope)


def _delete(machine: Machine, node: ast.Delete, scope: Scope) -> None:
    for target in node.targets:
        delete(machine, target, scope)


def _function(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
    function = Function(node, scope.around if scope.is_class and scope.around else scope)
    machine.functions.append(function)
    assign(machine, ast.Name(node.name), decorate(machine, node.decorator_list, function, scope), scope)


def _class(machine: Machine, node: ast.ClassDef, scope: Scope) -> None:
    bases = [machine.evaluate(base, scope) for base in node.bases if not isinstance(base, ast.Starred)]
    inner = Scope(scope.module, scope.around if scope.is_class else scope, is_class=True)
    machine.execute(node.body, inner)
    meta = next((machine.evaluate(word.value, scope) for word in node.keywords if word.arg == "metaclass"), None)
    made = make_class_by(machine, meta, node.name, bases, inner.names, scope.module)
    assign(machine, ast.Name(node.name), decorate(machine, node.decorator_list, made, scope), scope)


def _return(machine: Machine, node: ast.Return, scope: Scope) -> None:
    raise Returned(machine.evaluate(node.value, scope) if node.value else None)


def _raise(_machine: Machine, _node: ast.Raise, _scope: Scope) -> None:
    raise Raised


def _break(_machine: Machine, _node: ast.Break, _scope: Scope) -> None:
    raise LoopLeft(again=False)


def _continue(_machine: Machine, _node: ast.Continue, _scope: Scope) -> None:
    raise LoopLeft(again=True)


def _if(machine: Machine, node: ast.If, scope: Scope) -> Left:
    known = truth(machine.evaluate(node.test, scope))
    if known is not None:
        return machine.execute(node.body if known else node.orelse, scope)
    return _branches(machine, [node.body, node.orelse], scope)


def _branches(machine: Machine, bodies: list[list[ast.stmt]], scope: Scope) -> Left:
    """Read all branches in doubt, and go on with what is common to those that go on."""
    before, left = dict(scope.names), Left.NO
    ends: list[tuple[Exception | None, dict[str, object]]] = []
    machine.doubt += 1
    try:
        for body in bodies:
            scope.names = dict(before)
            end: Exception | None = None
            try:
                left = max(left, machine.execute(body, scope))
            except (Raised, Returned, LoopLeft) as caught:
                end = caught
            ends.append((end, scope.names))
    finally:
        machine.doubt -= 1
    scope.names = before
    return max(left, _meet(machine, ends, scope))


def _meet(machine: Machine, ends: list[tuple[Exception | None, dict[str, object]]], scope: Scope) -> Left:
    going_on = [names for end, names in ends if end is None]
    leaving = [end for end, _ in ends if isinstance(end, Returned | LoopLeft)]
    if going_on:
        # What a round set before it was left is there after the loop.
        kept = [names for end, names in ends if end is None or isinstance(end, LoopLeft)]
        scope.names = functools.reduce(_merged_names, kept)
        for end in leaving:
            if isinstance(end, Returned):
                machine.frames[-1].maybe_returned.append(end.value)
        caught = machine.guards > 0 and any(isinstance(end, Raised) for end, _ in ends)
        left = Left.TRY if caught else Left.NO
        return max((Left.FUNCTION if isinstance(end, Returned) else Left.ROUND for end in leaving), default=left)
    returned = [end.value for end in leaving if isinstance(end, Returned)]
    if returned:
        machine.frames[-1].maybe_returned += returned[1:]
        raise Returned(returned[0])
    raise leaving[0] if leaving else Raised


def _merged_names(one: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    merged = {**one, **other}
    for name in one.keys() & other.keys():
        if one[name] is not other[name]:
            merged[name] = join(one[name], other[name])
    return merged


def _try(machine: Machine, node: ast.Try, scope: Scope) -> Left:
    """The body is taken to succeed, as it does where the pack works, unless it certainly fails."""
    left = Left.NO
    guarded = any(map(_catches_imports, node.handlers))
    machine.guards += guarded
    try:
        left = machine.execute(node.body, scope)
    except Raised:
        machine.guards -= guarded
        guarded = False
        if node.handlers:
            left = machine.execute(node.handlers[0].body, scope)
    else:
        left = max(left, machine.execute(node.orelse, scope))
    finally:
        machine.guards -= guarded
        machine.execute(node.finalbody, scope)
    return Left.NO if left is Left.TRY else left


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _IMPORT_ERRORS) for kind in kinds)


def _with(machine: Machine, node: ast.With | ast.AsyncWith, scope: Scope) -> Left:
    for item in node.items:
        value = machine.evaluate(item.context_expr, scope)
        if item.optional_vars:
            assign(machine, item.optional_vars, value, scope)
    return machine.execute(node.body, scope)


def _for(machine: Machine, node: ast.For | ast.AsyncFor, scope: Scope) -> Left:
    items, is_open, _ = walk(machine.evaluate(node.iter, scope))
    left = Left.NO
    for item in items[:_MAX_ROUNDS]:
        assign(machine, node.target, item, scope)
        try:
            left = max(left, _round(machine, node.body, scope))
        except LoopLeft as end:
            if not end.again:
                return left
    if is_open or len(items) > _MAX_ROUNDS:
        left = max(left, _doubtful_round(machine, node, scope))
    return max(left, machine.execute(node.orelse, scope))


def _round(machine: Machine, body: list[ast.stmt], scope: Scope) -> Left:
    """One round; leaving it perhaps is over with the round."""
    left = machine.execute(body, scope)
    return Left.NO if left is Left.ROUND else left


def _doubtful_round(machine: Machine, node: ast.For | ast.AsyncFor | ast.While, scope: Scope) -> Left:
    if isinstance(node, ast.For | ast.AsyncFor):
        assign(machine, node.target, UNKNOWN, scope)
    left = _branches(machine, [node.body, []], scope)
    return Left.NO if left is Left.ROUND else left


def _while(machine: Machine, node: ast.While, scope: Scope) -> Left:
    left = Left.NO
    for _ in range(_MAX_ROUNDS):
        known = truth(machine.evaluate(node.test, scope))
        if known is False:
            return left
        if known is None:
            return max(left, _doubtful_round(machine, node, scope))
        try:
            left = max(left, _round(machine, node.body, scope))
        except LoopLeft as end:
            if not end.again:
                return left
    return left


def _match(machine: Machine, node: ast.Match, scope: Scope) -> Left:
    return _branches(machine, [*(case.body for case in node.cases), []], scope)


def _elsewhere(_machine: Machine, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
    for name in node.names:
        at = scope.module.scope
        if isinstance(node, ast.Nonlocal):
            around = scope.around
            while around and name not in around.names:
                around = around.around
            at = around or at
        if at is not scope:
            scope.elsewhere[name] = at


_HANDLERS: Final[dict[type[ast.stmt], Callable[[Machine, Any, Scope], Left | None]]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Delete: _delete,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.If: _if,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.Match: _match,
    ast.Global: _elsewhere,
    ast.Nonlocal: _elsewhere,
    ast.Import: import_plain,
    ast.ImportFrom: import_from,
}
