"""Installed node packs as ComfyUI loads them (`nodes.py`, `init_external_custom_nodes`)."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from comfyfixer.inventory.collector import without_garbage_collection
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.pack_identity import identify
from comfyfixer.inventory.pack_source import Folders, PackSource
from comfyfixer.inventory.reading.surroundings import Surroundings
from comfyfixer.inventory.script_nodes import script_nodes
from comfyfixer.inventory.source_cache import SourceCache
from comfyfixer.model.inventory import NodePack
from comfyfixer.model.problem import Problem
from comfyfixer.paths import printable

_DISABLED: Final = ".disabled"
_FEWEST: Final = 16
"""New packs from which on several processes pay: their start costs as much as reading some ten."""


def read_packs(
    table: FolderTable,
    code_dir: str | None,
    cache: SourceCache,
    around: Callable[[], Surroundings | None] = lambda: None,
) -> tuple[tuple[NodePack, ...], list[Problem]]:
    """All packs of all `custom_nodes` roots, sorted by name; the model folders they register are added to `table`.

    Args:
        around: What can be imported; asked only where a pack is read anew.
    """
    packs: list[NodePack] = []
    problems: list[Problem] = []
    registered: list[PackSource] = []
    before = table.snapshot()
    found = [pack for root in table.roots("custom_nodes") for pack in _pack_paths(Path(root), problems)]
    with without_garbage_collection():
        reader = _Reader(table, code_dir, cache, around)
        reader.read_many([path for path, enabled in found if enabled])
        for path, enabled in found:
            source = reader.read(path) if enabled else PackSource(complete=False)
            packs.append(_pack(path, source, enabled=enabled))
            registered.append(source)
            problems += _unreadable(path, source)
    _add_folders(table, registered, before)
    return tuple(sorted(packs, key=lambda pack: pack.name)), problems


def _add_folders(table: FolderTable, registered: list[PackSource], before: Folders) -> None:
    for source in registered:
        for name, (roots, extensions) in source.folders.items():
            table.merge(name, roots, extensions, before.get(name))
    for source in registered:
        for name, other in source.shared.items():
            table.share(name, other)


class _Reader:
    """Reads what the cache does not know, many packs side by side."""

    def __init__(
        self,
        table: FolderTable,
        code_dir: str | None,
        cache: SourceCache,
        around: Callable[[], Surroundings | None],
    ) -> None:
        self._table = table
        self._code_dir = code_dir
        self._cache = cache
        self._around = around
        self._read: dict[Path, PackSource] = {}

    def read_many(self, paths: Sequence[Path]) -> None:
        """Read those that are many enough for several processes; the others wait until each is asked for."""
        if len(paths) < _FEWEST:
            return
        new = [path for path in paths if not self._cache.has(printable(path), [str(path)])]
        if len(new) < _FEWEST:
            return
        from comfyfixer.inventory.pack_processes import read_in_processes

        mains = [_main_file(path) for path in new]
        sources = read_in_processes(mains, self._table, self._code_dir, self._around())
        self._read = dict(zip(new, sources, strict=False))

    def read(self, path: Path) -> PackSource:
        """What one pack's source tells."""
        return self._cache.get(printable(path), [str(path)], lambda: self._read.get(path) or self._read_here(path))

    def _read_here(self, path: Path) -> PackSource:
        from comfyfixer.inventory.node_source import read_node_source  # Costs start-up time only where it is needed.

        return read_node_source(_main_file(path), self._table, self._code_dir, around=self._around())


def _pack_paths(root: Path, problems: list[Problem]) -> Iterator[tuple[Path, bool]]:
    """Each pack below one root, and whether it is enabled."""
    for path in _entries(root, problems):
        if path.name == _DISABLED:
            # ComfyUI-Manager keeps what it switched off here, as `pack@version`.
            yield from ((inner, False) for inner in _entries(path, problems) if _is_pack(inner))
        elif _is_pack(path):
            yield path, not path.name.endswith(_DISABLED)


def _entries(folder: Path, problems: list[Problem]) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder) if entry.name != "__pycache__")
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(
            Problem(
                code="folder-unreadable",
                message=f"The folder `{printable(folder)[:200]}` can't be listed: {error.strerror or error}",
                hint="Check its permissions; node packs in it count as not installed until then",
                where=printable(folder),
            )
        )
        return []


def _is_pack(path: Path) -> bool:
    """A folder needs an `__init__.py`; a file is a pack of its own when it ends in `.py`."""
    if os.path.isdir(path):
        return os.path.isfile(path / "__init__.py")
    return os.path.splitext(path.name.removesuffix(_DISABLED))[1] == ".py"


def _main_file(path: Path) -> Path:
    return path / "__init__.py" if os.path.isdir(path) else path


def _pack(path: Path, source: PackSource, *, enabled: bool) -> NodePack:
    identity = identify(path)
    return NodePack(
        name=printable(path.name),
        path=printable(path),
        id=identity.id,
        version=identity.version,
        repository=identity.repository,
        commit=identity.commit,
        installed_from=identity.installed_from,
        managed=identity.managed,
        enabled=enabled,
        node_types=source.node_types | script_nodes(identity.repository, path.name) if enabled else frozenset(),
        complete=source.complete and enabled,
        inputs=source.inputs,
        unloaded=source.unloaded,
        not_importable=source.lacking,
    )


def _unreadable(path: Path, source: PackSource) -> list[Problem]:
    if not source.unreadable:
        return []
    file, reason = next(iter(source.unreadable.items()))
    more = f", and {len(source.unreadable) - 1} more files" if len(source.unreadable) > 1 else ""
    shown = "".join(letter for letter in reason[:200] if letter.isprintable())
    return [
        Problem(
            code="pack-unreadable",
            message=f"The node pack `{printable(path.name)[:100]}` can't be read whole: "
            f"`{printable(os.path.relpath(file, path if os.path.isdir(path) else path.parent))[:100]}` ({shown}){more}",
            hint="Its node types may be installed all the same; update the pack if ComfyUI can't import it either",
            where=printable(file),
        )
    ]
