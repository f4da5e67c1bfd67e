"""JPEG: EXIF and comment segments in front of the picture."""

import struct
from typing import Final

from comfyfixer.scan.media.exif import exif_texts, keyed
from comfyfixer.scan.media.source import MAX_HEADERS, Source, Texts

MAGIC: Final = b"\xff\xd8\xff"
_SCAN: Final = 0xDA
_END: Final = 0xD9
_EXIF: Final = 0xE1
_COMMENT: Final = 0xFE
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def jpeg_texts(source: Source) -> Texts:
    """Texts of the segments before the first scan."""
    texts: Texts = []
    offset = 2
    for _ in range(MAX_HEADERS):
        header = source.at(offset, 4)
        if len(header) < 4 or header[0] != 0xFF or header[1] in (_SCAN, _END):
            break
        if header[1] == 0xFF or header[1] in _WITHOUT_LENGTH:
            offset += 1 if header[1] == 0xFF else 2
            continue
        length = struct.unpack(">H", header[2:])[0]
        if header[1] == _EXIF:
            texts += exif_texts(source.text(offset + 4, length - 2))
        elif header[1] == _COMMENT:
            texts += keyed(source.text(offset + 4, length - 2).rstrip(b"\0"))
        offset += 2 + max(length, 2)
    return texts
