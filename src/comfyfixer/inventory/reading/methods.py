"""Methods of texts, lists, dicts and paths."""

import os
from collections.abc import Callable
from typing import Any, Final

from comfyfixer.inventory.reading.collections import append, extend, put, update, walk
from comfyfixer.inventory.reading.config_files import call_parser
from comfyfixer.inventory.reading.library_files import MAX_PATH, matching, text_of
from comfyfixer.inventory.reading.machine import Machine
from comfyfixer.inventory.reading.operators import MAX_TEXT, brace_format
from comfyfixer.inventory.reading.targets import remove
from comfyfixer.inventory.reading.values import UNKNOWN, Made, Method, Module, PathValue, Row, Table, join

_PLAIN_TEXT_METHODS: Final = frozenset(
    {"capitalize", "casefold", "count", "endswith", "find", "isalnum", "isalpha", "isdecimal", "isdigit"}
    | {"isidentifier", "islower", "isspace", "istitle", "isupper", "lower", "lstrip", "partition", "removeprefix"}
    | {"removesuffix", "replace", "rfind", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith"}
    | {"strip", "swapcase", "title", "upper"}
)


def call_method(machine: Machine, method: Method, args: list[object], keywords: dict[str, object]) -> object:
    """`of.name(*args)`."""
    match method.of:
        case str():
            return _of_text(method.of, method.name, args, keywords)
        case Row():
            return _ROW.get(method.name, _unknown)(machine, method.of, args, keywords)
        case Table():
            return _TABLE.get(method.name, _unknown)(machine, method.of, args, keywords)
        case Made(maker="globals"):
            return call_globals(machine, method.of, method.name, args, keywords)
        case Made():
            return call_parser(machine, method.of, method.name, args, keywords)
        case PathValue():
            return _PATH.get(method.name, _unknown)(machine, method.of, args, keywords)
    return UNKNOWN


def _of_text(text: str, name: str, args: list[object], keywords: dict[str, object]) -> object:
    if name == "format":
        return brace_format(text, args, keywords)
    if name == "join":
        items, is_open, _ = walk(args[0])
        known = [item for item in items if isinstance(item, str)]
        fits = sum(map(len, known)) + len(text) * len(known) <= MAX_TEXT
        return text.join(known) if fits and not is_open and len(known) == len(items) else UNKNOWN
    if name not in _PLAIN_TEXT_METHODS or len(text) > MAX_TEXT or not all(_is_plain(arg) for arg in args):
        return UNKNOWN
    result = getattr(text, name)(*args, **keywords)
    return Row(result) if isinstance(result, list) else _bounded(result)


def _is_plain(arg: object) -> bool:
    if isinstance(arg, tuple):
        return all(isinstance(part, str) for part in arg)
    return isinstance(arg, str | int | None) and (not isinstance(arg, str) or len(arg) <= 200)


def _bounded(value: object) -> object:
    return UNKNOWN if isinstance(value, str) and len(value) > MAX_TEXT else value


def call_globals(machine: Machine, of: Made, name: str, args: list[object], keywords: dict[str, object]) -> object:
    """A method of `globals()`, of `vars(module)` or of `module.__dict__`."""
    module = of.args[0]
    if not isinstance(module, Module):
        return UNKNOWN
    names = module.scope.names
    if name == "get" and isinstance(args[0], str):
        if args[0] in names:
            return machine.force(names, args[0])
        return UNKNOWN if module.open else (args[1:] or [None])[0]
    if name == "update":
        added = Table()
        _update(machine, added, args, keywords)
        module.open |= added.open
        for key in added:
            if isinstance(key, str):
                names[key] = UNKNOWN if key in added.doubtful else added[key]
        return None
    table = Table({key: machine.force(names, key) for key in list(names)}, is_open=module.open)
    return _TABLE.get(name, _unknown)(machine, table, args, keywords)


_Handler = Callable[[Machine, Any, list[object], dict[str, object]], object]


def _unknown(_machine: Machine, _of: object, _args: list[object], _keywords: dict[str, object]) -> object:
    return UNKNOWN


def _append(machine: Machine, row: Row, args: list[object], _keywords: dict[str, object]) -> None:
    append(row, args[0], doubt=machine.doubt > 0)


def _insert(machine: Machine, row: Row, args: list[object], _keywords: dict[str, object]) -> None:
    if machine.doubt or not isinstance(args[0], int):
        row.open = True
    else:
        row.insert(args[0], args[1])


def _extend(machine: Machine, row: Row, args: list[object], _keywords: dict[str, object]) -> None:
    for arg in args:
        extend(row, arg, doubt=machine.doubt > 0)


def _remove(machine: Machine, row: Row, args: list[object], _keywords: dict[str, object]) -> None:
    if machine.doubt or args[0] is UNKNOWN:
        row.open = True
    elif args[0] in row:
        row.remove(args[0])


def _copy_row(_machine: Machine, row: Row, _args: list[object], _keywords: dict[str, object]) -> object:
    return Row(row, is_open=row.open, folders=row.folders)


def _union(_machine: Machine, row: Row, args: list[object], _keywords: dict[str, object]) -> object:
    copy = Row(row, is_open=row.open, folders=row.folders)
    for arg in args:
        extend(copy, arg, doubt=False)
    return copy


def _update(machine: Machine, table: Table, args: list[object], keywords: dict[str, object]) -> None:
    for arg in args:
        update(table, arg, doubt=machine.doubt > 0)
    for key, value in keywords.items():
        put(table, key, value, doubt=machine.doubt > 0)


def _get(_machine: Machine, table: Table, args: list[object], _keywords: dict[str, object]) -> object:
    key, otherwise = args[0], args[1] if len(args) > 1 else None
    if key is UNKNOWN or isinstance(key, Row | Table):
        return UNKNOWN
    if key in table:
        return join(table[key], otherwise) if key in table.doubtful else table[key]
    return UNKNOWN if table.open else otherwise


def _set_default(machine: Machine, table: Table, args: list[object], keywords: dict[str, object]) -> object:
    if args[0] is not UNKNOWN and args[0] not in table and not table.open:
        put(table, args[0], args[1] if len(args) > 1 else None, doubt=machine.doubt > 0)
    return _get(machine, table, args, keywords)


def _pop(machine: Machine, table: Table, args: list[object], keywords: dict[str, object]) -> object:
    value = _get(machine, table, args, keywords)
    remove(machine, table, args[0])
    return value


def _keys(_machine: Machine, table: Table, _args: list[object], _keywords: dict[str, object]) -> object:
    keys, is_open = _sure(table)
    return Row(keys, is_open=is_open)


def _sure(table: Table) -> tuple[list[object], bool]:
    return [key for key in table if key not in table.doubtful], table.open or bool(table.doubtful)


def _values(_machine: Machine, table: Table, _args: list[object], _keywords: dict[str, object]) -> object:
    keys, is_open = _sure(table)
    return Row([table[key] for key in keys], is_open=is_open)


def _items(_machine: Machine, table: Table, _args: list[object], _keywords: dict[str, object]) -> object:
    keys, is_open = _sure(table)
    return Row([(key, table[key]) for key in keys], is_open=is_open)


def _copy_table(_machine: Machine, table: Table, _args: list[object], _keywords: dict[str, object]) -> object:
    copy = Table(table, is_open=table.open)
    copy.doubtful = set(table.doubtful)
    return copy


def _iterdir(machine: Machine, path: PathValue, _args: list[object], _keywords: dict[str, object]) -> object:
    names = machine.files.names(path.text)
    return Row(is_open=True) if names is None else Row([PathValue(os.path.join(path.text, name)) for name in names])


def _path_glob(machine: Machine, path: PathValue, args: list[object], _keywords: dict[str, object]) -> object:
    found = matching(machine, path.text, args[0]) if isinstance(args[0], str) else Row(is_open=True)
    return Row([PathValue(str(item)) for item in found], is_open=found.open)


def _path_rglob(machine: Machine, path: PathValue, args: list[object], _keywords: dict[str, object]) -> object:
    if not isinstance(args[0], str):
        return Row(is_open=True)
    found = matching(machine, path.text, args[0], everywhere=True)
    return Row([PathValue(str(item)) for item in found], is_open=found.open)


def _path_same(_machine: Machine, path: PathValue, _args: list[object], _keywords: dict[str, object]) -> object:
    return PathValue(os.path.normpath(path.text))


def _path_join(_machine: Machine, path: PathValue, args: list[object], _keywords: dict[str, object]) -> object:
    texts = [text for arg in args if (text := text_of(arg)) is not None]
    fits = len(path.text) + sum(map(len, texts)) <= MAX_PATH
    return PathValue(os.path.join(path.text, *texts)) if fits and len(texts) == len(args) else UNKNOWN


def _path_asking(question: Callable[[Machine, str], bool | None]) -> _Handler:
    def call(machine: Machine, path: PathValue, _args: list[object], _keywords: dict[str, object]) -> object:
        answer = question(machine, path.text)
        return UNKNOWN if answer is None else answer

    return call


def _relative_to(_machine: Machine, path: PathValue, args: list[object], _keywords: dict[str, object]) -> object:
    base = text_of(args[0])
    return UNKNOWN if base is None else PathValue(os.path.relpath(path.text, base))


def _is_relative_to(_machine: Machine, path: PathValue, args: list[object], _keywords: dict[str, object]) -> object:
    base = text_of(args[0])
    return UNKNOWN if base is None else path.text == base or path.text.startswith(os.path.join(base, ""))


def _with_suffix(_machine: Machine, path: PathValue, args: list[object], _keywords: dict[str, object]) -> object:
    fits = isinstance(args[0], str) and len(args[0]) < 20
    return PathValue(f"{os.path.splitext(path.text)[0]}{args[0]}") if fits else UNKNOWN


def _path_text(_machine: Machine, path: PathValue, _args: list[object], _keywords: dict[str, object]) -> object:
    return path.text.replace(os.sep, "/")


_ROW: Final[dict[str, _Handler]] = {
    "append": _append,
    "add": _append,
    "insert": _insert,
    "extend": _extend,
    "update": _extend,
    "remove": _remove,
    "discard": _remove,
    "copy": _copy_row,
    "union": _union,
}
_TABLE: Final[dict[str, _Handler]] = {
    "update": _update,
    "get": _get,
    "setdefault": _set_default,
    "pop": _pop,
    "keys": _keys,
    "values": _values,
    "items": _items,
    "copy": _copy_table,
}
_PATH: Final[dict[str, _Handler]] = {
    "iterdir": _iterdir,
    "glob": _path_glob,
    "rglob": _path_rglob,
    "resolve": _path_same,
    "absolute": _path_same,
    "joinpath": _path_join,
    "exists": _path_asking(lambda machine, path: machine.files.exists(path)),
    "is_file": _path_asking(lambda machine, path: machine.files.is_file(path)),
    "is_dir": _path_asking(lambda machine, path: machine.files.is_folder(path)),
    "relative_to": _relative_to,
    "is_relative_to": _is_relative_to,
    "with_suffix": _with_suffix,
    "as_posix": _path_text,
}
