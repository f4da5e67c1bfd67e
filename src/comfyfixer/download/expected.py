"""What is known in advance about the bytes of one file."""

import re
from pathlib import PurePath
from typing import Final

import msgspec

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest

COMPARED: Final = {"sha256": 64, "autov2": 10, "autov3": 12, "crc32": 8}
"""The hashes that the standard library can compute, best first, with their hex digits; BLAKE3 it can't."""

_HEX: Final = re.compile(r"[0-9a-f]+")


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the bytes have to be.

    Attributes:
        suffix: Of the final name, lower case, with its dot.
        size_bytes: None where nobody tells.
        hashes: Only those of `COMPARED`; empty where nothing is known, or hashes are not to be compared.
    """

    filename: str
    suffix: str
    size_bytes: int | None = None
    hashes: dict[str, str] = {}

    @property
    def sha256(self) -> str | None:
        """Lower-case hex of the whole file, None where it is unknown or not compared."""
        return self.hashes.get("sha256")


def expected_of(request: FetchRequest, candidate: Candidate, *, verify_hashes: bool) -> Expected:
    """What one candidate promises. What it leaves open, the others tell: all of them are the same bytes."""
    ordered = (candidate, *(other for other in request.candidates if other is not candidate))
    hashes = {kind: digest for kind in COMPARED if (digest := _digest(kind, ordered))} if verify_hashes else {}
    size = next((one.size_bytes for one in ordered if one.size_bytes is not None), None)
    suffix = PurePath(request.filename).suffix.lower()
    return Expected(filename=request.filename, suffix=suffix, size_bytes=size, hashes=hashes)


def _digest(kind: str, candidates: tuple[Candidate, ...]) -> str | None:
    """The first well-formed digest of a kind."""
    for candidate in candidates:
        digest = candidate.hashes.get(kind, "").lower()
        if len(digest) >= COMPARED[kind] and _HEX.fullmatch(digest):
            return digest[: COMPARED[kind]]
    return None
