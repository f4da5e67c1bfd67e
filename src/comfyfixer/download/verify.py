"""Is it the promised file? Size, hashes, container, and no code in it: asked before the real name is taken."""

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.download.containers import SAFETENSORS, check_is_file, container_fault, not_a_model, tensor_data_start
from comfyfixer.download.expected import Expected
from comfyfixer.download.pace import Cancelled, check
from comfyfixer.download.pickles import PICKLE_SUFFIXES, check_pickle
from comfyfixer.errors import DownloadError

_CHUNK: Final = 1024 * 1024
_AUTOV2_DIGITS: Final = 10
_AUTOV3_DIGITS: Final = 12


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a complete file.

    Attributes:
        sha256: Lower-case hex of the bytes.
        verified: A promised SHA-256, or the promised beginning of one (AutoV2, AutoV3), is theirs. A CRC-32 or a size
            alone shows damage, and proves no identity.
        fault: Why a file with the promised hash is no usable container all the same; None where it is one.
    """

    sha256: str
    size_bytes: int
    verified: bool
    fault: str | None = None


def prove(path: Path, sha256: str, expected: Expected, cancelled: Cancelled) -> Proof:
    """Check a complete file whose SHA-256 is known already.

    Raises:
        DownloadError: `size-mismatch`, `not-a-model-file`, `hash-mismatch` or `unsafe-file`.
        OSError: The file can't be read.
        Interrupted: `cancelled` became true.
    """
    size = os.stat(path).st_size
    check_is_file(path, expected.suffix)
    check_size(size, expected)
    verified = _compare_hashes(path, sha256, expected, cancelled)
    fault = container_fault(path, expected.suffix)
    if fault and not verified:
        raise not_a_model(fault)
    if expected.suffix in PICKLE_SUFFIXES:
        check_pickle(path)
    return Proof(sha256=sha256, size_bytes=size, verified=verified, fault=fault)


def hash_file(path: Path, cancelled: Cancelled) -> str:
    """SHA-256 of a file."""
    hasher = hashlib.sha256()
    for chunk in _chunks(path, 0, cancelled):
        hasher.update(chunk)
    return hasher.hexdigest()


def check_size(size: int, expected: Expected) -> None:
    """Compare a size with the promised one.

    Raises:
        DownloadError: `size-mismatch`.
    """
    if expected.size_bytes is not None and size != expected.size_bytes:
        raise DownloadError(
            f"`{expected.filename}` was promised with {expected.size_bytes} bytes, and has {size}",
            code="size-mismatch",
            hint="The file was replaced on its hub, or the hub's list is wrong: run `comfyfixer resolve` again",
        )


def _compare_hashes(path: Path, sha256: str, expected: Expected, cancelled: Cancelled) -> bool:
    """Compare the best promised hash that can be computed; True where it proves the identity."""
    for kind, promised in expected.hashes.items():
        got = _computed(kind, path, sha256, expected.suffix, cancelled)
        if got is not None and got != promised:
            raise _mismatch(expected.filename, kind, promised, got)
        if got is not None:
            return kind != "crc32"
    return False


def _computed(kind: str, path: Path, sha256: str, suffix: str, cancelled: Cancelled) -> str | None:
    """One kind of hash of a file as lower-case hex; None where it is not defined for it."""
    if kind == "sha256":
        return sha256
    if kind == "autov2":
        return sha256[:_AUTOV2_DIGITS]
    if kind == "autov3":
        return _autov3(path, cancelled) if suffix in SAFETENSORS else None
    crc = 0
    for chunk in _chunks(path, 0, cancelled):
        crc = zlib.crc32(chunk, crc)
    return f"{crc:08x}"


def _autov3(path: Path, cancelled: Cancelled) -> str | None:
    """The first digits of the SHA-256 over a safetensors file's tensors, its header left out."""
    start = tensor_data_start(path)
    if start is None:
        return None
    hasher = hashlib.sha256()
    for chunk in _chunks(path, start, cancelled):
        hasher.update(chunk)
    return hasher.hexdigest()[:_AUTOV3_DIGITS]


def _chunks(path: Path, start: int, cancelled: Cancelled) -> Iterator[memoryview]:
    """A file's bytes from `start` on; each piece is valid until the next one is asked for."""
    buffer = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while count := file.readinto(buffer):
            check(cancelled)
            yield buffer[:count]


def _mismatch(filename: str, kind: str, promised: str, got: str) -> DownloadError:
    return DownloadError(
        f"`{filename}` is not the file that was promised: {kind} {promised} was expected, {got} came",
        code="hash-mismatch",
        hint="The listed hash is wrong or the file was replaced: compare on its page, or choose another candidate",
    )
