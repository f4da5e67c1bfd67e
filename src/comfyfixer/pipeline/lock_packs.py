"""The node packs of a lock file against those that are here."""

from collections.abc import Iterator, Sequence

from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.pack_identity import Identity
from comfyfixer.model.lock import LockedPack, SyncedPack
from comfyfixer.pipeline.installation import installation_of
from comfyfixer.pipeline.lockfile import identities
from comfyfixer.pipeline.session import Session
from comfyfixer.redact import plain


def compared(session: Session, wanted: Sequence[LockedPack]) -> Iterator[SyncedPack]:
    """Each pack of the lock file, and what is here of it."""
    table, _ = read_folders(installation_of(session.settings))
    here = list(identities(table.roots("custom_nodes")))
    for pack in wanted:
        found = next((identity for name, identity in here if _is_same(pack, name, identity)), None)
        state = "missing" if found is None else "same" if _is_equal(pack, found) else "other-version"
        yield SyncedPack(
            name=plain(pack.name), state=state, wanted=_version(pack.commit, pack.version),
            here=_version(found.commit, found.version) if found else None,
            repository=plain(pack.repository) if pack.repository else None,
        )  # fmt: skip


def _is_same(pack: LockedPack, name: str, identity: Identity) -> bool:
    if pack.id and identity.id:
        return _canonical(pack.id) == _canonical(identity.id)
    if pack.repository and identity.repository:
        return _canonical_url(pack.repository) == _canonical_url(identity.repository)
    return pack.name == name


def _is_equal(pack: LockedPack, identity: Identity) -> bool:
    if pack.commit and identity.commit:
        return pack.commit == identity.commit
    return pack.version == identity.version


def _canonical(text: str) -> str:
    return text.lower().replace("_", "-")


def _canonical_url(url: str) -> str:
    return url.lower().removesuffix("/").removesuffix(".git").replace("://www.", "://")


def _version(commit: str | None, version: str | None) -> str | None:
    text = version if commit is None else f"{version + ' at ' if version else ''}{commit[:12]}"
    return plain(text) if text else None
