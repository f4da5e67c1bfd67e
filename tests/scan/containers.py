"""Smallest containers of each kind with texts in them, byte by byte as the formats say."""

import struct
import zlib
from collections.abc import Mapping

import msgspec

WORKFLOW = msgspec.json.encode(
    {"nodes": [{"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["w.safetensors"]}], "links": []}
)
PROMPT = msgspec.json.encode({"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "p.safetensors"}}})
BOTH = {"prompt": PROMPT, "workflow": WORKFLOW}


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*before: bytes, after: bytes = b"", behind_end: bytes = b"") -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    picture = png_chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(before) + picture + after + png_chunk(b"IEND", b"") + behind_end


def png_text(key: str, text: bytes) -> bytes:
    return png_chunk(b"tEXt", key.encode() + b"\0" + text)


def exif(tags: Mapping[int, bytes], order: str = "<", *, kind: int = 2, start: bytes = b"") -> bytes:
    """One directory of text tags."""
    values = b""
    first = 8 + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, text in sorted(tags.items()):
        entries += struct.pack(order + "HHII", tag, kind, len(text), first + len(values))
        values += text
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return start + head + struct.pack(order + "H", len(tags)) + entries + b"\0" * 4 + values


COMFY_TAGS = {0x0110: b"prompt:" + PROMPT + b"\0", 0x010F: b"workflow:" + WORKFLOW + b"\0"}


def webp(exif_data: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    body = b"WEBP" + chunk(b"VP8X", b"\x08" + b"\0" * 9) + chunk(b"VP8 ", b"x" * 7) + chunk(b"EXIF", exif_data)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    parts = [bytes([0xFF, kind]) + struct.pack(">H", len(data) + 2) + data for kind, data in segments]
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xda\x00\x02scan\xff\xd9"


def box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", len(data) + 8) + kind + data


def _data(text: bytes) -> bytes:
    return box(b"data", struct.pack(">II", 1, 0), text)


def mp4(texts: Mapping[str, bytes], *, films: int = 0, quicktime: bool = False) -> bytes:
    keys = [struct.pack(">I", len(key) + 8) + b"mdta" + key.encode() for key in texts]
    entries = [box(struct.pack(">I", place), _data(text)) for place, text in enumerate(texts.values(), 1)]
    meta = box(
        b"meta",
        b"" if quicktime else b"\0" * 4,
        box(b"hdlr", b"\0" * 8, b"mdta", b"\0" * 13),
        box(b"keys", b"\0" * 4, struct.pack(">I", len(keys)), *keys),
        box(b"ilst", *entries),
    )
    film = box(b"mdat", b"\0" * films)
    return box(b"ftyp", b"isom\0\0\0\0isom") + film + box(b"moov", box(b"mvhd", b"\0" * 100), box(b"udta", meta))


def mp4_comment(text: bytes) -> bytes:
    meta = box(
        b"meta", b"\0" * 4, box(b"hdlr", b"\0" * 8, b"mdir", b"\0" * 13), box(b"ilst", box(b"\xa9cmt", _data(text)))
    )
    return box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", box(b"udta", meta))


def avif(exif_data: bytes) -> bytes:
    content = struct.pack(">I", 6) + b"Exif\0\0" + exif_data
    infe = box(b"infe", b"\x02\0\0\0", struct.pack(">HH", 7, 0), b"Exif", b"\0")
    iinf = box(b"iinf", b"\0" * 4, struct.pack(">H", 1), infe)
    ftyp = box(b"ftyp", b"avif\0\0\0\0mif1")

    def meta(offset: int) -> bytes:
        extent = struct.pack(">HHHII", 7, 0, 1, offset, len(content))
        iloc = box(b"iloc", b"\0" * 4, b"\x44\x00", struct.pack(">H", 1), extent)
        return box(b"meta", b"\0" * 4, iinf, iloc)

    return ftyp + meta(len(ftyp) + len(meta(0)) + 8) + box(b"mdat", content)


def element(identifier: int, data: bytes, *, open_end: bool = False) -> bytes:
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    size = b"\x01" + b"\xff" * 7 if open_end else (len(data) | 1 << 56).to_bytes(8, "big")
    return name + size + data


def matroska(texts: Mapping[str, bytes], *, index: bool = False, open_cluster: bool = False, film: int = 20) -> bytes:
    tags = element(
        0x1254C367,
        b"".join(
            element(0x7373, element(0x67C8, element(0x45A3, key.encode()) + element(0x4487, text)))
            for key, text in texts.items()
        ),
    )
    cluster = element(0x1F43B675, element(0xA3, b"\0" * film), open_end=open_cluster)

    def seek(position: int) -> bytes:
        entry = element(0x53AB, bytes.fromhex("1254C367")) + element(0x53AC, position.to_bytes(8, "big"))
        return element(0x114D9B74, element(0x4DBB, entry))

    front = seek(len(seek(0)) + len(cluster)) if index else b""
    return element(0x1A45DFA3, b"\x42\x82\x84webm") + element(0x18538067, front + cluster + tags, open_end=True)


def comments(texts: Mapping[str, bytes]) -> bytes:
    entries = [key.encode() + b"=" + text for key, text in texts.items()]
    packed = b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
    return struct.pack("<I", 4) + b"made" + struct.pack("<I", len(entries)) + packed


def flac(texts: Mapping[str, bytes]) -> bytes:
    data = comments(texts)
    info = b"\0" + (34).to_bytes(3, "big") + b"\0" * 34
    return b"fLaC" + info + b"\x84" + len(data).to_bytes(3, "big") + data + b"\xff\xf8sound"


def ogg(texts: Mapping[str, bytes]) -> bytes:
    """Opus; the comment packet spans as many pages as it needs."""

    def page(data: bytes, lacing: bytes) -> bytes:
        return b"OggS\0\0" + b"\0" * 20 + bytes([len(lacing)]) + lacing + data

    packet = b"OpusTags" + comments(texts)
    pages = page(b"OpusHead" + b"\0" * 11, bytes([19]))
    while len(packet) >= 255 * 255:
        pages += page(packet[: 255 * 255], b"\xff" * 255)
        packet = packet[255 * 255 :]
    return pages + page(packet, b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]))


def mp3(texts: Mapping[str, bytes], *, version: int = 4, encoding: int = 3, sound: bytes = b"\xff\xfbsound") -> bytes:
    def size(value: int) -> bytes:
        return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0)) if version == 4 else value.to_bytes(4, "big")

    def words(text: str) -> bytes:
        return text.encode({0: "latin-1", 1: "utf-16", 3: "utf-8"}[encoding])

    zero = b"\0\0" if encoding == 1 else b"\0"
    frames = b""
    for key, text in texts.items():
        content = bytes([encoding]) + words(key) + zero + words(text.decode()) + zero
        frames += b"TXXX" + size(len(content)) + b"\0\0" + content
    total = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + total + frames + sound


def glb(texts: Mapping[str, bytes]) -> bytes:
    extras = {key: text.decode() for key, text in texts.items()}
    data = msgspec.json.encode({"asset": {"version": "2.0", "extras": extras}})
    return b"glTF" + struct.pack("<III", 2, 20 + len(data), len(data)) + b"JSON" + data


def safetensors(texts: Mapping[str, bytes]) -> bytes:
    header = msgspec.json.encode({"__metadata__": {key: text.decode() for key, text in texts.items()}})
    return struct.pack("<Q", len(header)) + header + b"\0" * 16


def exr(texts: Mapping[str, bytes]) -> bytes:
    def attribute(name: bytes, kind: bytes, data: bytes) -> bytes:
        return name + b"\0" + kind + b"\0" + struct.pack("<I", len(data)) + data

    attributes = [attribute(b"channels", b"chlist", b"\0" * 18)]
    attributes += [attribute(key.encode(), b"string", text) for key, text in texts.items()]
    return b"\x76\x2f\x31\x01\x02\0\0\0" + b"".join(attributes) + b"\0pixels"


def svg(texts: Mapping[str, bytes]) -> bytes:
    inner = b", ".join(b'"' + key.encode() + b'": ' + text for key, text in texts.items())
    return b'<?xml version="1.0"?>\n<svg><metadata><![CDATA[{' + inner + b"}]]></metadata><path/></svg>"
