"""What hashes that earlier runs took say of a scan's rows."""

from comfyfixer.model.inventory import Inventory
from comfyfixer.model.missing import MissingModel
from comfyfixer.pipeline.session import Session


def with_known_hashes(
    session: Session, rows: tuple[MissingModel, ...], inventory: Inventory
) -> tuple[MissingModel, ...]:
    """Rows of a scan with what hashes say that earlier runs took; nothing is read."""
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
