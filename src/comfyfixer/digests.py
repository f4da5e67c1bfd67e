"""Every kind of hash that hubs name, taken in one go over bytes that come in pieces."""

import hashlib
import importlib
import importlib.util
import struct
import zlib
from collections.abc import Collection
from functools import cache
from typing import Any, Final

DIGITS: Final = {"sha256": 64, "autov2": 10, "autov3": 12, "blake3": 64, "crc32": 8}
"""The hashes that can be compared, best first, with their hex digits."""

_LENGTH_BYTES: Final = 8
_SAFETENSORS: Final = (".safetensors", ".sft")


@cache
def _has_blake3() -> bool:
    return importlib.util.find_spec("blake3") is not None


def computable(kind: str, suffix: str) -> bool:
    """Whether a kind of hash can be computed here for a file of this suffix; BLAKE3 only where its package is."""
    if kind == "autov3":
        return suffix in _SAFETENSORS
    return _has_blake3() if kind == "blake3" else kind in DIGITS


class Digests:
    """The hashes of bytes that come in any pieces. SHA-256 is always among them.

    Args:
        kinds: Of `DIGITS`, each one computable.
    """

    def __init__(self, kinds: Collection[str] = ()) -> None:
        self._kinds = frozenset(kinds)
        self.restart()

    def restart(self) -> None:
        """Forget all bytes."""
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        self._tensors = _Tensors() if "autov3" in self._kinds else None
        self._blake3: Any = importlib.import_module("blake3").blake3() if "blake3" in self._kinds else None

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._sha256.update(chunk)
        if "crc32" in self._kinds:
            self._crc32 = zlib.crc32(chunk, self._crc32)
        if self._tensors is not None:
            self._tensors.update(memoryview(chunk))
        if self._blake3 is not None:
            self._blake3.update(chunk)

    @property
    def sha256(self) -> str:
        """Lower-case hex of all bytes so far."""
        return self._sha256.hexdigest()

    def get(self, kind: str) -> str:
        """Lower-case hex of one of the kinds that were asked for.

        Raises:
            KeyError: It was not asked for.
        """
        if kind in ("sha256", "autov2"):
            return self.sha256[: DIGITS[kind]]
        if kind == "crc32":
            return f"{self._crc32:08x}"
        hasher = {"autov3": self._tensors, "blake3": self._blake3}[kind]
        if hasher is None:
            raise KeyError(kind)
        digest: str = hasher.hexdigest()
        return digest[: DIGITS[kind]]


class _Tensors:
    """SHA-256 over what follows a safetensors header: it outlives edits of the header."""

    def __init__(self) -> None:
        self._length = b""
        self._header_left = 0
        self._hasher = hashlib.sha256()

    def update(self, chunk: memoryview) -> None:
        lacking = _LENGTH_BYTES - len(self._length)
        if lacking:
            self._length += bytes(chunk[:lacking])
            chunk = chunk[lacking:]
            if len(self._length) == _LENGTH_BYTES:
                self._header_left = struct.unpack("<Q", self._length)[0]
        skipped = min(self._header_left, len(chunk))
        self._header_left -= skipped
        self._hasher.update(chunk[skipped:])

    def hexdigest(self) -> str:
        return self._hasher.hexdigest()
