"""Reading hubs' answers: what is not in the known form is left out, and does not spoil the rest."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from comfyfixer.resolve.names import MODEL_EXTENSIONS

T = TypeVar("T")

_HEX: Final = re.compile(r"[0-9a-f]{8,64}")
_LENGTHS: Final = {"sha256": 64, "blake3": 64, "autov2": 10, "autov3": 12, "crc32": 8}
_MAX_NAME: Final = 255
_MAX_BYTES: Final = 1 << 45


def readable(items: Iterable[msgspec.Raw], item_type: type[T]) -> Iterator[T]:
    """The items that have the known form."""
    for item in items:
        try:
            yield msgspec.json.decode(item, type=item_type, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue


def known_hashes(hashes: dict[str, str | None]) -> dict[str, str]:
    """Lower-case algorithm to lower-case hex, without what is no such hash."""
    pairs = ((name.lower(), value.lower()) for name, value in hashes.items() if value)
    return {name: value for name, value in pairs if len(value) == _LENGTHS.get(name) and _HEX.fullmatch(value)}


def exact_size(size: float | None) -> int | None:
    """Whole bytes, None for what no file has."""
    return round(size) if size is not None and 0 < size < _MAX_BYTES else None


def base_of(path: str) -> str:
    """The last part of a path in a repository."""
    return path.rpartition("/")[2]


def is_model_name(name: str) -> bool:
    """True for a plain name of a model file that can be shown."""
    return 0 < len(name) <= _MAX_NAME and name.isprintable() and name.lower().endswith(MODEL_EXTENSIONS)
