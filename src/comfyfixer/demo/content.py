"""What stands behind a file of a hub: bytes as given, or weights that are made while they are sent."""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from comfyfixer.demo import safetensors

CHUNK_BYTES = 1 << 20
BLOCK_BYTES = 1_048_573
"""A prime: bytes that arrive at a wrong offset never look right by chance of the repetition."""


class Plain(msgspec.Struct, frozen=True, tag="plain"):
    """Bytes as they are: a small text, a GGUF stub, a broken file."""

    data: bytes


class Weights(msgspec.Struct, frozen=True, kw_only=True, tag="weights"):
    """A valid safetensors file of exactly `size_bytes`, never held in memory as a whole.

    Attributes:
        kind: Decides the tensor names: a key of `safetensors.TENSORS`.
        seed: Files of different seeds have different bytes.
        size_bytes: Even, at least `safetensors.SMALLEST_BYTES`.
        metadata: For the header's `__metadata__`.
    """

    kind: str
    seed: str
    size_bytes: int = 16_384
    metadata: tuple[tuple[str, str], ...] = ()


Content = Plain | Weights


def size_of(content: Content) -> int:
    """Length of the whole file in bytes."""
    return len(content.data) if isinstance(content, Plain) else content.size_bytes


def pieces(content: Content, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
    """The bytes from `start` on, `length` of them (None: up to the end), in pieces of at most 1 MiB."""
    end = size_of(content) if length is None else min(start + length, size_of(content))
    if isinstance(content, Plain):
        yield from _cut(memoryview(content.data)[start:end])
        return
    head = _header(content)
    yield from _cut(memoryview(head)[start:end])
    yield from _tensor_bytes(content, max(start - len(head), 0), end - len(head))


def whole(content: Content) -> bytes:
    """All bytes at once, for small files."""
    return b"".join(pieces(content))


@lru_cache(maxsize=4096)
def sha256_of(content: Content) -> str:
    """Lower-case hex over the whole file."""
    return _digest(pieces(content))


@lru_cache(maxsize=4096)
def autov1_of(content: Content) -> str:
    """First 8 digits of SHA-256 over 64 KiB at 1 MiB: the same for all files that are shorter."""
    return _digest(pieces(content, 0x100000, 0x10000))[:8]


@lru_cache(maxsize=4096)
def autov3_of(content: Content) -> str | None:
    """First 12 digits of SHA-256 over what follows the safetensors header; None for other formats."""
    return _digest(pieces(content, len(_header(content))))[:12] if isinstance(content, Weights) else None


@lru_cache(maxsize=4096)
def crc32_of(content: Content) -> str:
    """Eight hex digits."""
    value = 0
    for piece in pieces(content):
        value = zlib.crc32(piece, value)
    return f"{value:08x}"


def git_sha1_of(content: Content) -> str:
    """Git's blob id, what Hugging Face calls `oid` of a small file."""
    digest = hashlib.sha1(f"blob {size_of(content)}\0".encode(), usedforsecurity=False)
    for piece in pieces(content):
        digest.update(piece)
    return digest.hexdigest()


def xet_hash_of(content: Content) -> str:
    """Stands for the CDN's own entity tag: 64 digits that are not the file's SHA-256, known without reading it."""
    return hashlib.sha256(b"xet " + msgspec.json.encode(content)).hexdigest()


def gguf(seed: str, size_bytes: int = 4096) -> Plain:
    """A file with GGUF's magic number, version 3 and no tensors."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
    return Plain(head + _block(seed, size_bytes - len(head)))


@lru_cache(maxsize=256)
def _header(content: Weights) -> bytes:
    return safetensors.header(content.kind, content.size_bytes, dict(content.metadata))


def _tensor_bytes(content: Weights, start: int, end: int) -> Iterator[memoryview]:
    block = memoryview(_block(content.seed, min(content.size_bytes, BLOCK_BYTES)))
    while start < end:
        offset = start % BLOCK_BYTES
        piece = block[offset : offset + min(end - start, BLOCK_BYTES)]
        yield piece
        start += len(piece)


@lru_cache(maxsize=16)
def _block(seed: str, length: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(length)


def _cut(view: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(view), CHUNK_BYTES):
        yield view[start : start + CHUNK_BYTES]


def _digest(parts: Iterator[memoryview]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
