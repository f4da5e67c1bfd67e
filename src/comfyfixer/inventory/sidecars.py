"""Metadata files that lie where a missing model belongs."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from comfyfixer.errors import UnsafeName
from comfyfixer.model.sidecar import Sidecar
from comfyfixer.paths import inside
from comfyfixer.resolve.sidecars import names_beside, sidecar

_LARGEST: Final = 4 << 20
_MAX_ROOTS: Final = 8


def sidecars_beside(roots: Iterable[str], value: str) -> tuple[Sidecar, ...]:
    """What the metadata files of a model say; what can't be read says nothing.

    Args:
        roots: Of the model's folder.
        value: The model's path below a root, as the workflow has it; either slash, hostile.
    """
    found: list[Sidecar] = []
    for root in list(roots)[:_MAX_ROOTS]:
        try:
            place = inside(Path(root), value)
        except UnsafeName:
            return ()
        for name in names_beside(place.name):
            document = _bytes(root, place.with_name(name))
            if document and (told := sidecar(name, document, place.name)):
                found.append(told)
    return tuple(found)


def _bytes(root: str, path: Path) -> bytes:
    """The content; nothing where it can't be read, is larger, is no plain file, or lies outside the root in truth."""
    try:
        if not os.path.isfile(path) or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
            return b""
        with path.open("rb") as file:
            document = file.read(_LARGEST + 1)
    except (OSError, ValueError):
        return b""
    return document if len(document) <= _LARGEST else b""
