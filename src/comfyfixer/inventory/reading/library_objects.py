"""What the built-in functions give that ask about objects, classes and their attributes, or change them."""

from typing import Final

from comfyfixer.inventory.reading.attributes import class_attribute
from comfyfixer.inventory.reading.calls import make_class
from comfyfixer.inventory.reading.machine import Call, Machine, Raised
from comfyfixer.inventory.reading.targets import set_attribute
from comfyfixer.inventory.reading.values import (
    UNKNOWN,
    Bound,
    Class,
    External,
    Function,
    Instance,
    Made,
    Method,
    Module,
    Row,
    Table,
    ancestors,
    join,
    truth,
)

_PLAIN_BASES: Final = frozenset({"object", "ABC", "ComfyNodeABC", "Generic", "Protocol"})


def _getattr(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    if not isinstance(args[1], str):
        return UNKNOWN
    has = _has(machine, args[0], args[1])
    if has is False and len(args) > 2:
        return args[2]
    if has is False:
        raise Raised
    value = machine.attribute(args[0], args[1])
    return join(value, args[2]) if has is None and len(args) > 2 else value


def _has(machine: Machine, value: object, name: str) -> bool | None:
    """Whether a value has an attribute, None where that can't be decided."""
    match value:
        case Module():
            try:
                return None if machine.attribute(value, name) is UNKNOWN and name not in value.scope.names else True
            except Raised:
                return False
        case Class():
            return _class_has(machine, value, name)
        case Instance():
            return True if name in value.attributes else _class_has(machine, value.of, name)
        case str() | int() | tuple() | None:
            return hasattr(value, name)
        case Function():
            return name in ("__name__", "__call__", "__doc__", "__module__")
        case Row() | Table():
            return hasattr([] if isinstance(value, Row) else {}, name)
    return None


def _class_has(machine: Machine, of: Class, name: str) -> bool | None:
    if name in ("__name__", "__module__", "__doc__", "__dict__", "__bases__", "__init__"):
        return True
    try:
        class_attribute(machine, of, name)
    except LookupError:
        return False if all_known(of) else None
    return True


def all_known(of: Class) -> bool:
    """Whether all bases of a class are the pack's own, or have no attributes that matter."""
    return all(
        isinstance(base, Class) or (isinstance(base, External) and base.name.rpartition(".")[2] in _PLAIN_BASES)
        for base in ancestors(of)
    )


def _hasattr(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    has = _has(machine, args[0], args[1]) if isinstance(args[1], str) else None
    return UNKNOWN if has is None else has


def _setattr(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    if isinstance(args[1], str):
        set_attribute(machine, args[0], args[1], args[2])
    return None


def _isinstance(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    known = [_is_a(args[0], kind) for kind in (args[1] if isinstance(args[1], tuple) else (args[1],))]
    return True if True in known else UNKNOWN if None in known else False


_NATIVE: Final[dict[str, tuple[type, ...]]] = {
    "builtins.str": (str,),
    "builtins.int": (int,),
    "builtins.float": (float,),
    "builtins.list": (Row,),
    "builtins.set": (Row,),
    "builtins.dict": (Table,),
    "builtins.tuple": (tuple,),
    "builtins.type": (Class,),
    "types.ModuleType": (Module,),
    "types.FunctionType": (Function,),
}


def _is_a(value: object, kind: object) -> bool | None:
    if value is UNKNOWN or isinstance(value, Made | External):
        return None
    if isinstance(value, Instance):
        return is_subclass(value.of, kind) if isinstance(kind, Class | External) else None
    if isinstance(kind, External) and kind.name in _NATIVE:
        return isinstance(value, _NATIVE[kind.name])
    return False


def is_subclass(of: Class, kind: object) -> bool | None:
    """`issubclass(of, kind)`; an external kind counts by its last name, which is imported from many places."""
    if isinstance(kind, External) and kind.name == "builtins.object":
        return True
    undecided = False
    for base in ancestors(of):
        if base is kind:
            return True
        if isinstance(base, External) and isinstance(kind, External):
            if base.name.rpartition(".")[2] == kind.name.rpartition(".")[2]:
                return True
            undecided = True
        elif not isinstance(base, Class):
            undecided |= base is UNKNOWN or isinstance(kind, External)
    return None if undecided else False


def _issubclass(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    kinds = args[1] if isinstance(args[1], tuple) else (args[1],)
    if not isinstance(args[0], Class) or UNKNOWN in kinds:
        return UNKNOWN
    known = [is_subclass(args[0], kind) for kind in kinds]
    return True if True in known else UNKNOWN if None in known else False


def _type(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    match args:
        case [Instance(of=of)]:
            return of
        case [str() as name, tuple() | Row() as bases, Table() as attributes]:
            named = {key: value for key, value in attributes.items() if isinstance(key, str)}
            home = next((base.module for base in bases if isinstance(base, Class)), None)
            return make_class(machine, name, list(bases), named, home or machine.main)
    return UNKNOWN


def _type_new(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    """`type.__new__(metaclass, name, bases, attributes)`."""
    return _type(machine, args[1:], keywords)


def _callable(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    match args[0]:
        case Function() | Class() | Bound() | Method():
            return True
        case str() | int() | float() | tuple() | Row() | Table() | Module() | None:
            return False
    return UNKNOWN


def _vars(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    match args:
        case [Module() as module]:
            return Made("globals", [module], {})
        case [Class() | Instance() as owner]:
            return Table(owner.attributes)
    return UNKNOWN


def _dir(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    match args:
        case [Module() as module]:
            machine.run(module)
            return Row(sorted(module.scope.names), is_open=module.open)
        case [Class() as of] if all_known(of):
            return Row(sorted(of.attributes), is_open=bool(of.bases))
    return Row(is_open=True)


def _getmembers(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    """`inspect.getmembers(module, inspect.isclass)`."""
    if not isinstance(args[0], Module):
        return Row(is_open=True)
    machine.run(args[0])
    names = args[0].scope.names
    members = [(name, machine.force(names, name)) for name in sorted(names)]
    if len(args) > 1:
        wanted = args[1]
        classes = isinstance(wanted, External) and wanted.name == "inspect.isclass"
        if not classes:
            return Row([pair for pair in members if truth(machine.call(wanted, [pair[1]], {}))], is_open=True)
        members = [pair for pair in members if isinstance(pair[1], Class)]
    return Row(members, is_open=args[0].open)


def _isclass(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    if args[0] is UNKNOWN or isinstance(args[0], External | Made):
        return UNKNOWN
    return isinstance(args[0], Class)


OBJECT_LIBRARY: Final[dict[str, Call]] = {
    "builtins.getattr": _getattr,
    "builtins.hasattr": _hasattr,
    "builtins.setattr": _setattr,
    "builtins.isinstance": _isinstance,
    "builtins.issubclass": _issubclass,
    "builtins.type": _type,
    "builtins.type.__new__": _type_new,
    "builtins.callable": _callable,
    "builtins.vars": _vars,
    "builtins.dir": _dir,
    "inspect.getmembers": _getmembers,
    "inspect.isclass": _isclass,
}
