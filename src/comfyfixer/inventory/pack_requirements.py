"""Packs with what they require of Python and do not find there."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from comfyfixer.inventory.environment import Environment
from comfyfixer.inventory.requirements import lacking
from comfyfixer.model.inventory import NodePack

_SHOWN = 5


def with_requirements(
    packs: Iterable[NodePack], environment: Environment | None, used: frozenset[str]
) -> tuple[NodePack, ...]:
    """The same packs; those that have a type of `used`, or failed to be imported, with what they lack.

    Args:
        environment: ComfyUI's Python, None where it was not found: then nothing is known to be lacking.
    """
    return tuple(_examined(pack, environment) if _matters(pack, used) else pack for pack in packs)


def _matters(pack: NodePack, used: frozenset[str]) -> bool:
    return pack.enabled and bool(pack.path) and (pack.failed is not None or not used.isdisjoint(pack.node_types))


def _examined(pack: NodePack, environment: Environment | None) -> NodePack:
    path, failed = Path(pack.path), pack.failed is not None
    lacks = lacking(path, environment, versions=failed) if environment else ()
    if not failed:
        return msgspec.structs.replace(pack, lacks=lacks)
    return msgspec.structs.replace(pack, lacks=lacks, failed=f"{pack.failed}: {_cause(lacks)}")


def _cause(lacks: tuple[str, ...]) -> str:
    if not lacks:
        return "ComfyUI's log says why its import failed; if the pack is new, restart ComfyUI"
    more = f" and {len(lacks) - _SHOWN} more" if len(lacks) > _SHOWN else ""
    shown = ", ".join(f"`{name}`" for name in lacks[:_SHOWN])
    return f"it requires {shown}{more}, which ComfyUI's Python does not have"
