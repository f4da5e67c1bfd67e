"""Bytes that another program brings: into a place of ours, then looked at exactly as if we had fetched them."""

import contextlib
import os
from pathlib import Path
from typing import Final, Protocol

import msgspec

from comfyfixer.download.attempt import Means
from comfyfixer.download.beside import PartPaths, PartRecord, check_itself, is_plain
from comfyfixer.download.expected import Expected
from comfyfixer.download.verify import Proof, check_kind, digests_of, prove
from comfyfixer.errors import DownloadError
from comfyfixer.files import write_whole
from comfyfixer.model.candidate import Candidate
from comfyfixer.paths import limited
from comfyfixer.redact import redact

_WORTHLESS: Final = frozenset({"hash-mismatch", "size-mismatch", "not-a-model-file", "unsafe-file", "wrong-kind"})


_ENDINGS: Final = (".aria2", ".hf")
"""What programs keep beside the file: `aria2c` its notes, `hf` a folder."""


class LeftToUs(Exception):
    """The program can't be told this address without being told a key that it would hand on."""


class Hand(Protocol):
    """A program that fetches."""

    def takes(self, candidate: Candidate) -> bool:
        """Whether it can fetch this; else we do."""
        ...

    def bring(self, candidate: Candidate, expected: Expected, file: Path, means: Means) -> None:
        """Fill `file`, going on with what an earlier call left there.

        Raises:
            DownloadError: `downloader-failed`, or why the address is refused.
            Interrupted: `cancelled` became true; what came stays.
            LeftToUs: We have to fetch it ourselves.
            OSError: The folder can't be written.
        """
        ...


def brought(hand: Hand, paths: PartPaths, candidate: Candidate, expected: Expected, means: Means) -> Proof:
    """The proof of the bytes that the program brought; they are in the part then, ready to be placed.

    Our own part is not shared with the program: it may write in any order, and its half file says nothing to us.

    Raises:
        DownloadError: They could not be had, or are not what was promised; then they are removed.
        LeftToUs: We have to fetch it ourselves.
    """
    paths.check()
    file = fetched_beside(Path(limited(os.fspath(paths.part))))  # as other programs know paths
    for name in (file.name, *(file.name + ending for ending in _ENDINGS)):
        check_itself(file.with_name(name))
    try:
        hand.bring(candidate, expected, file, means)
    except LeftToUs:
        remove(file)
        raise
    try:
        proof = prove(file, digests_of(file, expected.hashes, means.cancelled), expected)
        check_kind(file, expected)
    except DownloadError as error:
        if error.code in _WORTHLESS:
            remove(file)
        raise
    _make_part(paths, candidate, proof)
    file.replace(paths.part)
    return proof


def fetched_beside(part: Path) -> Path:
    """Where the program writes: beside the part, and as hidden."""
    return part.with_name(part.name.removesuffix(".part") + ".fetched")


def remove(file: Path) -> None:
    """The program's file and what it keeps beside it."""
    for path in (file, file.with_name(f"{file.name}.aria2")):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def tidy(part: Path) -> None:
    """Remove what a program left in an earlier run, now that the file has come otherwise."""
    file = fetched_beside(part)
    if is_plain(file):
        remove(file)


def _make_part(paths: PartPaths, candidate: Candidate, proof: Proof) -> None:
    """The journal first: a part without one would not be ours."""
    paths.forget()
    record = PartRecord(
        candidate=redact(candidate.id), url=redact(candidate.download_url),
        size_bytes=proof.size_bytes, sha256=proof.sha256,
    )  # fmt: skip
    write_whole(paths.journal, msgspec.json.encode(record), durable=False)


def is_whole(file: Path, expected: Expected) -> bool:
    """Whether the file has all the promised bytes already; never where no size is promised."""
    try:
        return expected.size_bytes is not None and os.stat(file).st_size == expected.size_bytes
    except OSError:
        return False
