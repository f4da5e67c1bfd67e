"""Calling functions and classes of the pack, and making its classes."""

import ast
from typing import Final

from comfyfixer.inventory.reading.attributes import class_attribute
from comfyfixer.inventory.reading.machine import MAX_CALL_DEPTH, Frame, Machine, Returned
from comfyfixer.inventory.reading.values import (
    UNKNOWN,
    Bound,
    Class,
    External,
    Function,
    Instance,
    Module,
    Row,
    Scope,
    Table,
    ancestors,
    join,
)

_KINDS: Final = {
    "builtins.classmethod": "classmethod",
    "builtins.staticmethod": "staticmethod",
    "builtins.property": "property",
}

FIELDS: Final = "__fields__"
"""Where the annotated names of a class body are kept, in order."""


def call_function(machine: Machine, function: Function, args: list[object], keywords: dict[str, object]) -> object:
    """The result of a function; of a generator all it yields."""
    if len(machine.frames) > MAX_CALL_DEPTH:
        return UNKNOWN
    scope = Scope(function.around.module, function.around)
    _bind(machine, function, args, keywords, scope)
    if function.owner is not None:
        scope.names["__class__"] = function.owner
        scope.names["__self__"] = args[0] if args else UNKNOWN
    if isinstance(function.node, ast.Lambda):
        return machine.evaluate(function.node.body, scope)
    frame = Frame()
    if function.around.module.has_yield and _is_generator(function.node):
        frame.yielded = Row()
    machine.frames.append(frame)
    try:
        machine.execute(function.node.body, scope)
        result: object = None
    except Returned as returned:
        result = returned.value
    finally:
        machine.frames.pop()
    for other in frame.maybe_returned:
        result = join(result, other)
    return result if frame.yielded is None else frame.yielded


def _bind(machine: Machine, function: Function, args: list[object], keywords: dict[str, object], scope: Scope) -> None:
    wanted = function.node.args
    names = [arg.arg for arg in (*wanted.posonlyargs, *wanted.args)]
    defaults = dict(zip(reversed(names), reversed(wanted.defaults), strict=False))
    defaults |= {arg.arg: node for arg, node in zip(wanted.kwonlyargs, wanted.kw_defaults, strict=True) if node}
    rest = dict(keywords)
    given = dict(zip(names, args, strict=False))
    for name in (*names, *(arg.arg for arg in wanted.kwonlyargs)):
        if name in given:
            scope.names[name] = given[name]
        elif name in rest:
            scope.names[name] = rest.pop(name)
        else:
            scope.names[name] = machine.evaluate(defaults[name], function.around) if name in defaults else UNKNOWN
    if wanted.vararg:
        scope.names[wanted.vararg.arg] = tuple(args[len(names) :])
    if wanted.kwarg:
        scope.names[wanted.kwarg.arg] = Table(rest)


def _is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the function itself, not one inside it, has a `yield`."""
    pending: list[ast.AST] = list(node.body)
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(part)
    return False


def make_instance(machine: Machine, of: Class, args: list[object], keywords: dict[str, object]) -> Instance:
    """`of(...)`; without an `__init__` the arguments are its annotated attributes, as for a dataclass."""
    instance = Instance(of)
    try:
        init = class_attribute(machine, of, "__init__")
    except LookupError:
        instance.attributes |= dict(zip(_fields(of), args, strict=False)) | keywords
        return instance
    if isinstance(init, Function):
        machine.call(init, [instance, *args], keywords)
    return instance


def _fields(of: Class) -> list[str]:
    """The annotated names of a class after those of its bases."""
    rows = [part.attributes.get(FIELDS) for part in reversed(ancestors(of)) if isinstance(part, Class)]
    return list(dict.fromkeys(name for row in rows if isinstance(row, Row) for name in row if isinstance(name, str)))


def make_class(
    machine: Machine, name: str, bases: list[object], attributes: dict[str, object], module: Module
) -> Class:
    """A new class; the `__init_subclass__` of its bases gets to know it."""
    made = Class(name, bases, attributes, module)
    for value in attributes.values():
        if isinstance(value, Function) and value.owner is None:
            value.owner = made
    for base in bases:
        if isinstance(base, Class):
            try:
                hook = class_attribute(machine, base, "__init_subclass__")
            except LookupError:
                continue
            if isinstance(hook, Function):
                machine.call(hook, [made], {})
            break
    return made


def make_class_by(
    machine: Machine, meta: object, name: str, bases: list[object], attributes: dict[str, object], module: Module
) -> Class:
    """A new class as its metaclass makes it: its own, or that of a base; others do nothing that matters here."""
    if not isinstance(meta, Class):
        meta = next((base.meta for base in bases if isinstance(base, Class) and base.meta), None)
    if meta is None:
        return make_class(machine, name, bases, attributes, module)
    table = Table(attributes)
    made = _by_method(machine, meta, "__new__", [meta, name, tuple(bases), table])
    if not isinstance(made, Class):
        made = make_class(machine, name, bases, attributes, module)
    made.meta, made.module = meta, module
    _by_method(machine, meta, "__init__", [made, name, tuple(bases), table])
    return made


def _by_method(machine: Machine, meta: Class, name: str, args: list[object]) -> object:
    try:
        method = class_attribute(machine, meta, name)
    except LookupError:
        return None
    return machine.call(method, args, {})


def decorate(machine: Machine, decorators: list[ast.expr], decorated: object, scope: Scope) -> object:
    """What the decorators make of a function or class; one that can't be followed is taken to keep it."""
    for node in reversed(decorators):
        decorator = machine.evaluate(node, scope)
        if isinstance(decorator, External) and isinstance(decorated, Function) and decorator.name in _KINDS:
            decorated.kind = _KINDS[decorator.name]
        elif isinstance(decorator, Function | Bound | Instance | Class):
            result = machine.call(decorator, [decorated], {})
            decorated = result if isinstance(result, Function | Class | Bound) else decorated
    return decorated
