"""What workflows need against the installation: which files are not there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from comfyfixer.model.inventory import InstalledModel, Inventory
from comfyfixer.model.library import NeededFile
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.reference import ModelReference
from comfyfixer.resolve.gathering import is_by_stem, row_of
from comfyfixer.resolve.local import LocalIndex, Wanted
from comfyfixer.resolve.names import split_extension


class ModelIndex:
    """The installed models by what a loader compares."""

    def __init__(self, models: Sequence[InstalledModel], local: LocalIndex) -> None:
        self._local = local
        self._names: dict[str, set[str]] = defaultdict(set)
        self._stems: dict[str, set[str]] = defaultdict(set)
        for model in models:
            self._names[model.folder].add(model.name)
            self._stems[model.folder].update(_tails(model.name))

    def has(self, wanted: Wanted, *, by_stem: bool) -> bool:
        """Whether the node would find the file: exact membership, as ComfyUI itself checks it."""
        if wanted.folder is None:
            return self._local.holds_name(wanted.filename)
        if wanted.value in self._names[wanted.folder]:
            return True
        return by_stem and _tail_of(wanted) in self._stems[wanted.folder]

    def finds(self, reference: ModelReference) -> bool:
        """The same, of a reference as a workflow holds it."""
        wanted = Wanted(reference.value, reference.filename, reference.folder)
        return self.has(wanted, by_stem=is_by_stem(reference))


def find_missing_models(files: Iterable[NeededFile], inventory: Inventory) -> tuple[MissingModel, ...]:
    """The rows of the files that an active node would not find, in their order, with what is here in their stead."""
    local = LocalIndex(inventory.models, inventory.faulty)
    index = ModelIndex(inventory.models, local)
    found = (_missing(file, index) for file in files)
    return tuple(_with_matches(row, wanted, local) for row, wanted in filter(None, found))


def _missing(file: NeededFile, index: ModelIndex) -> tuple[MissingModel, Wanted] | None:
    """The file's row, of those uses that would not find it; None where every active one does."""
    if file.uses:
        row = row_of([(path, use) for path, use in file.uses if not index.finds(use)])
        return (row, _wanted(row)) if row else None
    wanted = _wanted(file.row)
    return None if index.has(wanted, by_stem=file.names[0].by_stem) else (file.row, wanted)


def _wanted(row: MissingModel) -> Wanted:
    return Wanted(row.value, row.filename, row.folder)


def _with_matches(row: MissingModel, wanted: Wanted, local: LocalIndex) -> MissingModel:
    matches = local.alike(wanted)
    return msgspec.structs.replace(row, local_matches=matches) if matches else row


def _tail_of(wanted: Wanted) -> str:
    """What a tag names; for a value that stands for several files (`taesd`), the file that is meant."""
    value = wanted.value.replace("\\", "/")
    return value if value.endswith(wanted.filename) else wanted.filename


def _tails(name: str) -> Iterator[str]:
    """Each way a text tag may name the file: with and without sub-folders, with and without extension."""
    parts = name.replace("\\", "/").split("/")
    for start in range(len(parts)):
        tail = "/".join(parts[start:])
        yield tail
        yield split_extension(tail)[0]
