"""Hugging Face: files of exactly the wanted name in listings, in repositories found by words, and by model cards."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel
from comfyfixer.resolve.names import is_generic, split_extension
from comfyfixer.settings import Settings
from comfyfixer.sources.failures import Failures
from comfyfixer.sources.huggingface_api import MAIN, HuggingFaceApi, Repository, RepositoryFile
from comfyfixer.sources.name_index import NameIndex, Place
from comfyfixer.sources.publishers import publishers_of
from comfyfixer.sources.queries import parts_of_repositories

_CARDS: Final = 3
_DETAILED: Final = 5
_LISTED_ONLY: Final = 10
_SIMILAR: Final = 3


class HuggingFaceSource:
    """The hub knows no search for file names: repositories that may have the file are found, then looked through."""

    name = "huggingface"

    def __init__(self, settings: Settings, api: HuggingFaceApi) -> None:
        self._api = api
        self._threshold = settings.fuzzy_threshold

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """Every file of exactly the name that is found; where there is none, a few of similar names.

        For a name that thousands of files carry no search helps: a few from the publishers are shown.
        """
        failures = Failures()
        indexes = self._publishers_indexes(missing, failures)
        if is_generic(missing.filename):
            yield from self._exact_candidates(_exact(indexes, missing.filename)[:_SIMILAR], failures)
            failures.raise_first()
            return
        indexes += self._found_indexes(missing.filename, indexes, failures)
        exact = _exact(indexes, missing.filename) + self._exact_by_card(missing.filename, indexes, failures)
        if exact:
            yield from self._exact_candidates(exact, failures)
        else:
            yield from self._similar_candidates(missing.filename, indexes, failures)
        failures.raise_first()

    def _publishers_indexes(self, missing: MissingModel, failures: Failures) -> list[NameIndex]:
        """Listings of the publishers to whom the name or the folder points."""
        authors = publishers_of(missing.filename, missing.folder)
        found = (failures.caught(partial(self._api.by_author, author)) for author in authors)
        return [index for index in found if index is not None]

    def _found_indexes(self, filename: str, known: Sequence[NameIndex], failures: Failures) -> list[NameIndex]:
        """Repositories whose id has words of the name; the broader words only while no exact file is known."""
        found: list[NameIndex] = []
        for place, part in enumerate(parts_of_repositories(filename)):
            if place and _exact([*known, *found], filename):
                break
            index = failures.caught(partial(self._api.by_part_of_id, part))
            found += [index] if index is not None else []
        return found

    def _exact_by_card(self, filename: str, indexes: Sequence[NameIndex], failures: Failures) -> list[Place]:
        """Exact files in repositories whose card names the file, as far as no listing has shown them."""
        stem = split_extension(filename)[0]
        named = failures.caught(lambda: self._api.by_card(stem)) or []
        seen = frozenset().union(*(index.repositories for index in indexes))
        places = []
        for repo_id in [repo_id for repo_id in named if repo_id not in seen][:_CARDS]:
            repository = failures.caught(partial(self._api.repository, repo_id))
            if repository is not None:
                places += [Place(repository.id, file.path) for file in repository.named(filename)]
        return places

    def _exact_candidates(self, exact: Sequence[Place], failures: Failures) -> Iterator[Candidate]:
        """With size and hash for the first repositories; of a name that many carry the rest is only told."""
        places = list(dict.fromkeys(exact))
        detailed = set(list(dict.fromkeys(place.repo_id for place in places))[:_DETAILED])
        for place in places[: _DETAILED + _LISTED_ONLY]:
            if place.repo_id in detailed:
                candidate = failures.caught(partial(self._candidate, place))
                if candidate is not None:
                    yield candidate
            else:
                yield self._listed_only(place)

    def _similar_candidates(
        self, filename: str, indexes: Sequence[NameIndex], failures: Failures
    ) -> Iterator[Candidate]:
        scored = {place: score for index in indexes for score, place in index.similar(filename, self._threshold)}
        best = sorted(scored, key=lambda place: (-scored[place], place))[:_SIMILAR]
        for place in best:
            candidate = failures.caught(partial(self._candidate, place))
            if candidate is not None:
                yield candidate

    def _candidate(self, place: Place) -> Candidate:
        repository = self._api.repository(place.repo_id)
        file = self._api.file(repository, MAIN, place.path)
        return self._api.candidate(repository, file, found_by="search")

    def _listed_only(self, place: Place) -> Candidate:
        """Size, hash and access stay unknown: that another file of the name exists is what counts."""
        file = RepositoryFile(path=place.path)
        repository = Repository(id=place.repo_id, gated=False, files={})
        return self._api.candidate(repository, file, found_by="search")


def _exact(indexes: Sequence[NameIndex], filename: str) -> list[Place]:
    return [place for index in indexes for place in index.exact(filename)]
