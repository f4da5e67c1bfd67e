"""Reading hubs' answers: what is not in the known form does not spoil the rest, and is not forgotten."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from comfyfixer.resolve.likeness import stem_words
from comfyfixer.resolve.names import MODEL_EXTENSIONS

T = TypeVar("T", bound=msgspec.Struct)

_HEX: Final = re.compile(r"[0-9a-f]{8,64}")
_LENGTHS: Final = {"sha256": 64, "blake3": 64, "autov2": 10, "autov3": 12, "crc32": 8}
_MAX_NAME: Final = 255
_MAX_BYTES: Final = 1 << 45
_MIN_WORD: Final = 3
_ODD: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def readable(items: Iterable[msgspec.Raw], item_type: type[T], lost: list[bytes]) -> Iterator[T]:
    """The items that have the known form; of an odd field, where there can be one, only the field is left out.

    Args:
        lost: Takes the items that can't be read: one of them may be another file of the wanted name.
    """
    for item in items:
        try:
            yield msgspec.json.decode(item, type=item_type, strict=False)
        except _ODD:
            try:
                yield _by_fields(item, item_type)
            except _ODD:
                lost.append(bytes(item))


def _by_fields(item: msgspec.Raw, item_type: type[T]) -> T:
    values = msgspec.json.decode(item, type=dict[str, msgspec.Raw])
    kept = {}
    for field in msgspec.structs.fields(item_type):
        if field.encode_name not in values:
            continue
        try:
            kept[field.name] = msgspec.json.decode(values[field.encode_name], type=field.type, strict=False)
        except _ODD:
            if field.required:
                raise
    if any(field.required and field.name not in kept for field in msgspec.structs.fields(item_type)):
        raise msgspec.ValidationError("a required field is missing")
    return item_type(**kept)


def may_carry(row: bytes, filename: str) -> bool:
    """Whether a row that can't be read may be about a file of this name: it holds one of the name's words."""
    text = row.decode(errors="replace").lower()
    words = [word for word in stem_words(filename) if len(word) >= _MIN_WORD and word.isalpha()]
    return "\\u" in text or (not words and text != "null") or any(word in text for word in words)


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


def is_plain_path(path: str) -> bool:
    """True for a path that a repository can have and that leads nowhere else: no `..`, no root, nothing hidden."""
    return path.isprintable() and "\\" not in path and not {"", ".", ".."}.intersection(path.split("/"))
