"""PNG and animated PNG: text chunks before or after the picture, some even behind the end chunk."""

import struct
import zlib
from typing import Final

from comfyfixer.scan.media.exif import exif_texts
from comfyfixer.scan.media.source import MAX_HEADERS, MAX_TEXT, Source, Texts

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_TEXTS: Final = (b"tEXt", b"iTXt", b"zTXt", b"comf", b"eXIf")
_KEYS: Final = frozenset({"workflow", "prompt", "parameters", "comment", "usercomment", "description"})
_LONGEST_KEY: Final = 80
_MAX_TEXTS: Final = 32


def png_texts(source: Source) -> Texts:
    """Texts of all text chunks (`comf` is ComfyUI's own, of animated PNGs)."""
    texts: Texts = []
    left = MAX_TEXT
    offset = len(MAGIC)
    for _ in range(MAX_HEADERS):
        header = source.at(offset, 8)
        if len(header) < 8 or not header[4:].isalpha():
            break
        length, kind = struct.unpack(">I4s", header)
        if kind in _TEXTS and len(texts) < _MAX_TEXTS:
            found = _chunk(kind, source.text(offset + 8, length), left)
            left -= sum(len(text) for _, text in found)
            texts += found
        offset += length + 12
    return texts


def _chunk(kind: bytes, data: bytes, longest: int) -> Texts:
    """The texts of one chunk; what is compressed is unpacked up to `longest` bytes."""
    if kind == b"eXIf":
        return exif_texts(data)
    key, _, rest = data.partition(b"\0")
    name = key[:_LONGEST_KEY].decode("latin-1").strip().lower()
    if name not in _KEYS:
        return []
    if kind == b"zTXt":
        rest = inflated(rest[1:], longest)
    elif kind == b"iTXt":
        rest = _international(rest, longest)
    return [(name, rest)]


def _international(data: bytes, longest: int) -> bytes:
    """Behind the key: compressed or not, method, language, translated key, text."""
    packed, parts = data[:1] == b"\x01", data[2:].split(b"\0", 2)
    if len(parts) < 3:
        return b""
    return inflated(parts[2], longest) if packed else parts[2]


def inflated(data: bytes, longest: int) -> bytes:
    """Decompressed, up to `longest` bytes; empty where the data is broken."""
    try:
        return zlib.decompressobj().decompress(data, longest) if longest > 0 else b""
    except zlib.error:
        return b""
