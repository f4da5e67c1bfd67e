"""ID3v2, in front of MP3 and other sounds: user-defined texts (`TXXX`) and comments."""

from typing import Final

from comfyfixer.scan.media.exif import keyed
from comfyfixer.scan.media.source import MAX_TEXT, Source, Texts

MAGIC: Final = b"ID3"
_ENCODINGS: Final = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_FOOTER: Final = 0x10
_EXTENDED: Final = 0x40


def tag_end(source: Source) -> int:
    """Where the sound begins; 0 without a tag."""
    header = source.at(0, 10)
    if header[:3] != MAGIC or len(header) < 10:
        return 0
    return 10 + _safe(header[6:]) + (10 if header[5] & _FOOTER else 0)


def id3_texts(source: Source) -> Texts:
    """Texts of all `TXXX` and `COMM` frames of version 2.3 and 2.4."""
    header = source.at(0, 10)
    if tag_end(source) == 0 or header[3] not in (3, 4):
        return []
    version, body = header[3], source.text(10, min(_safe(header[6:]), MAX_TEXT))
    offset = _extended_length(body, version) if header[5] & _EXTENDED else 0
    texts: Texts = []
    while offset + 10 <= len(body) and body[offset] != 0:
        kind, length = body[offset : offset + 4], _frame_length(body[offset + 4 : offset + 8], version)
        content = body[offset + 10 : offset + 10 + length]
        if kind == b"TXXX":
            texts += _user_text(content)
        elif kind == b"COMM" and len(content) > 4:
            texts += _user_text(content[:1] + content[4:])
        offset += 10 + length
    return texts


def _safe(data: bytes) -> int:
    """Seven bits of each byte."""
    value = 0
    for byte in data[:4]:
        value = value << 7 | byte & 0x7F
    return value


def _frame_length(data: bytes, version: int) -> int:
    return _safe(data) if version == 4 else int.from_bytes(data, "big")


def _extended_length(body: bytes, version: int) -> int:
    return _safe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big")


def _user_text(content: bytes) -> Texts:
    """Encoding, name, zero, text, and most often a zero."""
    if not content or content[0] >= len(_ENCODINGS):
        return []
    encoding = _ENCODINGS[content[0]]
    name, _, text = content[1:].decode(encoding, "replace").partition("\0")
    key, value = name.strip("\ufeff ").lower(), text.strip("\0\ufeff").encode()
    return [(key, value)] if key in ("workflow", "prompt") else keyed(value)
