"""Everything the local installation has, as one value."""

import functools
import time
from pathlib import Path

from comfyfixer.inventory.comfyui_version import comfyui_version
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.walk import list_models
from comfyfixer.model.event import Emit
from comfyfixer.model.inventory import Installation, Inventory, NodePack
from comfyfixer.model.problem import Problem


def take(installation: Installation, emit: Emit, *, sources: bool = True, cache_file: Path | None = None) -> Inventory:
    """Read folders, files and node packs; what can't be read becomes a problem, and the rest goes on.

    Args:
        sources: Read the sources of ComfyUI and the packs too; without, packs and built-in types stay empty.
        cache_file: Where what was read of sources is kept for the next run; None keeps nothing.
    """
    started = time.perf_counter()
    table, problems = read_folders(installation)
    packs, builtin, pack_problems = _read_sources(installation, table, cache_file) if sources else ((), frozenset(), [])
    folders = table.model_folders()
    models, walk_problems = list_models(folders.values())
    inventory = Inventory(
        installation=installation,
        folders=folders,
        models=models,
        packs=packs,
        builtin_types=builtin,
        comfyui_version=comfyui_version(installation.code_dir),
        problems=(*problems, *pack_problems, *walk_problems),
    )
    for problem in inventory.problems:
        emit("problem.found", code=problem.code, message=problem.message, hint=problem.hint, where=problem.where)
    seconds = round(time.perf_counter() - started, 3)
    emit("inventory.taken", models=len(models), packs=len(packs), seconds=seconds)
    return inventory


def _read_sources(
    installation: Installation, table: FolderTable, cache_file: Path | None
) -> tuple[tuple[NodePack, ...], frozenset[str], list[Problem]]:
    """Installed packs and ComfyUI's own types; the packs' folders are added to the table."""
    from comfyfixer.inventory.builtin_types import builtin_types
    from comfyfixer.inventory.environment import site_packages
    from comfyfixer.inventory.importable import surroundings
    from comfyfixer.inventory.packs import read_packs
    from comfyfixer.inventory.source_cache import SourceCache

    pack_roots = table.roots("custom_nodes")
    cache = SourceCache(cache_file, table, site_packages(installation))
    builtin = builtin_types(installation.code_dir, table, cache)
    around = functools.cache(lambda: surroundings(installation, pack_roots))
    packs, problems = read_packs(table, installation.code_dir, cache, around)
    cache.save()
    return packs, builtin, problems
