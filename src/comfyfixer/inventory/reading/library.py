"""What the built-in functions that packs use at import time give."""

import re
from collections.abc import Callable
from typing import Final

from comfyfixer.inventory.reading.attributes import class_attribute
from comfyfixer.inventory.reading.calls import make_class
from comfyfixer.inventory.reading.collections import update, walk
from comfyfixer.inventory.reading.machine import Machine, Raised
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
    PathValue,
    Row,
    Table,
    ancestors,
    join,
    truth,
)

Call = Callable[[Machine, list[object], dict[str, object]], object]

_MAX_RANGE: Final = 2_000
_PLAIN_BASES: Final = frozenset({"object", "ABC", "ComfyNodeABC", "Generic", "Protocol"})


def _row(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[0]) if args else ([], False, ())
    return Row(items, is_open=is_open, folders=folders)


def _set(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    row = _row(machine, args, keywords)
    assert isinstance(row, Row)  # noqa: S101  # what `_row` gives
    return Row(dict.fromkeys(row), is_open=row.open, folders=row.folders)


def _tuple(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[0]) if args else ([], False, ())
    return Row(items, is_open=True, folders=folders) if is_open else tuple(items)


def _sorted(_machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[0])
    texts = all(isinstance(item, str) for item in items)
    known = sorted(items, key=str) if texts and not keywords else items
    return Row(known, is_open=is_open, folders=folders)


def _reversed(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[0])
    return Row(reversed(items), is_open=is_open, folders=folders)


def _dict(_machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    table = Table()
    for arg in args:
        update(table, arg, doubt=False)
    table.update(keywords)
    return table


def _len(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    if isinstance(args[0], Row | Table) and (args[0].open or getattr(args[0], "doubtful", None)):
        return UNKNOWN
    return len(args[0]) if isinstance(args[0], Row | Table | tuple | str) else UNKNOWN


def _range(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    whole = [arg for arg in args if isinstance(arg, int)]
    if len(whole) < len(args):
        return Row(is_open=True)
    numbers = range(*whole)
    return Row(numbers[:_MAX_RANGE], is_open=len(numbers) > _MAX_RANGE)


def _enumerate(_machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[0])
    start = (args[1:] or [keywords.get("start", 0)])[0]
    return Row(enumerate(items, start if isinstance(start, int) else 0), is_open=is_open)


def _zip(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    walked = [walk(arg) for arg in args]
    return Row(zip(*(items for items, _, _ in walked), strict=False), is_open=any(is_open for _, is_open, _ in walked))


def _map(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[1])
    return Row([machine.call(args[0], [item], {}) for item in items], is_open=is_open)


def _filter(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[1])
    row = Row(is_open=is_open, folders=folders)
    for item in items:
        keep = truth(item if args[0] is None else machine.call(args[0], [item], {}))
        row.open |= keep is None
        if keep:
            row.append(item)
    return row


def _next(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[0])
    if items and not is_open:
        return items[0]
    return args[1] if len(args) > 1 and not is_open else UNKNOWN


def _any(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[0])
    known = [truth(item) for item in items]
    return True if True in known else UNKNOWN if is_open or None in known else False


def _all(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[0])
    known = [truth(item) for item in items]
    return False if False in known else UNKNOWN if is_open or None in known else True


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
    if isinstance(kind, External) and kind.name in _NATIVE:
        return isinstance(value, _NATIVE[kind.name])
    if isinstance(value, Instance) and isinstance(kind, Class):
        return is_subclass(value.of, kind)
    return None if isinstance(value, Instance) else False


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


def _no_effect(_machine: Machine, _args: list[object], _keywords: dict[str, object]) -> object:
    return None


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


def _chain(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    row = Row()
    for arg in args:
        items, is_open, folders = walk(arg)
        row += items
        row.open |= is_open
        row.folders += folders
    return row


LIBRARY: Final[dict[str, Call]] = {
    "builtins.list": _row,
    "builtins.iter": _row,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.tuple": _tuple,
    "builtins.sorted": _sorted,
    "natsort.natsorted": _sorted,
    "builtins.reversed": _reversed,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "builtins.len": _len,
    "builtins.range": _range,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.next": _next,
    "builtins.any": _any,
    "builtins.all": _all,
    "builtins.str": _str,
    "builtins.bool": _bool,
    "builtins.getattr": _getattr,
    "builtins.hasattr": _hasattr,
    "builtins.setattr": _setattr,
    "builtins.isinstance": _isinstance,
    "builtins.issubclass": _issubclass,
    "builtins.type": _type,
    "builtins.callable": _callable,
    "builtins.vars": _vars,
    "builtins.dir": _dir,
    "builtins.print": _no_effect,
    "inspect.getmembers": _getmembers,
    "inspect.isclass": _isclass,
    "copy.copy": _identity,
    "copy.deepcopy": _identity,
    "types.MappingProxyType": _identity,
    "itertools.chain": _chain,
    "re.sub": _re_sub,
    "re.findall": _re_findall,
}
