"""One row of a lock file: whether its file is here, else what is asked of the download room."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from comfyfixer.download.beside import PartPaths
from comfyfixer.download.existing import same_file
from comfyfixer.errors import DownloadError
from comfyfixer.inventory.hashes import HashCache
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from comfyfixer.model.lock import LockedModel
from comfyfixer.model.resolution import Resolution
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.installation import Places
from comfyfixer.pipeline.lock_sources import candidates_of
from comfyfixer.pipeline.lockfile import places_of
from comfyfixer.pipeline.placing import Order
from comfyfixer.pipeline.roots import Roots
from comfyfixer.pipeline.session import Session
from comfyfixer.redact import plain
from comfyfixer.resolve.names import split_extension

if TYPE_CHECKING:
    from comfyfixer.net.client import Client


class LockedRows:
    """Looks at one row after another, in one installation."""

    def __init__(self, session: Session, places: Places) -> None:
        self._session = session
        self._places = places
        self._roots = Roots(places, session.settings)

    def order(self, row: LockedModel, client: "Client") -> Order:
        """What is asked of the download room.

        Raises:
            UnsafeName: Its name or its folder's is no safe path, or no model file's.
            DownloadError: No source of it may be asked.
        """
        places_of(row, self._places)  # a name that is unsafe below one root is unsafe below all
        if not split_extension(row.name)[1]:
            raise DownloadError(
                f"`{plain(row.name)}` does not end as a model file does",
                code="unsafe-name",
                hint="Place it by hand, if you know what it is",
            )
        root = self._roots.root(row.folder)
        target = root / places_of(row, self._places)[0].relative_to(_first_root(row, self._places))
        candidates = tuple(candidates_of(row, self._session.settings, client))
        allowed = not {row.name, target.name}.isdisjoint(self._session.settings.allow_pickle)
        request = FetchRequest(
            filename=target.name, target=os.fspath(target), root=os.fspath(root), candidates=candidates,
            folder=row.folder, allow_pickle=allowed,
        )  # fmt: skip
        return Order(_resolution(row, target.name, candidates), request)

    def here(self, row: LockedModel, request: FetchRequest, hashes: HashCache) -> Path | None:
        """The very file, in any root that ComfyUI searches.

        Raises:
            DownloadError: `target-exists`: another file has its place; or nobody has it who may be asked.
        """
        if PartPaths(Path(request.target)).is_target():
            return None  # a run was killed while it placed the file: the download room tidies up
        for path in dict.fromkeys((Path(request.target), *places_of(row, self._places))):
            known = hashes.known(printable(path)).get("sha256")
            if known == row.sha256 or (known is None and self._is_it(path, row, request, hashes)):
                return path
        if os.path.lexists(request.target):
            raise DownloadError(
                f"A different file is at {printable(request.target)} already; it was not touched",
                code="target-exists",
                hint="Rename or remove that file, then run the same command again",
            )
        if not request.candidates:
            raise DownloadError(
                f"The lock file names no place for `{plain(row.name)}` that may be asked",
                code="host-not-allowed",
                hint="Bring it by hand, or add its host to `download.allowed_hosts` in config.json if you trust it",
            )
        return None

    def _is_it(self, path: Path, row: LockedModel, request: FetchRequest, hashes: HashCache) -> bool:
        promise = Candidate(
            source="url", filename=path.name, download_url="", size_bytes=row.size_bytes, hashes={"sha256": row.sha256}
        )
        asked = FetchRequest(
            filename=path.name, target=os.fspath(path), root=request.root, candidates=(promise,), folder=row.folder,
            allow_pickle=True,
        )  # fmt: skip
        proof = same_file(Path(openable(os.fspath(path))), asked, verify_hashes=True, cancelled=self._session.cancelled)
        if proof is not None:
            hashes.remember(printable(path), {"sha256": proof.sha256})
        return proof is not None


def _first_root(row: LockedModel, places: Places) -> Path:
    return Path(next(iter(places.roots(row.folder)), None) or places.root(row.folder))


def _resolution(row: LockedModel, filename: str, candidates: tuple[Candidate, ...]) -> Resolution:
    source = candidates[0].source if candidates else "not_found"
    return Resolution(
        filename=filename, value=row.name, folder=row.folder, expected_type="unknown", source=source,
        decision="accepted", confidence=1.0, because="The lock file names its SHA-256", size_bytes=row.size_bytes,
        sha256=row.sha256, candidates=candidates,
    )  # fmt: skip
