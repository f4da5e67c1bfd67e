"""The inventory, with what a running ComfyUI says in place of what its files let expect."""

import os
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from comfyfixer.inventory.running import RunningComfyUI
from comfyfixer.inventory.script_nodes import script_nodes
from comfyfixer.model.inventory import Inventory, NodePack
from comfyfixer.model.reference import LoaderInput

_NOT_THERE: Final = "is installed, and the running ComfyUI has none of its nodes"


def as_running(inventory: Inventory, running: RunningComfyUI) -> Inventory:
    """What is registered there counts; a pack that is here and not there failed to be imported."""
    here = is_same_installation(inventory, running)
    judged = here and not running.selecting
    packs = [_pack(pack, running, judged=judged) if pack.enabled else pack for pack in inventory.packs]
    known = {_module(pack.name) for pack in inventory.packs if pack.enabled}
    return msgspec.structs.replace(
        inventory,
        builtin_types=running.builtin_types,
        comfyui_version=running.version or inventory.comfyui_version,
        packs=(*packs, *_others(running, known)),
        builtin_inputs=_inputs({}, running.builtin_types, running.inputs),
    )


def is_same_installation(inventory: Inventory, running: RunningComfyUI) -> bool:
    """Whether it loads its packs from the folder that was read."""
    own = _comparable(os.path.join(inventory.installation.base_dir, "custom_nodes"))
    return any(_comparable(root) == own for root in running.pack_roots)


def _comparable(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))


def _module(name: str) -> str:
    return name.removesuffix(".py")


def _pack(pack: NodePack, running: RunningComfyUI, *, judged: bool) -> NodePack:
    """A pack of this installation."""
    types = running.pack_types.get(_module(pack.name))
    scripts = script_nodes(pack.repository, pack.name)
    if types is not None:
        inputs = _inputs(pack.inputs, types, running.inputs)
        return msgspec.structs.replace(pack, node_types=types | scripts, complete=True, inputs=inputs)
    if judged and (pack.node_types - scripts or not pack.complete):
        return msgspec.structs.replace(pack, complete=True, failed=f"The pack `{pack.name}` {_NOT_THERE}")
    return pack


def _others(running: RunningComfyUI, known: set[str]) -> Iterator[NodePack]:
    """Packs that only the running ComfyUI has, in a folder that is not read here."""
    for name, types in sorted(running.pack_types.items()):
        if name not in known:
            inputs = _inputs({}, types, running.inputs)
            yield NodePack(name=name, path="", node_types=types, inputs=inputs)


def _inputs(
    known: Mapping[str, dict[str, LoaderInput]],
    types: frozenset[str],
    found: Mapping[str, dict[str, LoaderInput]],
) -> dict[str, dict[str, LoaderInput]]:
    """What the source tells, and in its place what the running ComfyUI tells."""
    return {
        name: {**known.get(name, {}), **found.get(name, {})} for name in sorted(types) if name in known or name in found
    }
