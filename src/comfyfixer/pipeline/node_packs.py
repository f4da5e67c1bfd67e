"""What registers node types: a running ComfyUI where the user named one, the packs' files, and the lists of packs."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from comfyfixer.errors import SourceError
from comfyfixer.model.inventory import Inventory, NodePack
from comfyfixer.model.library import Library
from comfyfixer.model.missing import MissingNode
from comfyfixer.model.problem import Problem
from comfyfixer.paths import printable
from comfyfixer.pipeline.session import Session

if TYPE_CHECKING:
    from comfyfixer.inventory.environment import Environment
    from comfyfixer.resolve.pack_lists import PackLists


def known_from_running(session: Session, inventory: Inventory) -> Inventory:
    """The inventory as the running ComfyUI tells it, where the settings name one and it answers."""
    url = session.settings.comfyui_url
    if url is None:
        return inventory
    from comfyfixer.inventory.as_running import as_running, is_same_installation
    from comfyfixer.inventory.running import ask_running
    from comfyfixer.net.client import make_client
    from comfyfixer.redact import plain

    try:
        with make_client(session.settings, session.emit, cache_path=None) as client:
            running = ask_running(client, url)
    except SourceError as error:
        session.found_problem(_unanswered(url, error))
        return inventory
    types = len(running.builtin_types) + sum(map(len, running.pack_types.values()))
    session.emit("comfyui.asked", url=url, version=running.version, types=types)
    if running.pack_roots and not is_same_installation(inventory, running):
        session.note(
            f"The ComfyUI at {url} loads its packs from `{plain(running.pack_roots[0])}`: its node types count, the "
            f"packs in `{printable(inventory.installation.base_dir)}` are not compared with it"
        )
    return as_running(inventory, running)


def missing_nodes(session: Session, library: Library, inventory: Inventory) -> tuple[MissingNode, ...]:
    """The node types that nothing installed registers, each with the pack that the installation's own lists name."""
    used = library.custom.keys()
    failed = any(pack.failed for pack in inventory.packs)
    if not used and not failed and library.node_types.keys() | library.core.keys() <= inventory.builtin_types:
        return ()
    from comfyfixer.inventory.builtin_types import builtin_since
    from comfyfixer.inventory.environment import find_environment
    from comfyfixer.inventory.pack_requirements import with_requirements
    from comfyfixer.resolve.missing_nodes import find_missing_nodes

    environment = find_environment(inventory.installation) if used or failed else None
    packs = with_requirements(inventory.packs, environment, frozenset(used))
    lists = None
    if not used <= inventory.builtin_types.union(*(pack.node_types for pack in packs if _works(pack))):
        lists = _installed_lists(session, inventory, environment)
    known = msgspec.structs.replace(inventory, packs=packs)
    found = find_missing_nodes(library, known, lists=lists, since=builtin_since())
    for sentence in found.notes:
        session.note(sentence)
    return found.missing


def _works(pack: NodePack) -> bool:
    return pack.enabled and pack.failed is None


def _unanswered(url: str, error: SourceError) -> Problem:
    return Problem(
        code=error.code,
        message=f"The running ComfyUI gave no answer, its files are read instead: {error.message}",
        hint="Start it, or correct `comfyui_url`",
        where=url,
    )


def _installed_lists(session: Session, inventory: Inventory, environment: "Environment | None") -> "PackLists | None":
    """ComfyUI-Manager's lists of this installation; damaged ones are told, and count as not there."""
    from comfyfixer.inventory.manager_lists import read_manager_lists
    from comfyfixer.resolve.pack_lists import PackLists

    packages = environment.site_packages if environment else ()
    found = read_manager_lists(inventory.installation.base_dir, dict.fromkeys(_pack_folders(inventory)), packages)
    if found is None:
        return None
    try:
        return PackLists(found.node_map, found.node_list, found.stats, found_by="installed-list")
    except ValueError as error:
        message = f"ComfyUI-Manager's list of node types can't be used: {error}"
        session.found_problem(
            Problem(code="pack-unreadable", message=message, hint="`comfyfixer resolve` asks for a new one")
        )
        return None


def _pack_folders(inventory: Inventory) -> Iterator[str]:
    yield str(Path(inventory.installation.base_dir, "custom_nodes"))
    yield from (os.path.dirname(pack.path) for pack in inventory.packs if pack.path)
