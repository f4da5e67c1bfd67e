"""Which node types a pack registers, what their loaders list, which model folders it adds: from its source alone."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from comfyfixer.inventory.collector import without_garbage_collection
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.pack_source import PackSource
from comfyfixer.inventory.reading.collections import walk
from comfyfixer.inventory.reading.comfy import add_constants, registered_folders, shared_roots
from comfyfixer.inventory.reading.interpreter import Interpreter
from comfyfixer.inventory.reading.loader_inputs import loader_inputs
from comfyfixer.inventory.reading.machine import Raised, Returned, TooMuch
from comfyfixer.inventory.reading.schema import schema_id
from comfyfixer.inventory.reading.surroundings import Surroundings
from comfyfixer.inventory.reading.values import UNKNOWN, Class, Instance, Table

_MAX_TYPES: Final = 10_000


def read_node_source(
    main_file: Path,
    table: FolderTable,
    code_dir: str | None = None,
    *,
    loaders: bool = True,
    around: Surroundings | None = None,
) -> PackSource:
    """Read a pack from its `__init__.py`, or a single-file pack; nothing of it is imported or run.

    Args:
        loaders: Also read what its loaders list.
        around: What can be imported, None where that is not known.
    """
    with without_garbage_collection():
        source = _read_once(Interpreter(str(main_file), around), table, code_dir, loaders=loaders)
        if not source.lacking:
            return source
        whole = _read_once(Interpreter(str(main_file)), table, code_dir, loaders=False)
        return msgspec.structs.replace(source, unloaded=whole.node_types - source.node_types)


def _read_once(interpreter: Interpreter, table: FolderTable, code_dir: str | None, *, loaders: bool) -> PackSource:
    source = _read(interpreter, table, code_dir, loaders=loaders)
    interpreter.forget()
    return source


def _read(interpreter: Interpreter, table: FolderTable, code_dir: str | None, *, loaders: bool) -> PackSource:
    add_constants(interpreter, table, code_dir)
    before = table.snapshot()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Packs have strings such as "\\d", which Python warns of.
        _bounded(interpreter, lambda: interpreter.run(interpreter.main))
        registered = _bounded(interpreter, lambda: _registered(interpreter))
        classes = Table(is_open=True) if registered is None else registered
        folders, shared = registered_folders(interpreter, before), shared_roots(interpreter)
        inputs = loader_inputs(interpreter, classes) if loaders else {}
    sure = [name for name in classes if isinstance(name, str) and name not in classes.doubtful][:_MAX_TYPES]
    why = [*interpreter.incomplete, *interpreter.unreadable]
    if classes.open or classes.doubtful or not all(isinstance(name, str) for name in classes):
        why.append("a part of its node types depends on what reading can't decide")
    return PackSource(
        node_types=frozenset(sure),
        complete=not why,
        why_incomplete=tuple(why[:50]),
        inputs=inputs,
        folders=folders,
        shared=shared,
        lacking=tuple(sorted(interpreter.lacking)),
        unreadable=dict(interpreter.unreadable),
    )


_T = TypeVar("_T")


def _bounded(interpreter: Interpreter, work: Callable[[], _T]) -> _T | None:
    """Do a part of the reading with a budget of its own; where that is not enough, what was found so far counts."""
    interpreter.steps = interpreter.doubt = 0
    try:
        return work()
    except (TooMuch, RecursionError, Raised, Returned):
        interpreter.incomplete.append("it does more at import than is followed here")
        return None


def _registered(interpreter: Interpreter) -> Table:
    """Type to class, as `nodes.py` collects them: the old mapping if there is one, else the V3 entry point."""
    names = interpreter.main.scope.names
    mapping = interpreter.force(names, "NODE_CLASS_MAPPINGS") if "NODE_CLASS_MAPPINGS" in names else None
    if mapping is None and "comfy_entrypoint" in names:
        mapping = _from_entry_point(interpreter)
    if not isinstance(mapping, Table):
        unknown = mapping is not None or interpreter.main.open
        mapping = Table(is_open=unknown)
    mapping.update(interpreter.direct)
    return mapping


def _from_entry_point(interpreter: Interpreter) -> Table:
    extension = interpreter.call(interpreter.force(interpreter.main.scope.names, "comfy_entrypoint"), [], {})
    nodes: object = UNKNOWN
    if isinstance(extension, Instance | Class):
        nodes = interpreter.call(interpreter.attribute(extension, "get_node_list"), [], {})
    classes, is_open, _ = walk(nodes)
    table = Table(is_open=is_open)
    for node in classes:
        node_id = _bounded(interpreter, functools.partial(schema_id, interpreter, node))
        if node_id is None:
            table.open = True
        else:
            table[node_id] = node
    return table
