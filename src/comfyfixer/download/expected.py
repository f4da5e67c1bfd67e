"""What is known in advance about the bytes of one file."""

import re
from pathlib import PurePath
from typing import Final

import msgspec

from comfyfixer.digests import DIGITS, computable
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest

_HEX: Final = re.compile(r"[0-9a-f]+")


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the bytes have to be.

    Attributes:
        suffix: Of the final name, lower case, with its dot.
        folder: ComfyUI's folder name; empty where any kind of model may lie.
        size_bytes: None where nobody tells.
        hashes: All that are promised and can be computed; empty where nothing is known, or none is to be compared.
        unchecked: Kinds of hash that are promised, and can't be computed here.
        allow_pickle: It may be placed although loading it could run code: the user named it.
    """

    filename: str
    suffix: str
    folder: str = ""
    size_bytes: int | None = None
    hashes: dict[str, str] = {}
    unchecked: tuple[str, ...] = ()
    allow_pickle: bool = False

    @property
    def sha256(self) -> str | None:
        """Lower-case hex of the whole file, None where it is unknown or not compared."""
        return self.hashes.get("sha256")


def expected_of(request: FetchRequest, candidate: Candidate, *, verify_hashes: bool) -> Expected:
    """What one candidate promises. What it leaves open, the others tell: all of them are the same bytes."""
    ordered = (candidate, *(other for other in request.candidates if other is not candidate))
    suffix = PurePath(request.filename).suffix.lower()
    promised = _promised(ordered) if verify_hashes else {}
    return Expected(
        filename=request.filename, suffix=suffix, folder=request.folder,
        size_bytes=next((one.size_bytes for one in ordered if one.size_bytes is not None), None),
        hashes={kind: digest for kind, digest in promised.items() if computable(kind, suffix)},
        unchecked=tuple(kind for kind in promised if not computable(kind, suffix)),
        allow_pickle=request.allow_pickle,
    )  # fmt: skip


def _promised(candidates: tuple[Candidate, ...]) -> dict[str, str]:
    """The first well-formed digest of each kind: the comparable ones first and best first, then the others by name."""
    others = sorted({kind for one in candidates for kind in one.hashes} - DIGITS.keys())
    digests = {kind: _digest(kind, candidates) for kind in (*DIGITS, *others)}
    return {kind: digest for kind, digest in digests.items() if digest}


def _digest(kind: str, candidates: tuple[Candidate, ...]) -> str | None:
    digits = DIGITS.get(kind, 1)
    for candidate in candidates:
        digest = candidate.hashes.get(kind, "").lower()
        if len(digest) >= digits and _HEX.fullmatch(digest):
            return digest[: DIGITS.get(kind)]
    return None
