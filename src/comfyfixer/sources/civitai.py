"""Civitai: by hash, then by the words of the name, with every name a file is known under compared."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.sidecar import Sidecar
from comfyfixer.resolve.likeness import similarity, stem_words
from comfyfixer.resolve.names import is_generic, letters_of, split_extension
from comfyfixer.settings import Settings
from comfyfixer.sources.civitai_api import CivitaiApi
from comfyfixer.sources.civitai_kinds import types_for
from comfyfixer.sources.civitai_shapes import Found, Listing
from comfyfixer.sources.failures import Failures, cut_off
from comfyfixer.sources.queries import words_for_models

_HASHES: Final = ("sha256", "blake3", "autov3", "autov2", "crc32")
_HASHES_ASKED: Final = 2
_PROVING: Final = frozenset({"sha256", "blake3"})
_STORED_NAMES_ASKED: Final = 4
_SIDECARS_ASKED: Final = 2
ReadBeside = Callable[[MissingModel], Sequence[Sidecar]]


def none_beside(_missing: MissingModel) -> Sequence[Sidecar]:
    """For who has no installation to look at."""
    return ()


class CivitaiSource:
    """The only large public index by hash; its search knows models' names, not files' names."""

    name = "civitai"

    def __init__(self, settings: Settings, api: CivitaiApi, read_beside: ReadBeside = none_beside) -> None:
        self._api = api
        self._beside = read_beside
        self._threshold = settings.fuzzy_threshold
        self._max_results = settings.max_results

    def prepare(self, missing: Sequence[MissingModel]) -> None:
        """Ask for the hashes of all that will be searched for, many in one question."""
        named = [one.hashes for one in missing]
        named += [sidecar.hashes for one in missing for sidecar in self._beside(one)]
        self._api.ask_by_hashes([hashes["sha256"].lower() for hashes in named if "sha256" in hashes])

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """Files of an equal hash; without one that proves, every file of exactly the name, then the most similar."""
        failures = Failures()
        proven = False
        for algorithm, found in self._by_hash(missing, failures):
            proven = proven or algorithm in _PROVING
            short = algorithm not in _PROVING and missing.filename not in found.names
            stored = self._stored_name(found, failures) if short else ()
            yield self._api.candidate(found, found_by="hash", more_names=stored)
        yield from self._by_sidecars(missing, failures)
        if not proven and not is_generic(missing.filename):
            yield from self._by_words(missing, failures)
        failures.raise_first()

    def _by_hash(self, missing: MissingModel, failures: Failures) -> Iterator[tuple[str, Found]]:
        """Files that have a hash of the workflow; short hashes collide, so each answer is compared."""
        known = [algorithm for algorithm in _HASHES if algorithm in missing.hashes]
        for algorithm in known[:_HASHES_ASKED]:
            digest = missing.hashes[algorithm].lower()
            answer = self._heard(failures.caught(partial(self._api.by_hash, digest)), missing, failures)
            equal = [found for found in answer if found.hashes.get(algorithm) == digest]
            if equal:
                yield from ((algorithm, found) for found in equal)
                return

    def _by_sidecars(self, missing: MissingModel, failures: Failures) -> Iterator[Candidate]:
        """What metadata files beside the missing file name: places to look at, as they may be stale."""
        hashes = dict.fromkeys(_best_hash(one) for one in self._beside(missing) if one.hashes)
        for algorithm, digest in [known for known in hashes if known is not None][:_SIDECARS_ASKED]:
            answer = self._heard(failures.caught(partial(self._api.by_hash, digest)), missing, failures)
            for found in answer:
                if found.hashes.get(algorithm) == digest:
                    stored = self._stored_name(found, failures) if missing.filename not in found.names else ()
                    yield self._api.candidate(found, found_by="sidecar", more_names=stored)
        versions = dict.fromkeys(one.version_id for one in self._beside(missing) if not one.hashes and one.version_id)
        for version_id in list(versions)[:_SIDECARS_ASKED]:
            listing = failures.caught(partial(self._api.version, version_id))
            for found in self._heard(listing, missing, failures):
                yield self._api.candidate(found, found_by="sidecar")

    def _by_words(self, missing: MissingModel, failures: Failures) -> Iterator[Candidate]:
        files = self._searched(missing, failures)
        scored = [(self._score(missing.filename, found), found) for found in files]
        exact = [found for _, found in scored if missing.filename in found.names]
        yield from (self._api.candidate(found, found_by="search") for found in exact)
        similar = sorted(
            ((score, found) for score, found in scored if score >= self._threshold and found not in exact),
            key=lambda item: (-item[0], item[1].file.id),
        )[: self._max_results]
        likely = sorted((found for _, found in similar), key=lambda found: not _same_version(missing.filename, found))
        asked = set() if exact else {found.file.id for found in likely[:_STORED_NAMES_ASKED]}
        for _, found in similar:
            stored = self._stored_name(found, failures) if found.file.id in asked else ()
            yield self._api.candidate(found, found_by="search", more_names=stored)

    def _searched(self, missing: MissingModel, failures: Failures) -> list[Found]:
        """Files of models with the name's words, as far as asking further can bring more.

        The search drops words from a query's end: where a whole answer is known, one that begins alike has no more.
        """
        types = types_for(missing.folder)
        files: dict[int, Found] = {}
        whole: list[list[str]] = []
        for query in words_for_models(missing.filename, derived=types[:1] == ("Checkpoint",)):
            words = query.lower().split()
            if any(_is_narrower(words, known) for known in whole):
                continue
            if whole and _has_exact(missing.filename, files.values()):
                break
            listing = failures.caught(partial(self._api.search, query, types))
            files.update((found.file.id, found) for found in self._heard(listing, missing, failures))
            if listing is not None and not listing.more:
                whole.append(words if listing.found or listing.lost else words[:1])
        if _has_exact(missing.filename, files.values()):
            files |= {found.file.id: found for found in self._namesakes(missing, types, failures)}
        return list(files.values())

    def _namesakes(self, missing: MissingModel, types: Sequence[str], failures: Failures) -> Sequence[Found]:
        """Files of the best models with the first word alone: one of fewer words may have another file of the name."""
        first, _, more = words_for_models(missing.filename)[0].partition(" ")
        listing = failures.caught(partial(self._api.search, first, types, 1)) if more else None
        return listing.found if listing is not None else ()

    def _heard(self, listing: Listing | None, missing: MissingModel, failures: Failures) -> Sequence[Found]:
        """The files of an answer; what it leaves unknown is noted."""
        if listing is None:
            return ()
        failures.note_lost(listing.lost, missing.filename, "Civitai")
        if listing.cut:
            failures.note(cut_off(missing.filename, "Civitai"))
        return listing.found

    def _score(self, filename: str, found: Found) -> float:
        """At least so much as makes it worth a look where the name has all words of the model's name."""
        words = set(stem_words(filename))
        has_all = found.model_name != "" and words.issuperset(stem_words(found.model_name))
        alike = max(max(similarity(filename, name), _together(filename, name)) for name in found.names)
        return max(alike, self._threshold) if has_all else alike

    def _stored_name(self, found: Found, failures: Failures) -> Sequence[str]:
        """The uploaded name, where the API shows a derived one."""
        if found.model_type not in ("Checkpoint", "Controlnet", "Upscaler", "UNet", "TextualInversion"):
            return ()
        name = failures.caught(partial(self._api.stored_name, found))
        return (name,) if name else ()


def _best_hash(sidecar: Sidecar) -> tuple[str, str] | None:
    """The longest hash that Civitai can be asked for."""
    return next(((name, sidecar.hashes[name]) for name in _HASHES if name in sidecar.hashes), None)


def _together(one: str, other: str) -> float:
    """How alike two names are without the places where words begin: `ZavyChromaXL_v9.0`, `zavychromaxl_v90`."""
    from rapidfuzz import fuzz

    return float(fuzz.ratio(*(letters_of(split_extension(name)[0].lower()) for name in (one, other)))) / 100


def _is_narrower(words: Sequence[str], known: Sequence[str]) -> bool:
    """Whether a query can find no more than one that begins alike and is a part of it, down to the first word."""
    return words[0] == known[0] and set(known) <= set(words)


def _has_exact(filename: str, files: Iterable[Found]) -> bool:
    return any(filename in found.names for found in files)


def _same_version(filename: str, found: Found) -> bool:
    """Whether the last parts are equal: a model that was renamed shows `newName_v51` for `oldName_v51`."""
    last = split_extension(filename)[0].rpartition("_")[2].lower()
    return any(split_extension(name)[0].rpartition("_")[2].lower() == last for name in found.names)
