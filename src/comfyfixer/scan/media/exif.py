"""Texts in EXIF, as WebP, JPEG, AVIF and some PNGs hold them: `workflow:{…}` in any text tag, JSON, or parameters."""

import struct
from typing import Final

from comfyfixer.scan.media.source import Texts

_BYTE: Final = 1
_ASCII: Final = 2
_UNDEFINED: Final = 7
_EXIF_IFD: Final = 0x8769
_USER_COMMENT: Final = 0x9286
_MAX_ENTRIES: Final = 512
_MAX_DIRECTORIES: Final = 16
_CODES: Final = {b"UNICODE\0": "utf-16", b"ASCII\0\0\0": "utf-8", b"\0" * 8: "utf-8"}


def exif_texts(data: bytes) -> Texts:
    """Texts of the first directory and of the EXIF directory behind it; empty where the data is broken."""
    start = 6 if data.startswith(b"Exif\0\0") else 0
    data = data[start:]
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return []
    texts: Texts = []
    pending, seen, left = [struct.unpack(order + "I", data[4:8])[0]], set[int](), [len(data)]
    while pending:
        offset = pending.pop()
        if offset not in seen and len(seen) < _MAX_DIRECTORIES:
            seen.add(offset)
            pending += _directory(data, offset, order, texts, left)
    return texts


def _directory(data: bytes, offset: int, order: str, texts: Texts, left: list[int]) -> list[int]:
    """Collect the texts of one directory; gives the directories it points to.

    Args:
        left: Bytes that texts may still have: entries that share their bytes are no writer's.
    """
    further: list[int] = []
    count = struct.unpack_from(order + "H", data, offset)[0] if offset + 2 <= len(data) else 0
    for entry in range(min(count, _MAX_ENTRIES)):
        place = offset + 2 + 12 * entry
        if place + 12 > len(data):
            break
        tag, kind, length, value = struct.unpack_from(order + "HHII", data, place)
        if tag == _EXIF_IFD:
            further.append(value)
        elif kind in (_BYTE, _ASCII, _UNDEFINED) and length <= left[0]:
            left[0] -= length
            start = place + 8 if length <= 4 else value
            texts += keyed(_text(tag, data[start : start + length], order))
    return further


def _text(tag: int, data: bytes, order: str) -> bytes:
    if tag != _USER_COMMENT:
        return data.rstrip(b"\0")
    encoding = _CODES.get(data[:8])
    if encoding is None:
        return data.rstrip(b"\0")
    if encoding == "utf-16":
        is_big = data[8:9] == b"\0" or (order == ">" and data[9:10] != b"\0")
        encoding = "utf-16-be" if is_big else "utf-16-le"
    return data[8:].decode(encoding, "replace").rstrip("\0").encode()


def keyed(text: bytes) -> Texts:
    """A text with the key it carries itself: `workflow:{…}`, a bare JSON object, or other programs' parameters."""
    key, colon, rest = text.partition(b":")
    name = key.strip().decode("latin-1").lower()
    if colon and name in ("workflow", "prompt") and rest.lstrip()[:1] == b"{":
        return [(name, rest.strip())]
    if text.lstrip()[:1] == b"{":
        return [("", text.strip())]
    return [("parameters", text)] if b"Steps: " in text else []
