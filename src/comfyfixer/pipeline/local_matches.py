"""What the local matches of a scan's rows are by their bytes: by hashes that are known, and by a look at each file."""

from typing import Final

import msgspec

from comfyfixer.model.inventory import Inventory
from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.paths import openable
from comfyfixer.pipeline.session import Session

_UNUSABLE: Final = frozenset({"broken", "wrong-kind"})


def with_facts(session: Session, rows: tuple[MissingModel, ...], inventory: Inventory) -> tuple[MissingModel, ...]:
    """Rows of a scan with what is known of the files that may be meant."""
    return examined_matches(_with_known_hashes(session, rows, inventory))


def examined_matches(rows: tuple[MissingModel, ...]) -> tuple[MissingModel, ...]:
    """The rows with each match that is broken, or surely of another kind, told as such."""
    if not any(row.local_matches for row in rows):
        return rows
    from comfyfixer.resolve.local import ordered

    return tuple(
        msgspec.structs.replace(row, local_matches=ordered(_examined(row, match) for match in row.local_matches))
        if row.local_matches
        else row
        for row in rows
    )


def _examined(row: MissingModel, match: LocalMatch) -> LocalMatch:
    from comfyfixer.content.examine import examine
    from comfyfixer.content.folders import contradiction

    if match.why in _UNUSABLE:
        return match
    content = examine(openable(match.path))
    if content.fault:
        detail = f"What is here as `{match.folder}/{match.name}` is broken: {content.fault}"
        return msgspec.structs.replace(match, why="broken", detail=detail)
    kind = contradiction(row.folder, content) if row.folder else None
    if kind is None:
        return match
    detail = f"What is here as `{match.folder}/{match.name}` is {kind}, told by {content.told_by}"
    return msgspec.structs.replace(match, why="wrong-kind", detail=detail)


def _with_known_hashes(
    session: Session, rows: tuple[MissingModel, ...], inventory: Inventory
) -> tuple[MissingModel, ...]:
    """What hashes say that earlier runs took; nothing is read."""
    wanted = {row.hashes["sha256"] for row in rows if "sha256" in row.hashes}
    if not wanted or not session.workdir.hashes.exists():
        return rows
    from comfyfixer.inventory.hashes import HashCache
    from comfyfixer.resolve.local import LocalIndex, same_bytes

    with HashCache(session.workdir.hashes, session.emit) as cache:
        known = {path: digest for digest in wanted for path in cache.paths_with(digest)}
        for match in (match for row in rows if "sha256" in row.hashes for match in row.local_matches):
            if digest := cache.known(match.path).get("sha256"):
                known[match.path] = digest
    return same_bytes(rows, LocalIndex(inventory.models), known)
