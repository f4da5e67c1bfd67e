"""Files of many repositories by their base name: exact ones at once, similar ones through their rarest words. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from comfyfixer.resolve.likeness import similarity, stem_words
from comfyfixer.sources.foreign import base_of, is_model_name

_RAREST: Final = 3
_COMPARED: Final = 300


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
        self._by_word: dict[str, set[str]] = defaultdict(set)
        for place in places:
            if is_model_name(place.name):
                self._by_name[place.name].append(place)
        for name in self._by_name:
            for word in stem_words(name):
                self._by_word[word].add(name)
        self.repositories = frozenset(place.repo_id for places in self._by_name.values() for place in places)

    def exact(self, filename: str) -> list[Place]:
        """Files of exactly this base name."""
        return list(self._by_name.get(filename, ()))

    def similar(self, filename: str, threshold: float) -> list[tuple[float, Place]]:
        """Files of similar base names with the similarity, in no order."""
        known = [self._by_word[word] for word in set(stem_words(filename)) if word in self._by_word]
        names: set[str] = set()
        for having in sorted(known, key=len)[:_RAREST]:
            names.update(sorted(having)[:_COMPARED])
        scored = ((similarity(filename, name), name) for name in names if name != filename)
        return [(score, place) for score, name in scored if score >= threshold for place in self._by_name[name]]
