"""What `os`, `pathlib`, `glob`, `importlib` and `pkgutil` give, looking at nothing but the pack's own files."""

import fnmatch
import os
from collections.abc import Callable
from typing import Final

import msgspec

from comfyfixer.inventory.reading.imports import absolute_name
from comfyfixer.inventory.reading.machine import Call, Machine, Raised
from comfyfixer.inventory.reading.values import UNKNOWN, Class, Instance, Made, Method, Module, PathValue, Row, Table

MAX_PATH: Final = 4_096


def text_of(value: object) -> str | None:
    """A path as text."""
    return value if isinstance(value, str) else value.text if isinstance(value, PathValue) else None


def _texts(args: list[object]) -> list[str] | None:
    """All arguments as paths, None where one is unknown or they are longer than any path."""
    texts = [text for arg in args if (text := text_of(arg)) is not None and "\0" not in text]
    return texts if len(texts) == len(args) and sum(map(len, texts)) <= MAX_PATH else None


def _on_text(function: Callable[..., object]) -> Call:
    """A function of `os.path` that only looks at the text."""

    def call(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
        texts = _texts(args)
        return UNKNOWN if texts is None else function(*texts)

    return call


def _asking(question: Callable[[Machine, str], bool | None]) -> Call:
    def call(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
        text = text_of(args[0])
        answer = question(machine, text) if text is not None else None
        return UNKNOWN if answer is None else answer

    return call


def _listdir(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    path = text_of(args[0]) if args else None
    names = machine.files.names(path) if path is not None else None
    return Row(is_open=True) if names is None else Row(names)


def _scandir(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    path = text_of(args[0]) if args else None
    names = machine.files.names(path) if path is not None else None
    if path is None or names is None:
        return Row(is_open=True)
    return Row([PathValue(os.path.join(path, name)) for name in names])


def _walk(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    path = text_of(args[0]) if args else None
    below = machine.files.below(path) if path is not None else None
    if path is None or below is None:
        return Row(is_open=True)
    rounds: dict[str, tuple[Row, Row]] = {path: (Row(), Row())}
    for entry in below:
        folder, name = os.path.split(entry)
        is_folder = os.path.isdir(entry)
        rounds.setdefault(folder, (Row(), Row()))[0 if is_folder else 1].append(name)
        if is_folder:
            rounds.setdefault(entry, (Row(), Row()))
    return Row([(folder, folders, files) for folder, (folders, files) in rounds.items()])


def _glob(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    pattern = text_of(args[0])
    if pattern is None:
        return Row(is_open=True)
    root = keywords.get("root_dir")
    folder, _, _ = pattern.partition("*")
    folder = os.path.dirname(folder)
    if isinstance(root, str):
        return Row(is_open=True)
    return matching(machine, folder, os.path.relpath(pattern, folder) if folder else pattern)


def matching(machine: Machine, folder: str, pattern: str, *, everywhere: bool = False) -> Row:
    """The paths in a folder that a glob pattern matches; `**/` and `everywhere` go into sub-folders."""
    deep = everywhere or "**" in pattern
    pattern = pattern.replace("**" + os.sep, "").replace("**/", "")
    if deep:
        paths = machine.files.below(folder)
    else:
        names = machine.files.names(os.path.join(folder, os.path.dirname(pattern)))
        paths = None if names is None else [os.path.join(folder, os.path.dirname(pattern), name) for name in names]
    if paths is None:
        return Row(is_open=machine.files.exists(folder) is None)
    last = os.path.basename(pattern)
    return Row([path for path in paths if fnmatch.fnmatchcase(os.path.basename(path), last)])


def _path(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    texts = _texts(args)
    return UNKNOWN if texts is None else PathValue(os.path.join(*texts) if texts else ".")


def _getenv(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    """Variables that switch a pack's parts on or off are taken as not set, which is what packs are made for."""
    environ = machine.constants["os.environ"]
    otherwise = args[1] if len(args) > 1 else None
    return environ.get(args[0], otherwise) if isinstance(environ, Table) and isinstance(args[0], str) else UNKNOWN


def _find_spec(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    """`importlib.util.find_spec`: for a module of the pack; whether others are installed is not known."""
    module = _import_module(machine, args, keywords) if isinstance(args[0], str) and args[0].startswith(".") else None
    return Made("spec", [module.file], {}) if isinstance(module, Module) else UNKNOWN


def _import_module(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    name, package = args[0], (args[1:] or [keywords.get("package")])[0]
    if not isinstance(name, str):
        return UNKNOWN
    level = len(name) - len(name.lstrip("."))
    if level:
        if isinstance(package, Module):
            package = package.package
        if not isinstance(package, str):
            return UNKNOWN
        at = Module(package, "", is_package=True)
        return _ran(machine, absolute_name(at, name[level:], level))
    return _ran(machine, name)


def _ran(machine: Machine, name: str) -> object:
    module = machine.import_module(name)
    if isinstance(module, Module):
        machine.run(module)
    return module


def _dunder_import(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    """`__import__(name, globals, locals, fromlist, level)` gives the first part, or the last with a `fromlist`."""
    level = (args[4:] or [keywords.get("level", 0)])[0]
    if not isinstance(args[0], str) or level != 0:
        return UNKNOWN
    listed = (args[3:] or [keywords.get("fromlist")])[0]
    module = _ran(machine, args[0])
    return module if listed else machine.import_module(args[0].partition(".")[0])


def _spec(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    path = (args[1:] or [keywords.get("location")])[0]
    text = text_of(path)
    if text is None:
        return UNKNOWN
    loader = Instance(Class("Loader", [], {"exec_module": Method(None, "exec_module")}, machine.main))
    return Made("spec", [text], {"name": args[0] if args else UNKNOWN, "origin": text, "loader": loader})


def _module_from_spec(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    if isinstance(args[0], Made) and args[0].maker == "spec" and isinstance(args[0].args[0], str):
        path = args[0].args[0]
        module = machine.load_file(path)
        if module is None and machine.files.exists(path) is False:
            raise Raised
        return UNKNOWN if module is None else module
    return UNKNOWN


def _iter_modules(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    """`pkgutil.iter_modules(paths, prefix)`: (finder, name, is a package)."""
    paths = (args or [keywords.get("path")])[0]
    prefix = (args[1:] or [keywords.get("prefix", "")])[0]
    if not isinstance(paths, Row | tuple) or not isinstance(prefix, str):
        return Row(is_open=True)
    found = Row()
    for path in paths:
        text = text_of(path)
        names = machine.files.names(text) if text is not None else None
        if names is None or text is None:
            found.open = True
            continue
        for name in names:
            stem, extension = os.path.splitext(name)
            is_package = os.path.isfile(os.path.join(text, name, "__init__.py"))
            if is_package or (extension == ".py" and stem != "__init__"):
                found.append(_module_info(prefix + (name if is_package else stem), is_package))
    return found


def _module_info(name: str, is_package: bool) -> tuple[object, ...]:
    return (UNKNOWN, name, is_package)


def _json_load(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    """`json.load(open(file))` of a file of the pack."""
    if not (isinstance(args[0], Made) and args[0].maker == "builtins.open" and args[0].args):
        return UNKNOWN
    path = text_of(args[0].args[0])
    text = machine.files.text(path) if path is not None else None
    return UNKNOWN if text is None else _plain(text)


def _json_loads(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    return _plain(args[0]) if isinstance(args[0], str) else UNKNOWN


def _plain(text: str) -> object:
    try:
        return as_value(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return UNKNOWN


def as_value(plain: object) -> object:
    """Decoded JSON as values of a pack."""
    match plain:
        case dict():
            return Table({key: as_value(item) for key, item in plain.items()})
        case list():
            return Row([as_value(item) for item in plain])
    return plain


FILE_LIBRARY: Final[dict[str, Call]] = {
    "os.path.join": _on_text(os.path.join),
    "os.path.dirname": _on_text(os.path.dirname),
    "os.path.basename": _on_text(os.path.basename),
    "os.path.split": _on_text(os.path.split),
    "os.path.splitext": _on_text(os.path.splitext),
    "os.path.normpath": _on_text(os.path.normpath),
    "os.path.abspath": _on_text(os.path.normpath),
    "os.path.realpath": _on_text(os.path.normpath),
    "os.path.isabs": _on_text(os.path.isabs),
    "os.path.relpath": _on_text(os.path.relpath),
    "os.fspath": _on_text(str),
    "os.path.exists": _asking(lambda machine, path: machine.files.exists(path)),
    "os.path.isfile": _asking(lambda machine, path: machine.files.is_file(path)),
    "os.path.isdir": _asking(lambda machine, path: machine.files.is_folder(path)),
    "os.listdir": _listdir,
    "os.scandir": _scandir,
    "os.walk": _walk,
    "glob.glob": _glob,
    "glob.iglob": _glob,
    "pathlib.Path": _path,
    "pathlib.PurePath": _path,
    "importlib.import_module": _import_module,
    "builtins.__import__": _dunder_import,
    "importlib.util.find_spec": _find_spec,
    "os.getenv": _getenv,
    "importlib.util.spec_from_file_location": _spec,
    "importlib.util.module_from_spec": _module_from_spec,
    "pkgutil.iter_modules": _iter_modules,
    "pkgutil.walk_packages": _iter_modules,
    "json.load": _json_load,
    "json.loads": _json_loads,
}
