"""What node packs can import in an installation, looked at from outside."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from comfyfixer.inventory.environment import find_environment
from comfyfixer.inventory.reading.surroundings import Surroundings
from comfyfixer.model.inventory import Installation

_MAX_BYTES: Final = 1 << 16


def surroundings(installation: Installation, pack_roots: Iterable[str]) -> Surroundings | None:
    """Everything that can be imported, None where ComfyUI's code or its Python is not known for sure."""
    environment = find_environment(installation)
    code = installation.code_dir
    if environment is None or not environment.closed or code is None:
        return None
    own = [code, os.path.join(code, "comfy")]
    modules = {name.lower() for name in (*sys.stdlib_module_names, *sys.builtin_module_names, "__main__")}
    modules |= environment.modules | {name.replace("-", "_") for name in environment.versions}
    for folder in (*own, *(path for site in environment.site_packages for path in _linked(site))):
        modules.update(_names(folder))
    packs = {name for root in pack_roots for name in _names(root)}
    searched = frozenset(os.path.normcase(os.path.normpath(folder)) for folder in (*own, *pack_roots))
    return Surroundings(modules=frozenset(modules), packs=frozenset(packs), searched=searched)


def _names(folder: str) -> list[str]:
    """What `import` may find in a folder, in lower case."""
    try:
        return [name.partition(".")[0].lower() for name in os.listdir(folder)]
    except OSError:
        return []


def _linked(site_packages: str) -> Iterator[str]:
    """The folders that `.pth` files add to `sys.path`."""
    try:
        files = [name for name in os.listdir(site_packages) if name.endswith(".pth")]
    except OSError:
        return
    for name in files:
        file = Path(site_packages, name)
        try:
            text = file.read_text("utf-8") if file.stat().st_size <= _MAX_BYTES else ""
        except (OSError, ValueError):
            continue
        yield from (os.path.join(site_packages, line) for line in text.split("\n") if os.path.isdir(file.parent / line))
