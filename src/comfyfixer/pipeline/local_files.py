"""Local files that have the very bytes of a missing one: told by hashes that are known, or taken where sizes agree."""

import threading
from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from comfyfixer.errors import UsageError
from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.walk import list_models
from comfyfixer.model.decision import Ask, Decision, Fetch
from comfyfixer.model.inventory import InstalledModel
from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.pipeline.installation import installation_of
from comfyfixer.pipeline.session import Session
from comfyfixer.resolve.decide import already_here
from comfyfixer.resolve.local import LocalIndex, same_bytes, same_folder
from comfyfixer.resolve.relinking import target_name, usable


class LocalFiles:
    """What is installed, for one `resolve`. Safe to use from several threads; files are read by one at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reading = threading.Lock()
        self._listing = threading.Lock()
        self._listed: tuple[InstalledModel, ...] | None = None

    def named_by_hash(self, missing: MissingModel) -> LocalMatch | None:
        """The local file that has the SHA-256 which the workflow itself names; related ones are read for it."""
        wanted = missing.hashes.get("sha256")
        if wanted is None or missing.folder is None:
            return None
        return self._with_bytes(missing, wanted, [match.path for match in usable(missing)])

    def in_place_of(self, missing: MissingModel, without: Decision, decision: Decision) -> Decision:
        """The decision, now that what is here was looked at.

        Args:
            without: What would be decided if nothing were here.
        """
        if not isinstance(without, Fetch) or missing.folder is None:
            return decision
        first = without.candidates[0]
        if first.sha256 is None:
            return decision
        related = [match.path for match in usable(missing)]
        size = first.size_bytes
        paths = related if size is None else [model.path for model in self._models if model.size_bytes == size]
        match = self._with_bytes(missing, first.sha256, paths)
        if match is not None:
            return already_here(match, without.candidates)
        return without if isinstance(decision, Ask) and (size is not None or not related) else decision

    def _with_bytes(self, missing: MissingModel, sha256: str, paths: Iterable[str]) -> LocalMatch | None:
        """The first file, best place first, that has these bytes, among those hashed before and these.

        None too where it was placed since the scan: a download finds it in its place, and there is nothing to mend.
        """
        equal = self._equal(sha256, sorted(set(paths)))
        found = [model for path in equal for model in self._index.at(path)]
        row = msgspec.structs.replace(missing, hashes={**missing.hashes, "sha256": sha256}, local_matches=())
        (told,) = same_bytes([row], self._index, {model.path: sha256 for model in found})
        if any(_is_target(missing, match) for match in told.local_matches):
            return None
        near = sorted(told.local_matches, key=lambda match: not same_folder(match.folder, missing.folder or ""))
        return next(iter(near), None)

    def _equal(self, sha256: str, paths: Sequence[str]) -> list[str]:
        if not paths and not self._session.workdir.hashes.exists():
            return []
        from comfyfixer.inventory.hashes import HashCache
        from comfyfixer.inventory.hashing import hash_files

        session = self._session
        with self._reading, HashCache(session.workdir.hashes, session.emit) as cache:
            hashed = hash_files(paths, cache=cache, cancelled=session.cancelled, emit=session.emit)
            found = [file.path for file in hashed if file.hashes.get("sha256") == sha256]
            return sorted({*found, *cache.paths_with(sha256)})

    @property
    def _models(self) -> tuple[InstalledModel, ...]:
        """Every installed model, listed when it is first needed."""
        with self._listing:
            if self._listed is None:
                self._listed = self._list()
        return self._listed

    def _list(self) -> tuple[InstalledModel, ...]:
        """None where there is no installation to look at."""
        try:
            table, _ = read_folders(installation_of(self._session.settings))
        except UsageError:
            return ()
        models, _ = list_models(table.model_folders().values())
        return models

    @cached_property
    def _index(self) -> LocalIndex:
        return LocalIndex(self._models)


def _is_target(missing: MissingModel, match: LocalMatch) -> bool:
    """Whether the file is where a download would place it."""
    target = target_name(missing, match).replace("\\", "/")
    return same_folder(match.folder, missing.folder or "") and match.name.replace("\\", "/") == target
