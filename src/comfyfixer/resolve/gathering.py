"""Single workflows into what all of them need together. No installation is looked at."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from comfyfixer.model.library import FileName, Library, NeededFile
from comfyfixer.model.missing import MissingModel, ReferencePlace
from comfyfixer.model.reference import ModelReference, NodeReference, Workflow
from comfyfixer.model.run import WorkflowRow
from comfyfixer.resolve.names import split_extension

Use = tuple[str, ModelReference]
"""Path of a workflow, and one of its references."""

_URL_ORDER: Final = {"properties": 0, "models": 1, "note": 2}
_TEXT_TAGS: Final = frozenset({"embedding", "lora-tag"})
"""They name a file without its extension, and without its sub-folder."""
_GUESSED: Final = frozenset({"input-name", "node-name", "node-outputs"})
"""Where only a guess tells which folder a node lists, a file's kind proves nothing against it."""


def gathered(workflows: Iterable[Workflow]) -> Library:
    """What the workflows need; a file that only muted or bypassed nodes name is not needed."""
    rows: list[WorkflowRow] = []
    uses: dict[tuple[str, str, str], list[Use]] = defaultdict(list)
    types: dict[str, list[int]] = defaultdict(list)
    custom: dict[str, list[tuple[str, NodeReference]]] = defaultdict(list)
    core: dict[str, list[tuple[str, NodeReference]]] = defaultdict(list)
    for number, workflow in enumerate(workflows):
        path = workflow.path
        rows.append(_row(workflow))
        for reference in workflow.models:
            uses[_key_of(reference.folder, reference.value, reference.filename)].append((path, reference))
        told_apart = {node.node_type for node in workflow.core_nodes}.union(workflow.inactive_types)
        for node_type in workflow.node_types:
            if node_type not in told_apart:
                types[node_type].append(number)
        for nodes, by_type in ((workflow.custom_nodes, custom), (workflow.core_nodes, core)):
            for node in nodes:
                if node.active:
                    by_type[node.node_type].append((path, node))
    return Library(
        workflows=tuple(rows),
        files=tuple(_needed_files(uses)),
        node_types={name: tuple(numbers) for name, numbers in types.items()},
        custom={name: tuple(nodes) for name, nodes in custom.items()},
        core={name: tuple(nodes) for name, nodes in core.items()},
    )


def is_by_stem(reference: ModelReference) -> bool:
    """Whether the file may be there under any extension."""
    return reference.origin in _TEXT_TAGS or not split_extension(reference.filename)[1]


def row_of(uses: Sequence[Use]) -> MissingModel | None:
    """The entry of one file in the list of what is missing; None where no active node names it."""
    first = next((use for use in uses if use[1].active), None)
    if first is None:
        return None
    path, reference = first
    references = [use for _, use in uses]
    origins = _url_origins(references)
    hashes, disputed = _hashes(references)
    return MissingModel(
        filename=reference.filename,
        value=reference.value,
        folder=reference.folder,
        expected_type=reference.expected_type,
        workflow=path,
        workflows=_paths(path for path, use in uses if use.active),
        node_type=reference.node_type,
        node_id=reference.node_id,
        references=tuple(_place(path, use) for path, use in uses),
        urls=tuple(origins),
        url_origins=origins,
        hashes=hashes,
        disputed_hashes=disputed,
        said_nothing=_paths(path for path, use in uses if use.active and not (use.urls or use.hashes)),
    )


# --- inside ----------------------------------------------------------------------------------------------------------


def _key_of(folder: str | None, value: str, filename: str) -> tuple[str, str, str]:
    """What makes two references mean one file, whichever kind of slash they are saved with."""
    return folder or "", value.replace("\\", "/"), filename


def _row(workflow: Workflow) -> WorkflowRow:
    needs = {(use.folder, use.value) for use in workflow.models if use.active}
    return WorkflowRow(
        path=workflow.path, format=workflow.format, ok=workflow.ok, error=workflow.error, needs=len(needs)
    )


def _needed_files(uses_of: dict[tuple[str, str, str], list[Use]]) -> Iterator[NeededFile]:
    for _, uses in sorted(uses_of.items()):
        if row := row_of(uses):
            names = {(use.value, is_by_stem(use)) for _, use in uses}
            yield NeededFile(row, _file_names(uses), tuple(uses) if len(names) > 1 else ())


def _file_names(uses: Sequence[Use]) -> tuple[FileName, ...]:
    sure: dict[tuple[str, bool], bool] = {}
    for _, use in uses:
        if use.active:
            name = (use.value, is_by_stem(use))
            sure[name] = sure.get(name, False) or use.folder_known_by not in _GUESSED
    return tuple(FileName(value, by_stem, is_sure) for (value, by_stem), is_sure in sure.items())


def _place(path: str, use: ModelReference) -> ReferencePlace:
    return ReferencePlace(
        path=path, node_id=use.node_id, node_type=use.node_type, input=use.input, active=use.active
    )  # fmt: skip


def _paths(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(paths)))


def _url_origins(references: Sequence[ModelReference]) -> dict[str, str]:
    """Every URL once, those from the nodes' own properties first."""
    origins: dict[str, str] = {}
    for use in references:
        for url in use.urls:
            origin = use.url_origins.get(url, "properties")
            if url not in origins or _URL_ORDER[origin] < _URL_ORDER[origins[url]]:
                origins[url] = origin
    if len(set(origins.values())) < 2:
        return origins
    return dict(sorted(origins.items(), key=lambda item: _URL_ORDER[item[1]]))


def _hashes(references: Sequence[ModelReference]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Algorithm to value where all workflows that name one agree; and those of which they name different values: they
    mean different files.
    """
    seen: dict[str, dict[str, None]] = {}
    for use in references:
        for algorithm, value in use.hashes.items():
            seen.setdefault(algorithm, {})[value] = None
    agreed = {algorithm: next(iter(values)) for algorithm, values in seen.items() if len(values) == 1}
    return agreed, tuple(sorted(seen.keys() - agreed.keys()))
