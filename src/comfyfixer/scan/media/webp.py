"""WebP: the EXIF chunk of the RIFF file."""

import struct

from comfyfixer.scan.media.exif import exif_texts
from comfyfixer.scan.media.source import MAX_HEADERS, Source, Texts


def is_webp(head: bytes) -> bool:
    """Whether the first bytes are those of a WebP file."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def webp_texts(source: Source) -> Texts:
    """Texts of all EXIF chunks; chunks are padded to even lengths."""
    texts: Texts = []
    offset = 12
    for _ in range(MAX_HEADERS):
        header = source.at(offset, 8)
        if len(header) < 8:
            break
        kind, length = struct.unpack("<4sI", header)
        if kind == b"EXIF":
            texts += exif_texts(source.text(offset + 8, length))
        offset += 8 + length + length % 2
    return texts
