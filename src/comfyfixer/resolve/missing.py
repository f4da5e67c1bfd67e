"""Workflows against the installation: which files and node types are needed and not there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from comfyfixer.model.inventory import InstalledModel, Inventory
from comfyfixer.model.missing import MissingModel, ReferencePlace
from comfyfixer.model.reference import ModelReference, Workflow
from comfyfixer.resolve.local import LocalIndex, Wanted
from comfyfixer.resolve.names import split_extension

_URL_ORDER: Final = {"properties": 0, "models": 1, "note": 2}
_BY_STEM: Final = frozenset({"embedding", "lora-tag"})
"""Text tags name a file without its extension, and without its sub-folder."""


class ModelIndex:
    """The installed models by what a loader compares."""

    def __init__(self, models: Sequence[InstalledModel], local: LocalIndex) -> None:
        self._local = local
        self._names: dict[str, set[str]] = defaultdict(set)
        self._stems: dict[str, set[str]] = defaultdict(set)
        for model in models:
            self._names[model.folder].add(model.name)
            self._stems[model.folder].update(_tails(model.name))

    def has(self, reference: ModelReference) -> bool:
        """Whether the node would find the file: exact membership, as ComfyUI itself checks it."""
        if reference.folder is None:
            return self._local.holds_name(reference.filename)
        if reference.value in self._names[reference.folder]:
            return True
        return not _names_a_file(reference) and _wanted_tail(reference) in self._stems[reference.folder]


def _names_a_file(reference: ModelReference) -> bool:
    return reference.origin not in _BY_STEM and split_extension(reference.filename)[1] != ""


def _wanted_tail(reference: ModelReference) -> str:
    """What a tag names; for a value that stands for several files (`taesd`), the file that is meant."""
    value = reference.value.replace("\\", "/")
    return value if value.endswith(reference.filename) else reference.filename


def _tails(name: str) -> Iterator[str]:
    """Each way a text tag may name the file: with and without sub-folders, with and without extension."""
    parts = name.replace("\\", "/").split("/")
    for start in range(len(parts)):
        tail = "/".join(parts[start:])
        yield tail
        yield split_extension(tail)[0]


def find_missing_models(workflows: Iterable[Workflow], inventory: Inventory) -> tuple[MissingModel, ...]:
    """One entry per file that an active node needs and would not find, sorted by folder and name."""
    local = LocalIndex(inventory.models, inventory.faulty)
    index = ModelIndex(inventory.models, local)
    groups: dict[tuple[str, str, str], list[tuple[Workflow, ModelReference]]] = defaultdict(list)
    for workflow in workflows:
        for reference in workflow.models:
            if not index.has(reference):
                key = (reference.folder or "", reference.value.replace("\\", "/"), reference.filename)
                groups[key].append((workflow, reference))
    entries = (_entry(uses, local) for _, uses in sorted(groups.items()) if any(use.active for _, use in uses))
    return tuple(entries)


def _entry(uses: list[tuple[Workflow, ModelReference]], local: LocalIndex) -> MissingModel:
    workflow, first = next((workflow, use) for workflow, use in uses if use.active)
    origins = _url_origins(use for _, use in uses)
    hashes = _hashes(use for _, use in uses)
    return MissingModel(
        filename=first.filename,
        value=first.value,
        folder=first.folder,
        expected_type=first.expected_type,
        workflow=workflow.path,
        workflows=tuple(sorted({workflow.path for workflow, use in uses if use.active})),
        node_type=first.node_type,
        node_id=first.node_id,
        references=tuple(_place(workflow, use) for workflow, use in uses),
        urls=tuple(origins),
        url_origins=origins,
        hashes={algorithm: values[0] for algorithm, values in hashes.items() if len(values) == 1},
        disputed_hashes=tuple(sorted(algorithm for algorithm, values in hashes.items() if len(values) > 1)),
        local_matches=local.alike(Wanted(first.value, first.filename, first.folder)),
        said_nothing=tuple(sorted({flow.path for flow, use in uses if use.active and not (use.urls or use.hashes)})),
    )


def _place(workflow: Workflow, use: ModelReference) -> ReferencePlace:
    return ReferencePlace(
        path=workflow.path, node_id=use.node_id, node_type=use.node_type, input=use.input, active=use.active
    )


def _url_origins(uses: Iterable[ModelReference]) -> dict[str, str]:
    """Every URL once, those from the nodes' own properties first."""
    origins: dict[str, str] = {}
    for use in uses:
        for url in use.urls:
            origin = use.url_origins.get(url, "properties")
            if url not in origins or _URL_ORDER[origin] < _URL_ORDER[origins[url]]:
                origins[url] = origin
    return dict(sorted(origins.items(), key=lambda item: _URL_ORDER[item[1]]))


def _hashes(uses: Iterable[ModelReference]) -> dict[str, list[str]]:
    """Algorithm to the different values that workflows name; more than one means that they mean different files."""
    seen: dict[str, dict[str, None]] = defaultdict(dict)
    for use in uses:
        for algorithm, value in use.hashes.items():
            seen[algorithm][value] = None
    return {algorithm: list(values) for algorithm, values in seen.items()}
