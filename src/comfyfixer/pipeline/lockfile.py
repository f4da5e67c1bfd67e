"""Lock files: how they are written, and how they are read, as what a stranger sent."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer import __version__
from comfyfixer.errors import UsageError
from comfyfixer.inventory.comfyui_version import comfyui_version
from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.pack_identity import Identity, identify
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.lock import Lock, LockedModel, LockedPack, LockedSource
from comfyfixer.model.outcome import Outcome
from comfyfixer.paths import inside, printable
from comfyfixer.pipeline.installation import Places, installation_of
from comfyfixer.pipeline.placing import Order
from comfyfixer.pipeline.session import Session
from comfyfixer.redact import plain, redact

_MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_ROWS: Final = 100_000
_MAX_FILE_BYTES: Final = 1 << 45
_MAX_SOURCES: Final = 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SOURCES: Final = frozenset({"civitai", "huggingface", "url"})


def lock_of(session: Session, models: Iterable[LockedModel]) -> Lock:
    """These models, and the installation's node packs."""
    installation = installation_of(session.settings)
    table, _ = read_folders(installation)
    packs = [_locked_pack(name, identity) for name, identity in identities(table.roots("custom_nodes"))]
    return Lock(
        made_by=f"ComfyFixerSmart {__version__}",
        comfyui_version=comfyui_version(installation.code_dir),
        models=tuple(models),
        node_packs=tuple(packs),
    )


def encoded(lock: Lock) -> bytes:
    """As the file holds it."""
    return msgspec.json.format(msgspec.json.encode(lock), indent=2) + b"\n"


def locked_model(order: Order, outcome: Outcome) -> LockedModel | None:
    """The row of a placed file; None where it is not in its place."""
    if not (outcome.success and outcome.sha256 and outcome.size_bytes is not None):
        return None
    return planned_model(order, sha256=outcome.sha256, size_bytes=outcome.size_bytes, unsafe=bool(outcome.unsafe))


def planned_model(order: Order, *, sha256: str, size_bytes: int, unsafe: bool = False) -> LockedModel:
    """The row of a file with these bytes."""
    request = order.request
    sources = tuple(_source(one) for one in request.candidates if one.source in _SOURCES)
    return LockedModel(
        name=Path(os.path.relpath(request.target, request.root)).as_posix(),
        folder=request.folder,
        url=sources[0].url if sources else None,
        sha256=sha256,
        size_bytes=size_bytes,
        sources=sources,
        allow_pickle=unsafe,
    )


def _source(candidate: Candidate) -> LockedSource:
    return LockedSource(
        source=candidate.source, url=redact(candidate.download_url),
        page_url=redact(candidate.page_url) if candidate.page_url else None,
        model_id=candidate.model_id, version_id=candidate.version_id, file_id=candidate.file_id,
        repo_id=candidate.repo_id, revision=candidate.revision, repo_path=candidate.repo_path,
    )  # fmt: skip


def read_lock(path: Path) -> Lock:
    """A lock file, wherever it comes from.

    Raises:
        UsageError: `lock-invalid`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ValueError("it is larger than any lock file")
        lock = msgspec.json.decode(data, type=Lock)
        if lock.schema_version != 1:
            raise ValueError("it is of a newer version: update ComfyFixerSmart")
        if len(lock.models) > _MAX_ROWS or len(lock.node_packs) > _MAX_ROWS:
            raise ValueError("it has too many rows")
        _check_rows(lock.models)
    except (OSError, ValueError, RecursionError) as error:
        message = f"`{printable(path)}` can't be used as a lock file: {plain(_why(error))}"
        hint = "`comfyfixer export --format lock` and every `download` write one"
        raise UsageError(message, code="lock-invalid", hint=hint) from error
    return lock


def _why(error: OSError | ValueError | RecursionError) -> str:
    """In plain words; of what is JSON of another form, the place where it differs."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, (msgspec.DecodeError, UnicodeError, RecursionError)):
        place = re.search(r"`(\$.+)`$", str(error))
        return "it is no JSON file of this kind" + (f" (see {place[1]})" if place else "")
    return str(error)


def _check_rows(rows: Sequence[LockedModel]) -> None:
    """Whatever says nothing certain about the bytes is refused as a whole: a half of a lock file helps nobody."""
    for row in rows:
        name = plain(row.name)
        if not _SHA256.fullmatch(row.sha256):
            raise ValueError(f"`{name}` has no SHA-256, so nothing could prove it")
        if not 0 <= row.size_bytes <= _MAX_FILE_BYTES:
            raise ValueError(f"`{name}` has a size that no file has")
        if not row.folder or len(row.sources) > _MAX_SOURCES:
            raise ValueError(f"`{name}` names no models folder, or too many sources")


def places_of(row: LockedModel, places: Places) -> tuple[Path, ...]:
    """Where ComfyUI would find the file, the place for a new one first.

    Raises:
        UnsafeName: Its name or its folder's name is no safe path.
    """
    roots = places.roots(row.folder) or (os.fspath(places.root(row.folder)),)
    return tuple(inside(Path(root), row.name) for root in roots)


def identities(roots: Iterable[str]) -> Iterator[tuple[str, Identity]]:
    """The node packs in these `custom_nodes` folders that are switched on, with what they say of themselves."""
    for root in roots:
        try:
            folders = sorted(Path(entry.path) for entry in os.scandir(root) if entry.is_dir())
        except OSError:
            continue
        for folder in folders:
            if not folder.name.endswith(".disabled") and (folder / "__init__.py").is_file():
                yield printable(folder.name), identify(folder)


def _locked_pack(name: str, identity: Identity) -> LockedPack:
    repository = redact(identity.repository) if identity.repository else None
    return LockedPack(
        name=name, id=identity.id, version=identity.version, repository=repository, commit=identity.commit
    )
