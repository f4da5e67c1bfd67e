"""The SQLite file behind the cache of hashes: opened when it is first asked, put aside when it is damaged."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from comfyfixer.model.event import Emit
from comfyfixer.paths import printable

if TYPE_CHECKING:
    import sqlite3

_BUSY_S: Final = 10.0
_TRIES: Final = 3
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS hash (
    path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL, hashes TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS hash_by_sha256 ON hash (sha256);
CREATE TABLE IF NOT EXISTS record (
    path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size_bytes INTEGER NOT NULL, told_by TEXT NOT NULL, at REAL NOT NULL
);
"""


class HashFile:
    """Thread-safe, fit for several processes at once, and never raises: what fails is told once.

    Args:
        path: None keeps everything in memory.
    """

    def __init__(self, path: Path | None, emit: Emit) -> None:
        self._path = path
        self._emit = emit
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._told = False

    def ask(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement gives; none where the file fails."""
        import sqlite3

        with self._lock:
            for _ in range(_TRIES):
                try:
                    return self._connected().execute(statement, values).fetchall()
                except (sqlite3.Error, OSError) as error:
                    if not self._recovered(error):
                        break
        return []

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> "sqlite3.Connection":
        if self._connection is None:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _opened(str(self._path) if self._path else ":memory:")
        return self._connection

    def _recovered(self, error: Exception) -> bool:
        """Whether it is worth another try: with a new file in place of a broken one, or without a file."""
        if self._path is not None and _is_broken(error):
            self._close()
            if _put_aside(self._path):
                aside = f"It is kept as `{self._path.name}.broken`, and a new one begun"
                self._tell(f"The record of hashes was damaged ({error}). {aside}: no file counts as recorded now")
                return True
        self._tell(f"The record of hashes can't be used: {error}")
        if self._connection is not None:
            return False
        self._path = None
        return True

    def _tell(self, message: str) -> None:
        if not self._told:
            self._told = True
            where = printable(self._path) if self._path else None
            self._emit("problem.found", code="state-unreadable", message=message, hint=None, where=where)


def _opened(name: str) -> "sqlite3.Connection":
    """Readers and a writer go on side by side (WAL), and a commit outlives a killed process."""
    import sqlite3

    connection = sqlite3.connect(name, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _patiently(connection, "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        for statement in filter(str.strip, _SCHEMA.split(";")):
            connection.execute(statement)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _patiently(connection: "sqlite3.Connection", statement: str) -> None:
    """The change to WAL does not wait by itself for another process that is about to do the same."""
    import sqlite3

    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _is_broken(error: Exception) -> bool:
    """Whether the file is damaged or not of our making; not: busy, on a full disk, without the right to write."""
    import sqlite3

    if isinstance(error, sqlite3.OperationalError):
        return "no such column" in str(error) or "has no column" in str(error) or "malformed" in str(error)
    return isinstance(error, sqlite3.DatabaseError)


def _put_aside(path: Path) -> bool:
    try:
        path.replace(path.with_name(path.name + ".broken"))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True
