"""Containers whose head is JSON or attributes: SVG, GLB, safetensors and `.latent`, EXR."""

import re
import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from comfyfixer.scan.media.source import MAX_TEXT, Source, Texts

GLB: Final = b"glTF"
EXR: Final = b"\x76\x2f\x31\x01"
_KEYS: Final = ("workflow", "prompt")
_MAX_HEADER: Final = 100 * 1024 * 1024
"""The safetensors library itself refuses longer headers."""

_MAX_ATTRIBUTES: Final = 10_000
_OPENING: Final = re.compile(rb"<(metadata|desc)(?=[\s/>])[^<>]*+>")
_ENTITIES: Final = (
    (b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"), (b"&#39;", b"'"), (b"&#34;", b'"'),
    (b"&amp;", b"&"),
)  # fmt: skip
_CDATA: Final = re.compile(rb"<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)


class _Asset(msgspec.Struct):
    extras: dict[str, Any] | None = None


class _Gltf(msgspec.Struct):
    asset: _Asset | None = None


class _Safetensors(msgspec.Struct):
    metadata: dict[str, Any] | None = msgspec.field(default=None, name="__metadata__")


def is_svg(head: bytes) -> bool:
    """Whether a text starts as an SVG picture does."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE")) and b"<svg" in head


def is_safetensors(head: bytes, size: int) -> bool:
    """Whether the first bytes are a header's length and the beginning of an object."""
    return len(head) > 9 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= min(size - 8, _MAX_HEADER)


def svg_texts(source: Source) -> Texts:
    """JSON in the picture's `<metadata>` (ComfyUI) or `<desc>` (pictures of workflows)."""
    text = source.text(0, min(source.size, MAX_TEXT))
    found: Texts = []
    for inner in _inside(text):
        parts = _CDATA.findall(inner) or [_unescaped(inner)]
        found += [("", part.strip()) for part in parts if part.strip()[:1] == b"{"]
    return found


def _inside(text: bytes) -> Iterator[bytes]:
    """What stands in each element, up to its first end tag; one that is never closed ends the search."""
    end = 0
    while opening := _OPENING.search(text, end):
        end = text.find(b"</" + opening[1], opening.end())
        if end < 0:
            return
        yield text[opening.end() : end].strip()


def _unescaped(text: bytes) -> bytes:
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    return text


def glb_texts(source: Source) -> Texts:
    """Texts in `asset.extras` of the JSON chunk."""
    header = source.at(0, 20)
    if len(header) < 20 or header[16:20] != b"JSON":
        return []
    length = struct.unpack("<I", header[12:16])[0]
    read = _decoded(source.text(20, length), _Gltf)
    return _named(read.asset.extras if read and read.asset else None)


def safetensors_texts(source: Source) -> Texts:
    """Texts in `__metadata__` of the header."""
    length = struct.unpack("<Q", source.at(0, 8).ljust(8, b"\0"))[0]
    read = _decoded(source.at(8, length) if length <= _MAX_HEADER else b"", _Safetensors)
    return _named(read.metadata if read else None)


def exr_texts(source: Source) -> Texts:
    """`prompt` and `workflow` among the header's attributes, of type `string`."""
    texts: Texts = []
    offset = 8
    for _ in range(_MAX_ATTRIBUTES):
        name, kind, *_ = (*source.at(offset, 520).split(b"\0", 2), b"", b"")[:3]
        place = offset + len(name) + len(kind) + 2
        size = source.at(place, 4)
        if not name or len(size) < 4:
            break
        length = struct.unpack("<I", size)[0]
        key = name.decode("latin-1").lower()
        if kind == b"string" and key in _KEYS:
            texts.append((key, source.text(place + 4, length)))
        offset = place + 4 + length
    return texts


def _decoded(data: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _named(values: dict[str, Any] | None) -> Texts:
    """Texts, or objects that a writer did not turn into one."""
    found: Texts = []
    for key in _KEYS:
        value = (values or {}).get(key)
        if isinstance(value, str | dict):
            found.append((key, value.encode() if isinstance(value, str) else msgspec.json.encode(value)))
    return found
