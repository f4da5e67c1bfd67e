"""What `verify` and `inventory` share: the session's cache of hashes, and telling what a file turned out to be."""

from typing import Any

from comfyfixer.inventory.hashes import HashCache, Recorded
from comfyfixer.inventory.hashing import HashedFile
from comfyfixer.model.problem import Problem
from comfyfixer.pipeline.session import Session


def hash_cache(session: Session) -> HashCache:
    """The cache of the working folder; its problems are the session's."""

    def emit(action: str, **details: Any) -> None:
        if action == "problem.found":
            session.found_problem(Problem(**details))
        else:
            session.emit(action, **details)

    return HashCache(session.workdir.hashes, emit)


def difference(file: HashedFile, record: Recorded, *, unnoticed: bool) -> Problem:
    """A file that is not what was recorded.

    Args:
        unnoticed: Neither its size nor its time changed with its bytes.
    """
    was, now = record.sha256[:12], file.hashes["sha256"][:12]
    told = f"`{file.path[-200:]}` was recorded with SHA-256 {was}..., and has {now}..."
    decay = "; its size and time are as before, so the disk may be failing" if unnoticed else ""
    return Problem(
        code="file-changed",
        message=told + decay,
        hint="Restore or fetch it again; if it is meant so, `comfyfixer verify --accept PATH` records it as it is",
        where=file.path,
    )
