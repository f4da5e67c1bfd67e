"""What the installation has: space, packs, duplicates, what no workflow names, what is broken. Changes nothing."""

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from comfyfixer.content.examine import examine
from comfyfixer.inventory.hashes import FileStamp, HashCache
from comfyfixer.inventory.hashing import hash_files
from comfyfixer.inventory.take import take
from comfyfixer.model.content import Content
from comfyfixer.model.inventory import InstalledModel, Inventory
from comfyfixer.model.stock import FolderRow, ModelRow, PackRow, Stock, Volume
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.chosen import files_of
from comfyfixer.pipeline.contents import RememberingExaminer
from comfyfixer.pipeline.discover import workflow_files
from comfyfixer.pipeline.installation import installation_of
from comfyfixer.pipeline.library import read_all, scan_targets
from comfyfixer.pipeline.looking import difference, hash_cache
from comfyfixer.pipeline.session import Session
from comfyfixer.pipeline.twins import duplicates, likely_twins
from comfyfixer.resolve.needed import Needs

_STOP_EVERY = 256


class _File(msgspec.Struct, frozen=True):
    """One file on a disk: two paths with the same `place` are two names of it."""

    place: tuple[int, int]
    stamp: FileStamp


def take_stock(session: Session, *, hashing: bool | None = None, also: Collection[str] = ()) -> Stock:
    """Everything, as one value.

    Args:
        hashing: True hashes every file; None only those that may be duplicates; False none.
        also: Kinds of hash to take beside SHA-256.

    Raises:
        UsageError: No installation, or no workflow folder of those that were named.
        Interrupted: What was hashed until then is remembered.
    """
    installation = installation_of(session.settings)
    session.emit("installation.found", path=printable(installation.base_dir), found_by=installation.found_by)
    inventory = take(installation, session.emit, cache_file=session.workdir.node_sources)
    session.problems.extend(inventory.problems)
    files = _looked_at(inventory.models)
    workflows, needed = _needed(session, inventory)
    contents = _examined(session, inventory.models)
    with hash_cache(session) as cache:
        hashes = _hashed(session, cache, inventory.models, files, hashing, also)
    rows = tuple(
        _row(model, needed.get(model.path), contents[model.path], hashes.get(model.path, {}))
        for model in inventory.models
    )
    return Stock(
        installation=printable(installation.base_dir),
        found_by=installation.found_by,
        files=len(rows),
        size_bytes=_bytes(files.values()),
        folders=tuple(_folders(inventory, files)),
        volumes=tuple(_volumes(inventory, files)),
        packs=tuple(_packs(inventory)),
        workflows=workflows,
        unneeded_bytes=_bytes(files[row.path] for row in rows if row.needed is False and row.path in files),
        duplicates=duplicates({path: (file.place, file.stamp.size_bytes) for path, file in files.items()}, hashes),
        duplicates_complete=hashing is not False,
        models=rows,
    )


def _looked_at(models: Iterable[InstalledModel]) -> dict[str, _File]:
    """Every model's file by its path, in order; what can't be looked at is left out, and so are folders."""
    files: dict[str, _File] = {}
    for model in models:
        try:
            status = os.stat(openable(model.path))
        except (OSError, ValueError):
            continue
        if model.folder != "diffusers":
            files[model.path] = _File((status.st_dev, status.st_ino), FileStamp.from_status(status))
    return files


def _needed(session: Session, inventory: Inventory) -> tuple[int, dict[str, bool]]:
    """How many workflows were read, and whether one of them names a model, by path; empty without workflows."""
    targets = scan_targets(session, inventory.installation)
    files = workflow_files(targets, session.found_problem)
    session.emit("phase.started", phase="scanning", what="workflows", total=len(files))
    workflows = read_all(session, files, inventory)
    for workflow in workflows:
        if workflow.error:
            session.problems.append(workflow.error)
    read = [workflow for workflow in workflows if workflow.ok]
    needs = Needs(read)
    return len(read), {model.path: needs.name(model) for model in inventory.models} if read else {}


def _examined(session: Session, models: Sequence[InstalledModel]) -> dict[str, Content]:
    """What each file is, by path; files that did not change since the last time are not opened."""
    examiner = RememberingExaminer(session.workdir.contents)
    session.emit("phase.started", phase="examining", what="model files", total=len(models))
    contents: dict[str, Content] = {}
    for number, model in enumerate(models, start=1):
        path = openable(model.path)
        contents[model.path] = examiner.examine(path) if path == model.path else examine(path)
        if number % _STOP_EVERY == 0 or number == len(models):
            session.check_stop()
            session.emit("phase.progressed", current=number, total=len(models))
    examiner.save()
    return contents


def _hashed(
    session: Session,
    cache: HashCache,
    models: Sequence[InstalledModel],
    files: Mapping[str, _File],
    hashing: bool | None,
    also: Collection[str],
) -> dict[str, dict[str, str]]:
    """Known hashes by path, after taking those that were asked for."""
    known = cache.known_of({path: file.stamp for path, file in files.items()})
    if hashing is False:
        return known
    if hashing:
        wanted = [path for model in models for path in files_of(model)]
    else:
        wanted = likely_twins({path: (file.place, file.stamp.size_bytes) for path, file in files.items()})
    missing = [path for path in wanted if also or path not in known]
    records = cache.records() if missing else {}
    kinds = ("sha256", *also)
    for file in hash_files(missing, algorithms=kinds, cache=cache, cancelled=session.cancelled, emit=session.emit):
        if file.problem:
            session.found_problem(file.problem)
            continue
        known[file.path] = file.hashes
        record = records.get(file.path)
        if record is None:
            cache.record_first(file.path, file.hashes["sha256"], file.size_bytes, "inventory")
        elif record.sha256 != file.hashes["sha256"]:
            session.found_problem(difference(file, record, unnoticed=False))
    return known


def _row(model: InstalledModel, needed: bool | None, content: Content, hashes: dict[str, str]) -> ModelRow:
    return ModelRow(
        folder=model.folder,
        name=model.name,
        path=model.path,
        size_bytes=model.size_bytes if model.size_bytes >= 0 else None,
        hashes=hashes,
        needed=needed,
        fault=content.fault,
        fault_code=content.fault_code,
    )


def _bytes(files: Iterable[_File]) -> int:
    """What they take together: a file counts once, however many names it has."""
    return sum({file.place: file.stamp.size_bytes for file in files}.values())


def _folders(inventory: Inventory, files: Mapping[str, _File]) -> Iterator[FolderRow]:
    members: dict[str, list[str]] = {}
    for model in inventory.models:
        members.setdefault(model.folder, []).append(model.path)
    for name, folder in sorted(inventory.folders.items()):
        paths = members.get(name, [])
        roots = tuple(printable(root) for root in folder.roots if os.path.isdir(root))
        size_bytes = _bytes(files[path] for path in paths if path in files)
        yield FolderRow(name=name, files=len(paths), size_bytes=size_bytes, roots=roots)


def _volumes(inventory: Inventory, files: Mapping[str, _File]) -> Iterator[Volume]:
    """The disks of the models folders that are there, and of what links in them lead to."""
    by_disk: dict[int, list[_File]] = {}
    examples: dict[int, str] = {}
    for root in (root for folder in inventory.folders.values() for root in folder.roots if os.path.isdir(root)):
        examples.setdefault(os.stat(root).st_dev, root)
    for path, file in files.items():
        by_disk.setdefault(file.place[0], []).append(file)
        examples.setdefault(file.place[0], path)
    for disk, example in examples.items():
        place = os.path.realpath(openable(example))
        usage = shutil.disk_usage(place)
        yield Volume(
            path=printable(_mount_point(place)),
            models_bytes=_bytes(by_disk.get(disk, ())),
            free_bytes=usage.free,
            total_bytes=usage.total,
        )


def _mount_point(path: str) -> str:
    while not os.path.ismount(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def _packs(inventory: Inventory) -> Iterator[PackRow]:
    for pack in inventory.packs:
        yield PackRow(
            name=printable(pack.name),
            id=pack.id,
            version=pack.version,
            enabled=pack.enabled,
            node_types=len(pack.node_types),
            complete=pack.complete,
        )
