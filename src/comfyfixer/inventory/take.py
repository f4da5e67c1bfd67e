"""Everything the local installation has, as one value."""

import time
from pathlib import Path

from comfyfixer.inventory.builtin_types import builtin_types
from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.packs import read_packs
from comfyfixer.inventory.source_cache import SourceCache
from comfyfixer.inventory.walk import list_models
from comfyfixer.model.event import Emit
from comfyfixer.model.inventory import Installation, Inventory


def take(installation: Installation, emit: Emit, *, cache_file: Path | None = None) -> Inventory:
    """Read folders, files and node packs; what can't be read becomes a problem, and the rest goes on.

    Args:
        cache_file: Where what was read of sources is kept for the next run; None keeps nothing.
    """
    started = time.perf_counter()
    table, problems = read_folders(installation)
    cache = SourceCache(cache_file, table)
    builtin = builtin_types(installation.code_dir, table, cache)
    packs, pack_problems = read_packs(table, installation.code_dir, cache)
    cache.save()
    folders = table.model_folders()
    models, walk_problems = list_models(folders.values())
    inventory = Inventory(
        installation=installation,
        folders=folders,
        models=models,
        packs=packs,
        builtin_types=builtin,
        problems=(*problems, *pack_problems, *walk_problems),
    )
    for problem in inventory.problems:
        emit("problem.found", code=problem.code, message=problem.message, hint=problem.hint, where=problem.where)
    seconds = round(time.perf_counter() - started, 3)
    emit("inventory.taken", models=len(models), packs=len(packs), seconds=seconds)
    return inventory
