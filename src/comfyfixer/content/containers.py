"""Is it what its name says? Looks at first bytes and the container's own lengths; decodes no tensor, runs nothing."""

import os
import re
import struct
from pathlib import Path
from typing import Any, Final

import msgspec

from comfyfixer.errors import DownloadError

SAFETENSORS: Final = frozenset({".safetensors", ".sft"})
_TEXT_SUFFIXES: Final = frozenset({".json", ".yaml", ".yml", ".txt", ".pbtxt", ".csv", ".xml", ".md", ".vocab"})
_PAGE: Final = re.compile(rb"<(?:!doctype|html|head|body|script|\?xml|error|!--)", re.IGNORECASE)
_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]*")
_HEAD_BYTES: Final = 512
_MAX_HEADER_BYTES: Final = 100_000_000  # the limit of the reference implementation
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def page_kind(head: bytes, suffix: str) -> str | None:
    """What the beginning of a body is when it is no file of weights: for a message; None when it may be one."""
    start = head[:_HEAD_BYTES].removeprefix(_BYTE_ORDER_MARK).lstrip()
    if start.startswith(_POINTER):
        return "a Git LFS pointer"
    if _PAGE.match(start):
        return "a web page" if suffix != ".xml" or b"html" in start.lower() else None
    if suffix not in _TEXT_SUFFIXES and start[:1] in (b"{", b"[") and _TEXT.fullmatch(start):
        return "a JSON text"
    return None


def check_is_file(path: Path, suffix: str) -> None:
    """Refuse what is never a model, whatever was promised: nothing, a page, a pointer, an error in JSON.

    Raises:
        DownloadError: `not-a-model-file`.
        OSError: The file can't be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise not_a_model("nothing at all: 0 bytes")
    if kind := page_kind(head, suffix):
        raise not_a_model(kind)


def container_fault(path: Path, suffix: str) -> str | None:
    """Why a file is not what its suffix says, for a message; None where it is, or nothing is known of the suffix."""
    if suffix in SAFETENSORS:
        reason = safetensors_fault(path)
        return f"no whole safetensors file: {reason}" if reason else None
    with path.open("rb") as file:
        magic = file.read(4)
    if suffix == ".gguf" and magic != b"GGUF":
        return "no GGUF file: its first bytes are not `GGUF`"
    if suffix == ".zip" and not magic.startswith(b"PK"):
        return "no zip archive"
    return None


def not_a_model(what: str) -> DownloadError:
    """The error for bytes that are `what`."""
    return DownloadError(
        f"What came is {what}",
        code="not-a-model-file",
        hint="Open the file's page in a browser; the hub may ask for a log-in, or the link may be wrong",
    )


def safetensors_fault(path: Path) -> str | None:
    """Why a file is no whole safetensors file, or None: header length, JSON, and the data's end against the size."""
    size = os.stat(path).st_size
    with path.open("rb") as file:
        length = _header_length(file.read(8))
        if length is None or length > min(size - 8, _MAX_HEADER_BYTES):
            return "the length of its header does not fit"
        header = file.read(length)
    try:
        end = _data_end(msgspec.json.decode(header, type=dict[str, Any]))
    except (msgspec.DecodeError, ValueError, TypeError, LookupError, RecursionError):
        return "its header can't be read"
    if end != size - 8 - length:
        return f"its header describes {end} bytes of tensors, and {size - 8 - length} are there"
    return None


def speaks_safetensors(path: Path) -> bool:
    """True where the file begins as a safetensors file does, whatever else is odd: a length that fits, then a `{`."""
    with path.open("rb") as file:
        length = _header_length(file.read(8))
        first = file.read(1)
    return first == b"{" and length is not None and length <= min(os.stat(path).st_size - 8, _MAX_HEADER_BYTES)


def tensor_names(path: Path) -> tuple[str, ...]:
    """The names in a safetensors file's header; none where it can't be read."""
    if not speaks_safetensors(path):
        return ()
    with path.open("rb") as file:
        header = file.read(_header_length(file.read(8)) or 0)
    try:
        table = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ()
    return tuple(name for name in table if name != "__metadata__")


def _header_length(first: bytes) -> int | None:
    if len(first) < 8:
        return None
    length: int = struct.unpack("<Q", first)[0]
    return length


def _data_end(header: dict[str, Any]) -> int:
    """The last byte that any tensor uses, counted from the end of the header."""
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    if not all(type(end) is int for end in ends):
        raise TypeError("offsets are whole numbers")
    return max(ends, default=0)
