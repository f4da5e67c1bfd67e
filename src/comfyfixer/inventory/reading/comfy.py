"""ComfyUI's own `folder_paths` and `nodes`, as a pack finds them."""

import os
from typing import Final

from comfyfixer.inventory.folder_table import LEGACY_NAMES, FolderTable
from comfyfixer.inventory.pack_source import Folders
from comfyfixer.inventory.reading.collections import append
from comfyfixer.inventory.reading.machine import Call, Machine
from comfyfixer.inventory.reading.values import UNKNOWN, Row, Table


def add_constants(machine: Machine, table: FolderTable, code_dir: str | None) -> None:
    """Set what is known of ComfyUI before the pack's code runs."""
    base = table.base_dir
    standard = Row(sorted(table.standard_extensions))
    machine.constants |= {
        "folder_paths.models_dir": table.models_dir,
        "folder_paths.base_path": base,
        "folder_paths.__file__": os.path.join(code_dir or base, "folder_paths.py"),
        "folder_paths.output_directory": os.path.join(base, "output"),
        "folder_paths.input_directory": os.path.join(base, "input"),
        "folder_paths.temp_directory": os.path.join(base, "temp"),
        "folder_paths.supported_pt_extensions": standard,
        "folder_paths.folder_names_and_paths": _names_and_paths(table, standard),
        "nodes.NODE_CLASS_MAPPINGS": machine.direct,
    }


def _names_and_paths(table: FolderTable, standard: Row) -> Table:
    """ComfyUI's own table; most folders share one set of extensions, which a pack may add to."""
    names = Table()
    for name, (roots, extensions) in table.snapshot().items():
        shared = extensions == table.standard_extensions
        names[name] = (Row(roots), standard if shared else Row(sorted(extensions)))
    return names


def registered_folders(machine: Machine, before: Folders) -> Folders:
    """The folders that are new or changed after the pack's code ran, as far as all about them is known."""
    names = machine.constants["folder_paths.folder_names_and_paths"]
    changed: Folders = {}
    for name, entry in names.items() if isinstance(names, Table) else ():
        match entry:
            case (Row() | tuple() as roots, Row() | tuple() | Table() as extensions, *_) if isinstance(name, str):
                known = _texts(roots), frozenset(_texts(extensions))
                if known[0] and before.get(name) != known:
                    changed[name] = known
    return changed


def shared_roots(machine: Machine) -> dict[str, str]:
    """Folders that have the very list of roots of an earlier one, so that they get what is added to that later."""
    names = machine.constants["folder_paths.folder_names_and_paths"]
    first: dict[int, str] = {}
    shared: dict[str, str] = {}
    for name, entry in names.items() if isinstance(names, Table) else ():
        match entry:
            case (Row() as roots, *_) if isinstance(name, str) and first.setdefault(id(roots), name) != name:
                shared[name] = first[id(roots)]
    return shared


def _texts(items: Row | tuple[object, ...] | Table) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if isinstance(item, str)))


def _entry(machine: Machine, name: object) -> tuple[Row, Row] | None:
    """Roots and extensions of a folder; a new one is made."""
    names = machine.constants["folder_paths.folder_names_and_paths"]
    if not isinstance(name, str) or not isinstance(names, Table):
        return None
    name = LEGACY_NAMES.get(name, name)
    entry = names.setdefault(name, (Row(), Row()))
    match entry:
        case (Row() as roots, Row() as extensions, *_):
            return roots, extensions
    return None


def _add_model_folder_path(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    name = args[0] if args else keywords.get("folder_name")
    path = args[1] if len(args) > 1 else keywords.get("full_folder_path")
    first = (args[2:] or [keywords.get("is_default", False)])[0]
    if isinstance(path, str) and (entry := _entry(machine, name)):
        if first is True:
            entry[0][:] = [path, *(root for root in entry[0] if root != path)]
        elif path not in entry[0]:
            append(entry[0], path, doubt=False)
    return None


def _get_filename_list(_machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    name = args[0] if args else keywords.get("folder_name")
    if not isinstance(name, str):
        return Row(is_open=True)
    return Row(is_open=True, folders=(LEGACY_NAMES.get(name, name),))


def _get_folder_paths(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    names = machine.constants["folder_paths.folder_names_and_paths"]
    name = LEGACY_NAMES.get(args[0], args[0]) if isinstance(args[0], str) else None
    entry = names.get(name) if isinstance(names, Table) else None
    match entry:
        case (Row() as roots, *_):
            return Row(roots, is_open=roots.open)
    return UNKNOWN


def _directory(name: str) -> Call:
    def call(machine: Machine, _args: list[object], _keywords: dict[str, object]) -> object:
        return os.path.join(str(machine.constants["folder_paths.base_path"]), name)

    return call


COMFY_LIBRARY: Final[dict[str, Call]] = {
    "folder_paths.add_model_folder_path": _add_model_folder_path,
    "folder_paths.get_filename_list": _get_filename_list,
    "folder_paths.get_folder_paths": _get_folder_paths,
    **{f"folder_paths.get_{name}_directory": _directory(name) for name in ("output", "input", "temp", "user")},
}
