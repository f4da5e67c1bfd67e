"""The header of a safetensors file: a length in 8 bytes (little-endian), then JSON with every tensor's place.

What is refused is what the reference implementation refuses (`SafeTensors::read_metadata`): tensors have to lie behind
each other without a gap, to be as long as type and shape say, and to end with the file.
"""

import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

SAFETENSORS: Final = frozenset({".safetensors", ".sft"})
LENGTH_BYTES: Final = 8
MAX_HEADER_BYTES: Final = 100_000_000  # the limit of the reference implementation
_METADATA: Final = "__metadata__"
_BITS: Final = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip

Shape = tuple[int, ...]


class Tensor(msgspec.Struct, frozen=True):
    """One tensor's entry.

    Attributes:
        data_offsets: First byte and the one behind the last, counted from the end of the header.
    """

    dtype: str
    shape: Shape
    data_offsets: tuple[int, int]


class Header(msgspec.Struct, frozen=True):
    """A header that could be read.

    Attributes:
        metadata: Texts that the file's maker put beside the tensors.
    """

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, Shape]:
        """Each tensor's name and shape."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the beginning of a file told.

    Attributes:
        header: None where it can't be read.
        fault: Why it is no whole safetensors file, or None.
        truncated: The fault is that bytes are missing at the end.
    """

    header: Header | None = None
    fault: str | None = None
    truncated: bool = False


_decode_table: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_tensor: Final = msgspec.json.Decoder(Tensor).decode
_decode_metadata: Final = msgspec.json.Decoder(dict[str, object]).decode


def parse(data: bytes) -> Header | None:
    """The header's JSON, read; None where it is none. Metadata that is no text is left out."""
    if not data.startswith(b"{"):
        return None
    try:
        table = _decode_table(data)
        raw = table.pop(_METADATA, None)
        metadata = _decode_metadata(raw) if raw is not None else {}
        tensors = {name: _decode_tensor(entry) for name, entry in table.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Header(tensors, {name: value for name, value in metadata.items() if isinstance(value, str)})


def read(path: str | Path) -> Reading:
    """Read the header, and compare it with the file's length.

    Raises:
        OSError: The file can't be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = header_length(file.read(LENGTH_BYTES))
        if length is None or length > MAX_HEADER_BYTES:
            return Reading(fault="the length of its header does not fit")
        if length > size - LENGTH_BYTES:
            return Reading(fault="the length of its header does not fit", truncated=file.read(1) == b"{")
        header = parse(file.read(length))
    if header is None:
        return Reading(fault="its header can't be read")
    return _compared(header, size - LENGTH_BYTES - length)


def header_length(first: bytes) -> int | None:
    """The length that the first eight bytes name; None where the file ends before."""
    if len(first) < LENGTH_BYTES:
        return None
    length: int = struct.unpack("<Q", first[:LENGTH_BYTES])[0]
    return length


def speaks_safetensors(path: str | Path) -> bool:
    """True where the file begins as a safetensors file does, whatever else is odd: a length that fits, then a `{`."""
    with open(path, "rb") as file:
        length = header_length(file.read(LENGTH_BYTES))
        first = file.read(1)
        size = os.fstat(file.fileno()).st_size
    return first == b"{" and length is not None and length <= min(size - LENGTH_BYTES, MAX_HEADER_BYTES)


def _compared(header: Header, there: int) -> Reading:
    end = max((tensor.data_offsets[1] for tensor in header.tensors.values()), default=0)
    if end != there:
        fault = f"its header describes {end} bytes of tensors, and {there} are there"
        return Reading(header=header, fault=fault, truncated=end > there)
    return Reading(header=header, fault=_misplaced(header))


def _misplaced(header: Header) -> str | None:
    """Why the tensors do not fill their room one behind the other, or None."""
    expected = 0
    for tensor in sorted(header.tensors.values(), key=lambda tensor: tensor.data_offsets):
        start, end = tensor.data_offsets
        if start != expected or end < start:
            return "its tensors overlap, or leave gaps"
        if not _fits(tensor, end - start):
            return "a tensor's length contradicts its shape"
        expected = end
    return None


def _fits(tensor: Tensor, length: int) -> bool:
    """Whether type and shape make up that many bytes; a type that is not known may be of any length."""
    if any(side < 0 for side in tensor.shape):
        return False
    bits = _BITS.get(tensor.dtype)
    return bits is None or math.prod(tensor.shape) * bits == length * 8
