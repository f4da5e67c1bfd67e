"""Files that are here and may be the one that is missing, each with why. Pure; only an equal hash is proof."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

import msgspec

from comfyfixer.model.inventory import FaultyModel, InstalledModel
from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.model.reference import base_name
from comfyfixer.resolve.likeness import traits
from comfyfixer.resolve.names import is_generic, letters_of, split_extension, without_precision

MAX_LOCAL_MATCHES: Final = 5
_ORDER: Final = (
    "broken", "wrong-kind", "same-hash", "other-separator", "other-case", "other-subfolder", "other-folder",
    "other-precision",
)  # fmt: skip
_ALIASES: Final = {"unet": "diffusion_models", "clip": "text_encoders", "t2i_adapter": "controlnet"}
_BUCKET_LETTERS: Final = 4


class Wanted(msgspec.Struct, frozen=True):
    """What a node looks for, as a workflow names it."""

    value: str
    filename: str
    folder: str | None


class LocalIndex:
    """The installed models by what can make them the one that is meant. Built as far as it is asked."""

    def __init__(self, models: Iterable[InstalledModel], faulty: Iterable[FaultyModel] = ()) -> None:
        self._models = tuple(models)
        self._faulty = tuple(faulty)
        self._apart: dict[tuple[str, str], dict[str, list[InstalledModel]]] = {}

    def holds_name(self, filename: str) -> bool:
        """Whether any folder has a file of this base name, in any case."""
        return filename.casefold() in self._by_base

    def alike(self, wanted: Wanted) -> tuple[LocalMatch, ...]:
        """Files that may be meant, best first; what is there and can't be used comes before all."""
        found = {(match.path, match.folder): match for match in self._by_name(wanted)}
        for match in self._by_precision(wanted):
            found.setdefault((match.path, match.folder), match)
        matches = (*self._faults(wanted), *found.values())
        return ordered(matches) if matches else ()

    def at(self, path: str) -> tuple[InstalledModel, ...]:
        """What loaders list of the file at a path: one for each folder that shares its root."""
        return tuple(self._by_path.get(path, ()))

    def _by_name(self, wanted: Wanted) -> Iterator[LocalMatch]:
        stem, extension = split_extension(wanted.filename)
        table, key = (self._by_base, wanted.filename) if extension else (self._by_stem, stem)
        for model in table.get(key.casefold(), ()):
            yield _match(model, _why(wanted, model), wanted)

    def _by_precision(self, wanted: Wanted) -> Iterator[LocalMatch]:
        if not wanted.folder or not self._by_letters.get(_alias(wanted.folder)):
            return
        key = without_precision(wanted.filename)
        if not key or is_generic(wanted.filename) or len(key) < _BUCKET_LETTERS:
            return
        for model in self._without_precision(_alias(wanted.folder), key[:_BUCKET_LETTERS]).get(key, ()):
            if base_name(model.name).casefold() != wanted.filename.casefold():
                yield _match(model, "other-precision", wanted)

    def _faults(self, wanted: Wanted) -> Iterator[LocalMatch]:
        for faulty in self._faulty_by_name.get(wanted.filename.casefold(), ()):
            yield msgspec.structs.replace(_match(faulty.model, faulty.why, wanted), detail=faulty.detail)

    @cached_property
    def _faulty_by_name(self) -> Mapping[str, list[FaultyModel]]:
        """By base name, with and without its extension."""
        table: dict[str, list[FaultyModel]] = defaultdict(list)
        for faulty in self._faulty:
            name = base_name(faulty.model.name).casefold()
            for key in {name, split_extension(name)[0]}:
                table[key].append(faulty)
        return table

    @cached_property
    def _by_base(self) -> Mapping[str, list[InstalledModel]]:
        table: dict[str, list[InstalledModel]] = defaultdict(list)
        for model in self._models:
            table[base_name(model.name).casefold()].append(model)
        return table

    @cached_property
    def _by_stem(self) -> Mapping[str, list[InstalledModel]]:
        table: dict[str, list[InstalledModel]] = defaultdict(list)
        for name, models in self._by_base.items():
            table[split_extension(name)[0]] += models
        return table

    @cached_property
    def _by_path(self) -> Mapping[str, list[InstalledModel]]:
        table: dict[str, list[InstalledModel]] = defaultdict(list)
        for model in self._models:
            table[model.path].append(model)
        return table

    def _without_precision(self, folder: str, letters: str) -> Mapping[str, list[InstalledModel]]:
        """By name without precision: one folder's models whose names begin so, each name taken apart once."""
        known = self._apart.get((folder, letters))
        if known is None:
            known = defaultdict(list)
            for model in self._by_letters.get(folder, {}).get(letters, ()):
                known[without_precision(base_name(model.name))].append(model)
            self._apart[folder, letters] = known
        return known

    @cached_property
    def _by_letters(self) -> Mapping[str, Mapping[str, list[InstalledModel]]]:
        table: dict[str, dict[str, list[InstalledModel]]] = defaultdict(lambda: defaultdict(list))
        for model in self._models:
            letters = letters_of(base_name(model.name)[: 4 * _BUCKET_LETTERS])[:_BUCKET_LETTERS].lower()
            table[_alias(model.folder)][letters].append(model)
        return table


def ordered(matches: Iterable[LocalMatch]) -> tuple[LocalMatch, ...]:
    """Best first, as many as a person looks at."""
    return tuple(sorted(matches, key=lambda match: (_ORDER.index(match.why), match.path))[:MAX_LOCAL_MATCHES])


def same_bytes(rows: Iterable[MissingModel], index: LocalIndex, known: Mapping[str, str]) -> tuple[MissingModel, ...]:
    """The rows with what the hashes of local files say of them.

    Args:
        known: SHA-256, lower-case hex, by path, of files whose hash is known and still holds.
    """
    paths: dict[str, list[str]] = defaultdict(list)
    for path, digest in known.items():
        paths[digest].append(path)
    return tuple(_hashed(row, index, known, paths.get(row.hashes.get("sha256", ""), ())) for row in rows)


def _hashed(row: MissingModel, index: LocalIndex, known: Mapping[str, str], equal: Iterable[str]) -> MissingModel:
    wanted = row.hashes.get("sha256")
    if wanted is None:
        return row
    told = {(match.path, match.folder): _with_hash(match, wanted, known.get(match.path)) for match in row.local_matches}
    for path in equal:
        for model in index.at(path):
            match = _match(model, "same-hash", Wanted(row.value, row.filename, row.folder))
            told.setdefault((path, model.folder), msgspec.structs.replace(match, sha256=wanted))
    return msgspec.structs.replace(row, local_matches=ordered(told.values()))


def _with_hash(match: LocalMatch, wanted: str, found: str | None) -> LocalMatch:
    if found is None:
        return match
    said = "its SHA-256 is the one the workflow names" if found == wanted else "its SHA-256 is another one"
    why = "same-hash" if found == wanted and match.why == "other-precision" else match.why
    return msgspec.structs.replace(match, why=why, sha256=found, detail=f"{match.detail}; {said}")


def _match(model: InstalledModel, why: str, wanted: Wanted) -> LocalMatch:
    return LocalMatch(
        path=model.path,
        why=why,
        name=model.name,
        folder=model.folder,
        size_bytes=model.size_bytes if model.size_bytes >= 0 else None,
        detail=_detail(model, why, wanted),
    )


def _why(wanted: Wanted, model: InstalledModel) -> str:
    if _alias(model.folder) != _alias(wanted.folder or model.folder):
        return "other-folder"
    named, there = wanted.value.replace("\\", "/"), model.name.replace("\\", "/")
    if not split_extension(named)[1]:
        there = split_extension(there)[0]
    if named == there:
        return "other-separator"
    return "other-case" if named.casefold() == there.casefold() else "other-subfolder"


def _detail(model: InstalledModel, why: str, wanted: Wanted) -> str:
    """Why, as a sentence."""
    there = (
        f"`{model.folder}/{model.name}`".replace("\\", "/") if "/" in model.path else f"`{model.folder}\\{model.name}`"
    )
    match why:
        case "other-separator":
            return f"It is here; the workflow names it with the other kind of slash (`{wanted.value}`)"
        case "other-case":
            return f"It is here as `{model.name}`, with other capital letters"
        case "other-subfolder":
            return f"A file of this name is here in another sub-folder, as `{model.name}`"
        case "other-folder":
            return f"A file of this name is here in another models folder, as {there}"
        case "same-hash":
            return f"The very same file is here as {there}: its SHA-256 is the one that is wanted"
        case "other-precision":
            return f"A possible match: `{model.name}` seems to be the same model, {_other_precision(wanted, model)}"
        case _:
            return f"{there} is there and can't be used"


def _other_precision(wanted: Wanted, model: InstalledModel) -> str:
    here, there = traits(wanted.filename), traits(base_name(model.name))
    pairs = ((here.precision, there.precision), (here.extension, there.extension))
    parts = [_instead(asked, found) for asked, found in pairs if asked != found]
    return "; ".join(parts) or "in another precision"


def _instead(asked: str | None, found: str | None) -> str:
    if not asked:
        return f"in {found}, where the workflow names no precision"
    return f"{found} instead of {asked}" if found else f"without naming a precision instead of {asked}"


def same_folder(one: str, other: str) -> bool:
    """Whether two names stand for one of ComfyUI's folders: `unet` is `diffusion_models`."""
    return _alias(one) == _alias(other)


def _alias(folder: str) -> str:
    return _ALIASES.get(folder, folder)
