"""Is it the promised file? Size, hashes, container, and no code in it: asked before the real name is taken."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.content import safetensors
from comfyfixer.content.containers import check_is_file, container_fault, not_a_model, speaks_format
from comfyfixer.content.folders import contradiction
from comfyfixer.content.kinds import kind_of
from comfyfixer.content.pickles import check_pickle
from comfyfixer.content.safetensors import SAFETENSORS
from comfyfixer.digests import Digests
from comfyfixer.download.expected import Expected
from comfyfixer.download.pace import Cancelled, check
from comfyfixer.errors import DownloadError
from comfyfixer.model.content import PICKLE_SUFFIXES

_CHUNK: Final = 1024 * 1024
_IDENTIFYING: Final = frozenset({"sha256", "autov2", "autov3", "blake3"})


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a complete file.

    Attributes:
        sha256: Lower-case hex of the bytes.
        verified: All promised hashes that can be computed are theirs, among them the SHA-256; or an AutoV2, AutoV3 or
            BLAKE3 where every promised hash was compared. A CRC-32 or a size alone proves no identity.
        unchecked: Kinds of hash that were promised, and could not be computed; told where `verified` is False.
        fault: Why a file with the promised hash is an odd one of its format all the same; None where it is not.
        unsafe: Why loading it could run code, which was allowed by name; None where it could not.
    """

    sha256: str
    size_bytes: int
    verified: bool
    unchecked: tuple[str, ...] = ()
    fault: str | None = None
    unsafe: str | None = None


def prove(path: Path, digests: Digests, expected: Expected) -> Proof:
    """Check a complete file whose hashes are known already, all of `expected.hashes` among them.

    Raises:
        DownloadError: `size-mismatch`, `not-a-model-file`, `hash-mismatch` or `unsafe-file`.
        OSError: The file can't be read.
    """
    size = os.stat(path).st_size
    check_is_file(path, expected.suffix)
    check_size(size, expected)
    _compare_hashes(digests, expected)
    verified = _identified(expected)
    fault = container_fault(path, expected.suffix)
    if fault and not (verified and speaks_format(path, expected.suffix)):
        raise not_a_model(fault)
    return Proof(
        sha256=digests.sha256, size_bytes=size, verified=verified, unchecked=expected.unchecked, fault=fault,
        unsafe=_unsafe(path, expected),
    )  # fmt: skip


def _unsafe(path: Path, expected: Expected) -> str | None:
    """What the proof of a pickle says against it where it was allowed by name; None where nothing is said.

    Raises:
        DownloadError: `unsafe-file` where it was not.
    """
    if expected.suffix not in PICKLE_SUFFIXES:
        return None
    try:
        check_pickle(path)
    except DownloadError as error:
        if not expected.allow_pickle:
            raise
        return error.message
    return None


def check_kind(path: Path, expected: Expected) -> None:
    """Refuse a safetensors file whose tensors show, without doubt, another kind of model than its folder is for.

    Raises:
        DownloadError: `wrong-kind`.
        OSError: The file can't be read.
    """
    if expected.suffix not in SAFETENSORS:
        return
    header = safetensors.read(path).header
    if header and (kind := contradiction(expected.folder, kind_of(header.shapes, header.metadata))):
        raise DownloadError(
            f"`{expected.filename}` is {kind}, and belongs in another folder than `{expected.folder}`",
            code="wrong-kind",
            hint="Another file has this name: look for the one that the workflow means, and choose it",
        )


def digests_of(path: Path, kinds: Collection[str], cancelled: Cancelled) -> Digests:
    """The hashes of a file, read once.

    Raises:
        OSError: The file can't be read.
        Interrupted: `cancelled` became true.
    """
    digests = Digests(kinds)
    buffer = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            check(cancelled)
            digests.update(buffer[:count])
    return digests


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


def _compare_hashes(digests: Digests, expected: Expected) -> None:
    """Compare every promised hash: one that differs is a contradiction, however many others agree."""
    for kind, promised in expected.hashes.items():
        got = digests.get(kind)
        if promised not in _spellings(kind, got):
            raise _mismatch(expected.filename, kind, promised, got)


def _spellings(kind: str, digest: str) -> tuple[str, ...]:
    """Civitai writes a CRC-32 with its bytes in reverse order ("hello world" is 85114A0D there); others don't."""
    return (digest, bytes.fromhex(digest)[::-1].hex()) if kind == "crc32" else (digest,)


def _identified(expected: Expected) -> bool:
    """Whether the compared hashes prove the identity; of several weaker ones none may be left out."""
    return "sha256" in expected.hashes or (not expected.unchecked and not _IDENTIFYING.isdisjoint(expected.hashes))


def _mismatch(filename: str, kind: str, promised: str, got: str) -> DownloadError:
    return DownloadError(
        f"`{filename}` is not the file that was promised: {kind} {promised} was expected, {got} came",
        code="hash-mismatch",
        hint="The listed hash is wrong or the file was replaced: compare on its page, or choose another candidate",
    )
