"""Small real files of each container, as the programs that save models write them."""

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

RAN: list[str] = []

# What `torch.save({"w": tensor}, file)` writes, by hand: the storage is named by a persistent id.
STATE_DICT = (
    b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03"
    b"ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x02tq\x07QK\x00K\x02\x85q\x08"
    b"K\x01\x85q\x09\x89ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds."
)
LEGACY = (
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
    b"\x80\x02}q\x00X\x0d\x00\x00\x00little_endianq\x01\x88s."
    + STATE_DICT
    + b"\x80\x02]q\x00X\x01\x00\x00\x000q\x01a."
    + struct.pack("<q2f", 2, 1.0, 2.0)
)


class Evil:
    def __reduce__(self) -> Any:
        return RAN.append, ("it ran",)


def saved(pickled: bytes = STATE_DICT, **members: bytes) -> bytes:
    """A `torch.save` archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/data.pkl", pickled)
        for name, data in {"data/0": b"\x00" * 8, "version": b"3\n", "byteorder": b"little", **members}.items():
            archive.writestr(f"x/{name}", data)
    return buffer.getvalue()


def safetensors(
    tensors: Mapping[str, Sequence[int]] | Sequence[str], metadata: Mapping[str, str] | None = None
) -> bytes:
    """A whole safetensors file of half-precision tensors of these shapes; empty ones where only names are given."""
    shapes = tensors if isinstance(tensors, Mapping) else dict.fromkeys(tensors, (0,))
    table: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        table[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    return with_header(table, bytes(offset))


def with_header(table: object, data: bytes = b"") -> bytes:
    """A safetensors file with any header."""
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + data


def gguf(metadata: Mapping[str, str], tensors: Mapping[str, Sequence[int]]) -> bytes:
    """A whole GGUF file, version 3, of half-precision tensors; sides as the file has them, the fastest first."""
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for name, value in metadata.items():
        parts += [_text(name), struct.pack("<I", 8), _text(value)]
    offset = 0
    for name, shape in tensors.items():
        parts += [_text(name), struct.pack("<I", len(shape)), *(struct.pack("<Q", side) for side in shape)]
        parts.append(struct.pack("<IQ", 1, offset))
        size = 2
        for side in shape:
            size *= side
        offset += -(-size // 32) * 32
    head = b"".join(parts)
    return head + bytes(-len(head) % 32) + bytes(offset)


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()
