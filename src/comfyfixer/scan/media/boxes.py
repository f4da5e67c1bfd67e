"""ISO media boxes: MP4, MOV, M4V, M4A, AVIF and their kin."""

import struct
from collections.abc import Iterator
from typing import Final

from comfyfixer.scan.media.exif import exif_texts, keyed
from comfyfixer.scan.media.source import MAX_HEADERS, Source, Texts

_INTO: Final = frozenset({b"moov", b"udta"})
_COMMENTS: Final = frozenset({b"\xa9cmt", b"\xa9des", b"desc", b"\xa9nam", b"ldes"})
_MAX_DEPTH: Final = 8
_MAX_ITEMS: Final = 10_000
_STILL: Final = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")

Box = tuple[bytes, int, int]
"""Kind, and where its content starts and ends."""


def is_box_file(head: bytes) -> bool:
    """Whether the first bytes are a file type box, or one that old QuickTime files start with."""
    return head[4:8] in (b"ftyp", b"moov", b"wide")


def is_still(head: bytes) -> bool:
    """Whether the file type is that of a picture."""
    return head[4:8] == b"ftyp" and head[8:12] in _STILL


def boxes(source: Source, start: int, end: int) -> Iterator[Box]:
    """Boxes side by side; a box that says that it reaches beyond its parent ends where the parent does."""
    for _ in range(MAX_HEADERS):
        header = source.at(start, 16)
        if len(header) < 8 or start + 8 > end:
            return
        size, kind = struct.unpack(">I4s", header[:8])
        inside = start + 8
        if size == 1 and len(header) == 16:
            size, inside = struct.unpack(">Q", header[8:])[0], start + 16
        elif size == 0:
            size = end - start
        if size < inside - start:
            return
        yield kind, inside, min(start + size, end)
        start += size


def movie_texts(source: Source) -> Texts:
    """Texts in `udta`/`meta`, with keys (`mdta`) or as a comment (`©cmt`) that holds JSON."""
    texts: Texts = []
    _into(source, 0, source.size, 0, texts)
    return texts


def _into(source: Source, start: int, end: int, depth: int, texts: Texts) -> None:
    for kind, inside, after in boxes(source, start, end):
        if kind in _INTO and depth < _MAX_DEPTH:
            _into(source, inside, after, depth + 1, texts)
        elif kind == b"meta":
            texts += _meta(source, _meta_start(source, inside), after)
        elif kind in _COMMENTS and after - inside > 4:
            texts += keyed(source.text(inside + 4, after - inside - 4).rstrip(b"\0"))  # QuickTime: length, language


def _meta_start(source: Source, inside: int) -> int:
    """QuickTime's `meta` has no version in front of its boxes."""
    return inside if source.at(inside + 4, 4) in (b"hdlr", b"keys", b"ilst") else inside + 4


def _meta(source: Source, start: int, end: int) -> Texts:
    keys: list[str] = []
    texts: Texts = []
    for kind, inside, after in boxes(source, start, end):
        if kind == b"keys":
            keys = _keys(source.text(inside, after - inside))
        elif kind == b"ilst":
            for entry, value_start, value_end in boxes(source, inside, after):
                texts += _entry(source, entry, value_start, value_end, keys)
    return texts


def _keys(data: bytes) -> list[str]:
    names: list[str] = []
    offset = 8
    while offset + 8 <= len(data) and len(names) < _MAX_ITEMS:
        size = struct.unpack_from(">I", data, offset)[0]
        if size < 8:
            break
        names.append(data[offset + 8 : offset + size].decode("utf-8", "replace").lower())
        offset += size
    return names


def _entry(source: Source, kind: bytes, start: int, end: int, keys: list[str]) -> Texts:
    number = struct.unpack(">I", kind)[0]
    name = keys[number - 1] if 0 < number <= len(keys) else ""
    for part, inside, after in boxes(source, start, end):
        if part == b"data" and after - inside > 8:
            text = source.text(inside + 8, after - inside - 8)
            return [(name, text)] if name in ("workflow", "prompt") else keyed(text)
    return []


def still_texts(source: Source) -> Texts:
    """Texts of the EXIF item of a picture in boxes."""
    for kind, inside, after in boxes(source, 0, source.size):
        if kind == b"meta":
            return _items(source, inside + 4, after)
    return []


def _items(source: Source, start: int, end: int) -> Texts:
    exif: set[int] = set()
    places: dict[int, list[tuple[int, int]]] = {}
    for kind, inside, after in boxes(source, start, end):
        if kind == b"iinf":
            exif = _exif_items(source, inside, after)
        elif kind == b"iloc":
            places = _item_places(source.text(inside, after - inside))
    texts: Texts = []
    for item in sorted(exif):
        data = b"".join(source.text(offset, length) for offset, length in places.get(item, ()))
        if len(data) > 4:
            texts += exif_texts(data[4 + min(struct.unpack(">I", data[:4])[0], len(data)) :])
    return texts


def _exif_items(source: Source, start: int, end: int) -> set[int]:
    wide = source.at(start, 1) != b"\0"
    found: set[int] = set()
    for kind, inside, after in boxes(source, start + (8 if wide else 6), end):
        entry = source.text(inside, min(after - inside, 64))
        if kind != b"infe" or len(entry) < 12:
            continue
        item_wide = entry[0] >= 3
        item = struct.unpack_from(">I" if item_wide else ">H", entry, 4)[0]
        if entry[10 if item_wide else 8 :][:4] == b"Exif":
            found.add(item)
    return found


def _item_places(data: bytes) -> dict[int, list[tuple[int, int]]]:
    """Item to its extents in the file; items kept elsewhere have none."""
    try:
        return _iloc(data)
    except (struct.error, IndexError):
        return {}


def _iloc(data: bytes) -> dict[int, list[tuple[int, int]]]:
    version, sizes = data[0], struct.unpack_from(">H", data, 4)[0]
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    wide = version == 2
    items = struct.unpack_from(">I" if wide else ">H", data, 6)[0]
    place = 10 if wide else 8
    found: dict[int, list[tuple[int, int]]] = {}

    def number(size: int) -> int:
        nonlocal place
        if place + size > len(data):
            raise IndexError
        place += size
        return int.from_bytes(data[place - size : place], "big")

    left = _MAX_ITEMS  # extents without offset and length take no bytes: there can be as many as a file likes to say
    for _ in range(min(items, _MAX_ITEMS)):
        item = number(4 if wide else 2)
        method = number(2) & 15 if version in (1, 2) else 0
        number(2)
        base = number(base_size)
        extents = []
        count = min(number(2), left)
        left -= count
        for _ in range(count):
            number(index_size)
            start = base + number(offset_size)
            extents.append((start, number(length_size)))
        found[item] = extents if method == 0 else []
    return found
