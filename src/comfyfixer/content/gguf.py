"""The header of a GGUF file: metadata and the list of tensors, with every length checked against the file.

The format is ggml's `docs/gguf.md`, versions 2 and 3; version 1 counted in 32 bits and is read by no loader any more.
"""

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

import msgspec

MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_MAX_HEADER_BYTES: Final = 64 * 1024 * 1024  # vocabularies of text encoders take about 10 MB
_MAX_STEPS: Final = 3_000_000
_MAX_NAME_BYTES: Final = 1024
_MAX_DIMENSIONS: Final = 8
_MAX_NESTING: Final = 4
_STRING: Final = 8
_ARRAY: Final = 9
_NUMBERS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66),
    17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54),
    35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""ggml's type number to elements and bytes of one block."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the beginning of a file told.

    Attributes:
        metadata: Entries whose value is a text or a number.
        shapes: Tensor to its sides, the fastest first, as the file has them.
        fault: Why it is no whole GGUF file, or None.
        truncated: The fault is that bytes are missing at the end.
    """

    metadata: Mapping[str, str | float] = {}
    shapes: Mapping[str, tuple[int, ...]] = {}
    fault: str | None = None
    truncated: bool = False


class _Ends(Exception):
    """The file is over before its header is."""


class _Odd(Exception):
    """The header breaks the format's rules, or is larger than any real one; the text says how."""


def read(path: str | Path) -> Reading:
    """Read the header, and compare the end of the last tensor with the file's length.

    Raises:
        OSError: The file can't be read.
    """
    with open(path, "rb") as file:
        try:
            return _Header(file).read()
        except _Ends:
            return Reading(fault="it ends within its header", truncated=True)
        except _Odd as odd:
            return Reading(fault=str(odd))


class _Header:
    """Reads forward, with a budget of bytes and steps: every length in the file may be a lie."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._at = 0
        self._steps = 0

    def read(self) -> Reading:
        if self._take(4) != MAGIC:
            raise _Odd("its first bytes are not `GGUF`")
        version = int(self._number("I"))
        if version not in _VERSIONS:
            raise _Odd(f"its version {version} is none that is known")
        tensors, entries = int(self._number("Q")), int(self._number("Q"))
        metadata = self._metadata(entries)
        places = dict(self._tensor() for _ in self._counted(tensors))
        shapes = {name: shape for name, (shape, _) in places.items()}
        lacking = self._lacking(max((end for _, end in places.values()), default=0), metadata) if places else None
        return Reading(metadata=metadata, shapes=shapes, fault=lacking, truncated=lacking is not None)

    def _lacking(self, length: int, metadata: Mapping[str, str | float]) -> str | None:
        """How much is missing behind the header, or None; bytes behind the last tensor are no fault."""
        alignment = metadata.get("general.alignment", 32)
        step = alignment if isinstance(alignment, int) and 0 < alignment <= 1 << 20 else 32
        there = max(0, self._size - -(-self._at // step) * step)
        return f"its header describes {length} bytes of tensors, and {there} are there" if length > there else None

    def _metadata(self, count: int) -> dict[str, str | float]:
        found: dict[str, str | float] = {}
        for _ in self._counted(count):
            name = self._text(_MAX_NAME_BYTES)
            value = self._value(int(self._number("I")), 0)
            if value is not None:
                found[name] = value
        return found

    def _value(self, kind: int, depth: int) -> str | float | None:
        """A text or number; None for a list, which is passed over."""
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind == _STRING:
            return self._text(_MAX_HEADER_BYTES)
        if kind != _ARRAY or depth >= _MAX_NESTING:
            raise _Odd("its metadata can't be read")
        self._pass_list(int(self._number("I")), int(self._number("Q")), depth)
        return None

    def _pass_list(self, kind: int, count: int, depth: int) -> None:
        if kind in _NUMBERS:
            self._skip(count * struct.calcsize(_NUMBERS[kind]))
            return
        for _ in self._counted(count):
            if kind == _STRING:
                self._skip(int(self._number("Q")))
            else:
                self._value(kind, depth + 1)

    def _tensor(self) -> tuple[str, tuple[tuple[int, ...], int]]:
        """Name, shape, and where its bytes end, counted from the end of the header."""
        name = self._text(_MAX_NAME_BYTES)
        dimensions = int(self._number("I"))
        if dimensions > _MAX_DIMENSIONS:
            raise _Odd("its list of tensors can't be read")
        shape = tuple(int(self._number("Q")) for _ in range(dimensions))
        kind, start = int(self._number("I")), int(self._number("Q"))
        elements, size = _BLOCKS.get(kind, (1, 0))
        count = 1
        for side in shape:
            count *= side
        return name, (shape, start + -(-count // elements) * size)

    def _counted(self, count: int) -> range:
        """So many steps, when the file can hold them at all."""
        self._steps += count
        if count > self._size or self._steps > _MAX_STEPS:
            raise _Odd("its header names more parts than any real file has")
        return range(count)

    def _text(self, limit: int) -> str:
        length = int(self._number("Q"))
        if length > limit:
            raise _Odd("a name in its header is too long")
        return self._take(length).decode("utf-8", "replace")

    def _number(self, code: str) -> float:
        value: float = struct.unpack(f"<{code}", self._take(struct.calcsize(code)))[0]
        return value

    def _take(self, count: int) -> bytes:
        self._spend(count)
        data = self._file.read(count)
        if len(data) < count:
            raise _Ends
        return data

    def _skip(self, count: int) -> None:
        self._spend(count)
        self._file.seek(count, os.SEEK_CUR)

    def _spend(self, count: int) -> None:
        self._at += count
        if self._at > self._size:
            raise _Ends
        if self._at > _MAX_HEADER_BYTES:
            raise _Odd("its header is larger than any real one")
