"""Files of many repositories by their base name: exact ones at once, similar ones through their rarest words. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from comfyfixer.resolve.likeness import stem_words
from comfyfixer.sources.foreign import base_of, is_model_name

_RAREST: Final = 3
_COMPARED: Final = 500


class Place(msgspec.Struct, frozen=True, order=True):
    """A file in a repository."""

    repo_id: str
    path: str

    @property
    def name(self) -> str:
        """Its base name."""
        return base_of(self.path)


class NameIndex:
    """The files of one listing, in the listing's order.

    Attributes:
        lost: Rows of the listing that can't be read.
        last: Where the listing was cut off: the last repositories with their files, as text. Else empty.
    """

    def __init__(self, places: Iterable[Place], *, lost: Sequence[bytes] = (), last: Sequence[str] = ()) -> None:
        self.lost = tuple(lost)
        self.last = tuple(last)
        self._by_name: dict[str, list[Place]] = defaultdict(list)
        self._by_word: dict[str, list[str]] = defaultdict(list)
        for place in places:
            if is_model_name(place.name):
                self._by_name[place.name].append(place)
        self._sorted: dict[str, str] = {}
        for name in self._by_name:
            words = stem_words(name)
            self._sorted[name] = " ".join(sorted(words))
            for word in dict.fromkeys(words):
                self._by_word[word].append(name)
        self.repositories = frozenset(place.repo_id for places in self._by_name.values() for place in places)

    def exact(self, filename: str) -> list[Place]:
        """Files of exactly this base name."""
        return list(self._by_name.get(filename, ()))

    def similar(self, filename: str, threshold: float) -> list[tuple[float, Place]]:
        """Files of similar base names with the similarity, in no order."""
        from rapidfuzz import fuzz, process

        words = stem_words(filename)
        known = [self._by_word[word] for word in set(words) if word in self._by_word]
        names: dict[str, None] = {}
        for having in sorted(known, key=len)[:_RAREST]:
            names |= dict.fromkeys(having[:_COMPARED])
        near = {name: self._sorted[name] for name in names if name != filename}
        found = process.extract(
            " ".join(sorted(words)), near, scorer=fuzz.ratio, score_cutoff=threshold * 100, limit=None
        )
        return [(score / 100, place) for _, score, name in found for place in self._by_name[name]]
