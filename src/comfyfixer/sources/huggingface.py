"""Hugging Face: files of exactly the wanted name in listings, in repositories found by words, and by model cards."""

from collections.abc import Container, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel
from comfyfixer.resolve.names import is_generic, split_extension
from comfyfixer.settings import Settings
from comfyfixer.sources.failures import Failures, cut_off
from comfyfixer.sources.huggingface_api import HuggingFaceApi
from comfyfixer.sources.huggingface_shapes import MAIN, Repository, RepositoryFile, folders_of
from comfyfixer.sources.name_index import NameIndex, Place
from comfyfixer.sources.publishers import Publishers
from comfyfixer.sources.queries import further_parts, parts_of_repositories, resembles, telling_words

_CARDS: Final = 8
_SAFETENSORS: Final = (".safetensors", ".sft")
_DETAILED: Final = 5
_LISTED_ONLY: Final = 10
_SIMILAR: Final = 3
_LIKELY: Final = 0.8
"""Size and hash of a similar file are worth a question from here on."""


class HuggingFaceSource:
    """The hub knows no search for file names: repositories that may have the file are found, then looked through."""

    name = "huggingface"

    def __init__(self, settings: Settings, api: HuggingFaceApi, publishers: Publishers) -> None:
        self._api = api
        self._publishers = publishers
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
        indexes += self._found_indexes(missing.filename, parts_of_repositories(missing.filename), failures)
        exact = _exact(indexes, missing.filename) + self._exact_by_card(missing.filename, indexes, failures)
        if not exact:
            further = self._found_indexes(missing.filename, further_parts(missing.filename), failures)
            exact, indexes = _exact(further, missing.filename), indexes + further
        for index in indexes:
            _note_gaps(index, missing.filename, failures)
        if exact:
            yield from self._with_kind(missing, list(self._exact_candidates(exact, failures)), failures)
        else:
            yield from self._similar_candidates(missing.filename, indexes, failures)
        failures.raise_first()

    def _publishers_indexes(self, missing: MissingModel, failures: Failures) -> list[NameIndex]:
        """Listings of the publishers to whom the name or the folder points."""
        authors = self._publishers.of(missing.filename, missing.folder)
        found = (failures.caught(partial(self._api.by_author, author)) for author in authors)
        return [index for index in found if index is not None]

    def _found_indexes(self, filename: str, parts: Sequence[str], failures: Failures) -> list[NameIndex]:
        """Repositories whose id has words of the name; what a whole answer has already is not asked for."""
        words = telling_words(filename)
        indexes: list[NameIndex] = []
        whole: list[str] = []
        for part in parts:
            if any(known in part for known in whole):
                continue
            index = failures.caught(partial(self._api.by_part_of_id, part, words))
            if index is not None:
                indexes.append(index)
                whole += [] if index.last else [part]
        return indexes

    def _exact_by_card(self, filename: str, indexes: Sequence[NameIndex], failures: Failures) -> list[Place]:
        """Exact files in repositories whose card names the file, as far as no listing has shown them."""
        stem = split_extension(filename)[0]
        cards = failures.caught(lambda: self._api.by_card(stem))
        if cards is None:
            return []
        seen = frozenset().union(*(index.repositories for index in indexes))
        unseen = [repo_id for repo_id in cards.repo_ids if repo_id not in seen]
        failures.note_lost(cards.lost, filename, "Hugging Face")
        if cards.cut or len(unseen) > _CARDS:
            failures.note(cut_off(filename, "Hugging Face"))
        places = []
        for repo_id in unseen[:_CARDS]:
            repository = failures.caught(partial(self._api.repository, repo_id))
            if repository is not None:
                failures.note_lost(repository.lost, filename, "Hugging Face")
                places += [Place(repository.id, file.path) for file in repository.named(filename)]
        return places

    def _exact_candidates(self, exact: Sequence[Place], failures: Failures) -> Iterator[Candidate]:
        """With size and hash for the first repositories; of a name that many carry the rest is only told."""
        places = list(dict.fromkeys(exact))
        if len(places) > _DETAILED + _LISTED_ONLY:
            failures.note(cut_off(places[0].name, "Hugging Face"))
        detailed = set(list(dict.fromkeys(place.repo_id for place in places))[:_DETAILED])
        yield from self._told(places[: _DETAILED + _LISTED_ONLY], detailed, failures)

    def _told(self, places: Sequence[Place], detailed: Container[str], failures: Failures) -> Iterator[Candidate]:
        """With size and hash where they lie in one of the repositories that are asked about them."""
        for place in places:
            if place.repo_id in detailed:
                candidate = failures.caught(partial(self._candidate, place))
                if candidate is not None:
                    yield candidate
            else:
                yield self._listed_only(place)

    def _with_kind(
        self, missing: MissingModel, candidates: Sequence[Candidate], failures: Failures
    ) -> Iterator[Candidate]:
        """Where the name alone may decide, a file that no folder tells the kind of is looked into."""
        one_file = len({candidate.sha256 for candidate in candidates}) == 1
        only_name = one_file and not missing.urls and "sha256" not in missing.hashes
        asked = next((candidate for candidate in candidates if candidate.access == "open"), None)
        untold = any(not folders_of(candidate.repo_path or "") for candidate in candidates)
        if not (only_name and untold and asked and asked.filename.lower().endswith(_SAFETENSORS)):
            yield from candidates
            return
        told = failures.caught(partial(self._api.folders_by_content, asked)) or ()
        for candidate in candidates:
            folders = folders_of(candidate.repo_path or "") or told or candidate.folders
            yield msgspec.structs.replace(candidate, folders=folders)

    def _similar_candidates(
        self, filename: str, indexes: Sequence[NameIndex], failures: Failures
    ) -> Iterator[Candidate]:
        scored = {place: score for index in indexes for score, place in index.similar(filename, self._threshold)}
        best = sorted(scored, key=lambda place: (-scored[place], place))[:_SIMILAR]
        likely = {place.repo_id for place in best[:1] if scored[place] >= _LIKELY}
        yield from self._told(best, likely, failures)

    def _candidate(self, place: Place) -> Candidate:
        repository = self._api.repository(place.repo_id)
        file = self._api.file(repository, MAIN, place.path)
        return self._api.candidate(repository, file, found_by="search")

    def _listed_only(self, place: Place) -> Candidate:
        """Size, hash and access stay unknown: that another file of the name exists is what counts."""
        file = RepositoryFile(path=place.path)
        repository = Repository(id=place.repo_id, gated=False, files={})
        return self._api.candidate(repository, file, found_by="search")


def _note_gaps(index: NameIndex, filename: str, failures: Failures) -> None:
    """What a listing leaves unknown: rows that can't be read, and what it was cut off before."""
    failures.note_lost(index.lost, filename, "Hugging Face")
    words = telling_words(filename)
    if any(resembles(text, words) for text in index.last):
        failures.note(cut_off(filename, "Hugging Face"))


def _exact(indexes: Sequence[NameIndex], filename: str) -> list[Place]:
    return [place for index in indexes for place in index.exact(filename)]
