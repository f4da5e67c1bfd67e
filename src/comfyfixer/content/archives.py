"""Saved weights of older formats: does the container open? Only its frame is read, none of its pickles.

`torch.save` writes a zip archive with one `data.pkl`; before version 1.6 it wrote pickles behind each other, before
0.1.10 a tar archive.
"""

import os
import struct
from pathlib import Path
from typing import IO, Final

import msgspec

_TORCH_ONLY: Final = frozenset({".ckpt", ".pt", ".pth"})
"""Other suffixes of the kind are used for bare numbers too (`.bin`)."""
_ZIP: Final = b"PK\x03\x04"
_ZIP_END: Final = b"PK\x05\x06"
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_ZIP64_END: Final = b"PK\x06\x06"
_TAIL_BYTES: Final = 65_535 + 22  # the longest comment, and the record before it
_LOCATOR_BYTES: Final = 20
_MAX_DIRECTORY_BYTES: Final = 32 * 1024 * 1024
_TAR_MAGIC: Final = slice(257, 262)
_HEAD_BYTES: Final = 512
_PROTOCOLS: Final = range(2, 6)
_FIRST_OPCODES: Final = b"(]})lcLIJKMXVSUTNFGd"
"""What a pickle of protocol 0 or 1 can begin with."""


class Fault(msgspec.Struct, frozen=True):
    """Why a container does not open.

    Attributes:
        truncated: Bytes are missing at the end.
    """

    text: str
    truncated: bool = False


def archive_fault(path: str | Path, suffix: str) -> Fault | None:
    """Why the file does not open as what its suffix says, or None where it may.

    Raises:
        OSError: The file can't be read.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
        if head.startswith(_ZIP):
            return _zip_fault(file, weights=suffix in _TORCH_ONLY or suffix == ".bin")
    if suffix == ".zip":
        return Fault("no zip archive")
    if suffix not in _TORCH_ONLY or head[_TAR_MAGIC] == b"ustar" or _may_be_pickle(head):
        return None
    return Fault("neither a zip archive nor a pickle, so that it can't be opened")


def _may_be_pickle(head: bytes) -> bool:
    if head[:1] == b"\x80":
        return len(head) > 1 and head[1] in _PROTOCOLS
    return head[:1] in [bytes([opcode]) for opcode in _FIRST_OPCODES]


def _zip_fault(file: IO[bytes], *, weights: bool) -> Fault | None:
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _TAIL_BYTES - _LOCATOR_BYTES))
    tail = file.read()
    end = tail.rfind(_ZIP_END)
    if end < 0 or len(tail) - end < 22:
        return Fault("an archive whose end is missing", truncated=True)
    found = _directory(file, tail, end)
    if found is None:
        return Fault("an archive whose directory can't be found")
    length, offset = found
    if offset + length > size:
        return Fault("an archive whose directory lies behind its end", truncated=True)
    if not weights or length > _MAX_DIRECTORY_BYTES:
        return None
    file.seek(offset)
    return None if b"data.pkl" in file.read(length) else Fault("an archive without weights in it")


def _directory(file: IO[bytes], tail: bytes, end: int) -> tuple[int, int] | None:
    """Length and place of the list of members; of the larger kind of archive, where its marks are there."""
    length, offset = struct.unpack("<II", tail[end + 12 : end + 20])
    if 0xFFFFFFFF not in (length, offset):
        return length, offset
    locator = tail[max(0, end - _LOCATOR_BYTES) : end]
    if not locator.startswith(_ZIP64_LOCATOR):
        return None
    file.seek(min(struct.unpack("<Q", locator[8:16])[0], 1 << 62))
    record = file.read(56)
    if len(record) < 56 or not record.startswith(_ZIP64_END):
        return None
    length, offset = struct.unpack("<QQ", record[40:56])
    return length, offset
