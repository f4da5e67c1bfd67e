"""Vorbis comments: in FLAC as a block, in Ogg (Opus, Vorbis, FLAC) as the second packet of the stream."""

from typing import Final

from comfyfixer.scan.media.exif import keyed
from comfyfixer.scan.media.source import MAX_HEADERS, MAX_TEXT, Source, Texts

FLAC: Final = b"fLaC"
OGG: Final = b"OggS"
_COMMENT_BLOCK: Final = 4
_BLOCK_TYPE: Final = 0x7F
_LAST_BLOCK: Final = 0x80
_STARTS: Final = (b"OpusTags", b"\x03vorbis")
_MAX_COMMENTS: Final = 10_000


def flac_texts(source: Source, start: int) -> Texts:
    """Texts of the comment block of a FLAC file that starts there."""
    offset = start + len(FLAC)
    for _ in range(MAX_HEADERS):
        header = source.at(offset, 4)
        if len(header) < 4:
            break
        length = int.from_bytes(header[1:], "big")
        if header[0] & _BLOCK_TYPE == _COMMENT_BLOCK:
            return comments(source.text(offset + 4, length))
        if header[0] & _LAST_BLOCK:
            break
        offset += 4 + length
    return []


def ogg_texts(source: Source) -> Texts:
    """Texts of the first comment packet; packets may span many pages."""
    packet = bytearray()
    offset = 0
    for _ in range(MAX_HEADERS):
        header = source.at(offset, 27)
        if len(header) < 27 or header[:4] != OGG:
            break
        lacing = source.at(offset + 27, header[26])
        start = offset + 27 + len(lacing)
        for ends, length in _pieces(lacing):
            if offset:
                packet += source.at(start, length)
            if len(packet) > MAX_TEXT or (ends and offset):
                return _comment_packet(bytes(packet))
            start += length
        offset = offset + 27 + len(lacing) + sum(lacing)
    return _comment_packet(bytes(packet))


def _pieces(lacing: bytes) -> list[tuple[bool, int]]:
    """Lengths of a page's pieces of packets, and whether the packet ends there."""
    pieces: list[tuple[bool, int]] = []
    length = 0
    for value in lacing:
        length += value
        if value < 255:
            pieces.append((True, length))
            length = 0
    return [*pieces, (False, length)] if length else pieces


def _comment_packet(packet: bytes) -> Texts:
    for start in _STARTS:
        if packet.startswith(start):
            return comments(packet[len(start) :])
    return comments(packet[4:]) if packet and packet[0] & _BLOCK_TYPE == _COMMENT_BLOCK else []


def comments(data: bytes) -> Texts:
    """`KEY=text` entries behind the vendor's name; those up to the first whose length lies."""
    offset = 8 + _number(data, 0)
    texts: Texts = []
    for _ in range(min(_number(data, offset - 4), _MAX_COMMENTS)):
        length = _number(data, offset)
        if offset + 4 + length > len(data):
            break
        key, _, text = data[offset + 4 : offset + 4 + length].partition(b"=")
        name = key.decode("utf-8", "replace").lower()
        texts += [(name, text)] if name in ("workflow", "prompt") else keyed(text)
        offset += 4 + length
    return texts


def _number(data: bytes, offset: int) -> int:
    """The number that stands there; 0 behind the end."""
    return int.from_bytes(data[offset : offset + 4], "little")
