"""Step 1: read the workflows, take the inventory, write what is missing."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from comfyfixer.errors import UnsafeName
from comfyfixer.inventory.take import take
from comfyfixer.inventory.walk import list_models
from comfyfixer.model.inventory import Inventory, ModelFolder
from comfyfixer.model.library import Library
from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.run import ScanSummary, WorkflowRow
from comfyfixer.paths import inside, printable
from comfyfixer.pipeline.discover import workflow_files
from comfyfixer.pipeline.installation import installation_of
from comfyfixer.pipeline.library import read_library, scan_targets
from comfyfixer.pipeline.node_packs import known_from_running, missing_nodes
from comfyfixer.pipeline.session import Session


def scan(session: Session) -> None:
    """Write `missing_models.json`, `missing_nodes.json`, `workflows.json`.

    Raises:
        UsageError: No installation, or no workflow folder that can be read.
    """
    installation = installation_of(session.settings)
    session.emit("installation.found", path=printable(installation.base_dir), found_by=installation.found_by)
    targets = scan_targets(session, installation)
    session.emit("phase.started", phase="scanning", what="workflows", total=0)
    files = workflow_files(targets, session.found_problem)
    inventory = take(installation, session.emit, sources=bool(files), cache_file=session.workdir.node_sources)
    session.problems.extend(inventory.problems)
    inventory = known_from_running(session, inventory)
    library = read_library(session, files, inventory)
    models, nodes = _missing(session, library, inventory) if library.workflows else ((), ())
    session.emit("missing.found", missing_models=len(models), missing_nodes=len(nodes))
    session.write(session.workdir.missing_models, models)
    session.write(session.workdir.missing_nodes, nodes)
    session.write(session.workdir.workflows, list(_rows(library, models, nodes)))
    session.save(session.workdir.scan_summary, _summary(session, inventory, len(files) - len(library.workflows)))


def _missing(
    session: Session, library: Library, inventory: Inventory
) -> tuple[tuple[MissingModel, ...], tuple[MissingNode, ...]]:
    """What is needed and not there, or there and of no use."""
    from comfyfixer.pipeline.examining import examined
    from comfyfixer.pipeline.local_matches import with_facts
    from comfyfixer.resolve.missing import find_missing_models

    known = examined(session, library.files, _with_folders_of(library, inventory))
    models = with_facts(session, find_missing_models(library.files, known), known)
    return models, missing_nodes(session, library, known)


def _with_folders_of(library: Library, inventory: Inventory) -> Inventory:
    """Also list the folders of packs that are not installed: what was placed there before is there."""
    wanted = {file.row.folder for file in library.files if file.row.folder}
    folders = list(_unknown_folders(wanted, inventory))
    if not folders:
        return inventory
    found, _ = list_models(folders)
    return msgspec.structs.replace(inventory, models=(*inventory.models, *found))


def _unknown_folders(wanted: Iterable[str], inventory: Inventory) -> Iterator[ModelFolder]:
    models_dir = Path(inventory.installation.base_dir, "models")
    for name in sorted(set(wanted) - inventory.folders.keys()):
        try:
            root = inside(models_dir, name)
        except UnsafeName:
            continue
        if root.is_dir():
            yield ModelFolder(name=name, roots=(str(root),), extensions=frozenset())


def _rows(library: Library, models: Sequence[MissingModel], nodes: Sequence[MissingNode]) -> Iterator[WorkflowRow]:
    """One row per workflow, in path order."""
    files: dict[str, list[str]] = {}
    types: dict[str, list[str]] = {}
    for model in models:
        for path in model.workflows:
            files.setdefault(path, []).append(model.filename)
    for node in nodes:
        for path in node.workflows:
            types.setdefault(path, []).append(node.node_type)
    for row in sorted(library.workflows, key=lambda row: row.path):
        yield msgspec.structs.replace(
            row, missing_models=tuple(files.get(row.path, ())), missing_nodes=tuple(types.get(row.path, ()))
        )


def _summary(session: Session, inventory: Inventory, passed_over: int) -> ScanSummary:
    return ScanSummary(
        installation=printable(inventory.installation.base_dir),
        found_by=inventory.installation.found_by,
        passed_over=passed_over,
        models=len(inventory.models),
        packs=len(inventory.packs),
        problems=tuple(session.problems),
        notes=tuple(session.notes),
    )
