"""Files that hold the same bytes twice. All models of one architecture have one size: samples spare most reading."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from comfyfixer.model.stock import Duplicate
from comfyfixer.paths import openable

Sized = tuple[tuple[int, int], int]
"""Which file a path leads to (device, inode), and its size in bytes."""

_SAMPLE_BYTES: Final = 64 * 1024


def likely_twins(files: Mapping[str, Sized]) -> list[str]:
    """One path of each file that has another of its size, with the same bytes at its begin, middle and end."""
    by_size: dict[int, dict[tuple[int, int], str]] = defaultdict(dict)
    for path, (place, size_bytes) in files.items():
        if size_bytes:
            by_size[size_bytes].setdefault(place, path)
    groups = (group for same_size in by_size.values() if len(same_size) > 1 for group in _alike(same_size.values()))
    return [path for group in groups for path in group]


def _alike(paths: Iterable[str]) -> Iterator[list[str]]:
    samples: dict[bytes, list[str]] = defaultdict(list)
    for path in paths:
        try:
            samples[_sample(path)].append(path)
        except OSError:
            continue
    yield from (group for group in samples.values() if len(group) > 1)


def _sample(path: str) -> bytes:
    digest = hashlib.blake2b()
    with open(openable(path), "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        for place in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
            file.seek(place)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.digest()


def duplicates(files: Mapping[str, Sized], hashes: Mapping[str, Mapping[str, str]]) -> tuple[Duplicate, ...]:
    """Files with the same SHA-256, the most to spare first; two names of one file are no duplicate."""
    copies: dict[tuple[str, int], dict[tuple[int, int], str]] = defaultdict(dict)
    for path, (place, size_bytes) in sorted(files.items()):
        if size_bytes and (sha256 := hashes.get(path, {}).get("sha256")):
            copies[sha256, size_bytes].setdefault(place, path)
    found = (
        Duplicate(sha256=sha256, size_bytes=size, spare_bytes=size * (len(names) - 1), paths=tuple(names.values()))
        for (sha256, size), names in copies.items()
        if len(names) > 1
    )
    return tuple(sorted(found, key=lambda row: (-row.spare_bytes, row.sha256)))
