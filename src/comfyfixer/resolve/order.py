"""In which order files help most: workflows made runnable for each byte, greedily. Pure and deterministic."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

Files = frozenset[int]
AFTER_A_STEP: Final = 1
"""In this tier a workflow becomes runnable by its files alone, of which one can't be had before a person's step."""
MAKES_RUNNABLE: Final = AFTER_A_STEP
"""Up to this tier a workflow becomes runnable by its files alone."""


class Need(msgspec.Struct, frozen=True):
    """What one workflow waits for.

    Attributes:
        files: Indexes of the files to fetch.
        tier: Lower ones come first. 0 becomes runnable, 1 after a person's step; higher ones have something else in
            their way too; None can't be completed by any of the files.
    """

    name: str
    files: Files
    tier: int | None


class _Ordering:
    def __init__(self, sizes: Sequence[int], limit: int | None) -> None:
        self._sizes = sizes
        self._left = limit
        self.taken: list[int] = []
        self._have: set[int] = set()

    def take_sets(self, needs: Iterable[Need], uses: Mapping[int, int]) -> None:
        """Set by set, the one that completes most for its bytes first, as far as the limit reaches."""
        waiting = Counter(need.files for need in needs)
        while waiting := self._remaining(waiting):
            best = self._best(waiting)
            if best is None:
                return
            self.take(sorted(best, key=lambda file: (-uses[file], self._sizes[file], file)))

    def take(self, files: Iterable[int]) -> None:
        """Those that are not taken yet and within the limit."""
        for file in files:
            if file in self._have or (self._left is not None and self._sizes[file] > self._left):
                continue
            self._have.add(file)
            self.taken.append(file)
            if self._left is not None:
                self._left -= self._sizes[file]

    def _remaining(self, waiting: Counter[Files]) -> Counter[Files]:
        """What each set still lacks; complete ones are gone."""
        left: Counter[Files] = Counter()
        for files, count in waiting.items():
            if lacking := files - self._have:
                left[lacking] += count
        return left

    def _best(self, waiting: Counter[Files]) -> Files | None:
        """The set within the limit whose files complete most workflows for their bytes."""
        costs = {files: sum(self._sizes[file] for file in files) for files in waiting}
        fitting = [files for files in waiting if self._left is None or costs[files] <= self._left]
        gains = dict(_gains(fitting, waiting))
        return min(
            fitting, key=lambda files: (-gains[files] / max(1, costs[files]), costs[files], sorted(files)), default=None
        )


def _gains(fitting: Iterable[Files], waiting: Counter[Files]) -> Iterator[tuple[Files, int]]:
    """For each set, how many workflows wait for nothing beyond it.

    Every set is filed under its rarest file: only sets whose rarest file is in a set can lie in it.
    """
    common = Counter(file for files in waiting for file in files)
    filed: dict[int, list[Files]] = {}
    for files in waiting:
        filed.setdefault(min(files, key=lambda file: (common[file], file)), []).append(files)
    for files in fitting:
        yield files, sum(waiting[other] for file in files for other in filed.get(file, ()) if other <= files)


def best_order(sizes: Sequence[int], needs: Sequence[Need], *, last: Files, limit: int | None = None) -> list[int]:
    """Indexes of the files to fetch, what helps most first.

    Args:
        sizes: Bytes of each file.
        last: Files that can't be had before a person did something: nothing waits behind them.
        limit: Bytes in all; files that help less are left out.
    """
    uses = Counter(file for need in needs for file in need.files)
    ordering = _Ordering(sizes, limit)
    for tier in sorted({need.tier for need in needs if need.tier is not None}):
        ordering.take_sets((need for need in needs if need.tier == tier), uses)
    # Within a limit, a part of what a workflow needs only takes the room; for those that stay open anyway all counts.
    open_anyway = {file for need in needs if need.tier is None for file in need.files}
    rest = [file for file in range(len(sizes)) if limit is None or file in open_anyway]
    ordering.take(sorted(rest, key=lambda file: (file in last, -uses[file], sizes[file], file)))
    return ordering.taken


class Completion(msgspec.Struct, frozen=True):
    """What one file of an order completes.

    Attributes:
        names: The workflows.
        before: How many files before it they need too.
    """

    names: tuple[str, ...]
    before: int


def completions(order: Sequence[int], needs: Iterable[Need]) -> dict[int, Completion]:
    """File index to what it completes, for the files that complete something."""
    place = {file: number for number, file in enumerate(order)}
    by_last: dict[int, list[Need]] = {}
    for need in needs:
        runnable = need.tier is not None and need.tier <= MAKES_RUNNABLE
        if runnable and need.files and need.files <= place.keys():
            by_last.setdefault(max(need.files, key=place.__getitem__), []).append(need)
    return {file: _completion(found) for file, found in by_last.items()}


def _completion(needs: Sequence[Need]) -> Completion:
    files = frozenset[int]().union(*(need.files for need in needs))
    return Completion(tuple(sorted(need.name for need in needs)), len(files) - 1)
