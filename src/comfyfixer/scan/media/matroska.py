"""WebM and Matroska: tags of the segment, found through its index where there is one."""

from collections.abc import Iterator
from typing import Final

from comfyfixer.scan.media.exif import keyed
from comfyfixer.scan.media.source import MAX_HEADERS, Source, Texts

MAGIC: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = 0x18538067
_SEEK_HEAD: Final = 0x114D9B74
_SEEK: Final = 0x4DBB
_SEEK_ID: Final = 0x53AB
_SEEK_POSITION: Final = 0x53AC
_CLUSTER: Final = 0x1F43B675
_TAGS: Final = 0x1254C367
_TAG: Final = 0x7373
_SIMPLE_TAG: Final = 0x67C8
_TAG_NAME: Final = 0x45A3
_TAG_STRING: Final = 0x4487
_TOP: Final = frozenset({_SEEK_HEAD, _CLUSTER, _TAGS, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770})

Element = tuple[int, int, int, bool]
"""Id, where its content starts and ends, and whether its length is known."""


def matroska_texts(source: Source) -> Texts:
    """Texts of all tags, under the tag's name in lower case."""
    texts: Texts = []
    for element, start, end, _ in _elements(source, 0, source.size):
        if element == _SEGMENT:
            for tags_start, tags_end in _find_tags(source, start, end):
                texts += _tags(source, tags_start, tags_end)
    return texts


def _find_tags(source: Source, start: int, end: int) -> list[tuple[int, int]]:
    """Where the segment's tags lie: by its index if that tells, else by walking over the clusters."""
    found: list[tuple[int, int]] = []
    indexed: list[int] = []
    position = start
    for _ in range(MAX_HEADERS):
        head = _element(source, position, end)
        if head is None:
            break
        element, inside, after, known = head
        if element == _TAGS:
            found.append((inside, after))
        elif element == _SEEK_HEAD:
            indexed += _seek_positions(source, inside, after)
        elif element == _CLUSTER and (found or indexed):
            break
        elif element == _CLUSTER and not known:
            position = _after_open_cluster(source, inside, end)
            continue
        position = after
    return found or [place for offset in indexed for place in _tags_at(source, start + offset, end)]


def _tags_at(source: Source, offset: int, end: int) -> list[tuple[int, int]]:
    head = _element(source, offset, end)
    return [(head[1], head[2])] if head is not None and head[0] == _TAGS else []


def _after_open_cluster(source: Source, start: int, end: int) -> int:
    """A cluster of unknown length ends where an element of the level above begins."""
    for _ in range(MAX_HEADERS):
        head = _element(source, start, end)
        if head is None:
            return end
        if head[0] in _TOP:
            return start
        start = head[2]
    return end


def _seek_positions(source: Source, start: int, end: int) -> list[int]:
    positions = []
    for element, inside, after, _ in _elements(source, start, end):
        if element == _SEEK:
            parts = {part: source.at(a, min(b - a, 8)) for part, a, b, _ in _elements(source, inside, after)}
            if parts.get(_SEEK_ID) == _TAGS.to_bytes(4, "big") and _SEEK_POSITION in parts:
                positions.append(int.from_bytes(parts[_SEEK_POSITION], "big"))
    return positions


def _tags(source: Source, start: int, end: int) -> Texts:
    texts: Texts = []
    for tag, inside, after, _ in _elements(source, start, end):
        if tag == _TAG:
            for simple, a, b, _ in _elements(source, inside, after):
                if simple == _SIMPLE_TAG:
                    texts += _simple(source, a, b)
    return texts


def _simple(source: Source, start: int, end: int) -> Texts:
    parts = {part: source.text(a, b - a) for part, a, b, _ in _elements(source, start, end)}
    name = parts.get(_TAG_NAME, b"").decode("utf-8", "replace").strip("\0 ").lower()
    text = parts.get(_TAG_STRING, b"").rstrip(b"\0")
    return [(name, text)] if name in ("workflow", "prompt") else keyed(text)


def _elements(source: Source, start: int, end: int) -> Iterator[Element]:
    for _ in range(MAX_HEADERS):
        head = _element(source, start, end)
        if head is None:
            return
        yield head
        start = head[2]


def _element(source: Source, start: int, end: int) -> Element | None:
    """The element that starts there; one of unknown length reaches to the end of its parent."""
    if start >= end:
        return None
    header = source.at(start, 12)
    identifier = _number(header, 0, keep_marker=True, longest=4)
    if identifier is None:
        return None
    size = _number(header, identifier[1], keep_marker=False, longest=8)
    if size is None:
        return None
    inside = start + identifier[1] + size[1]
    unknown = size[0] == (1 << 7 * size[1]) - 1
    return identifier[0], inside, end if unknown else min(inside + size[0], end), not unknown


def _number(data: bytes, offset: int, *, keep_marker: bool, longest: int) -> tuple[int, int] | None:
    """A number whose first byte tells its length: value and length."""
    if offset >= len(data) or data[offset] == 0:
        return None
    length = 9 - data[offset].bit_length()
    if length > longest or offset + length > len(data):
        return None
    value = int.from_bytes(data[offset : offset + length], "big")
    return value if keep_marker else value & ~(1 << 7 * length), length
