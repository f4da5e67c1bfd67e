"""Answers of hubs, kept on disk between runs. Losing the file costs time, never correctness."""

import hashlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.model.event import Emit

_OLDEST_S: Final = 60 * 24 * 3600.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, stored_at REAL NOT NULL, status INTEGER NOT NULL, url TEXT NOT NULL,
    headers BLOB NOT NULL, body BLOB NOT NULL
)"""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as it was kept.

    Attributes:
        stored_at: Seconds since 1970; renewed when the hub says that nothing changed.
        url: Without secrets.
    """

    stored_at: float
    status: int
    url: str
    headers: dict[str, str]
    body: bytes


def cache_key(method: str, url: str, body: bytes, keyed: bool) -> str:
    """What makes two requests the same. Of a key only whether one was sent."""
    text = "\n".join((method, url, str(keyed)))
    return hashlib.sha256(text.encode() + b"\n" + body).hexdigest()


class AnswerCache:
    """A table of answers. Thread-safe; never raises: an answer that can't be kept is asked again.

    Args:
        path: File of the cache; None keeps answers in memory, for this run only.
    """

    def __init__(self, path: Path | None, emit: Emit, clock: Callable[[], float]) -> None:
        self._path = path
        self._emit = emit
        self._clock = clock
        self._lock = threading.Lock()
        self._connection = self._opened()

    def read(self, key: str) -> Stored | None:
        """The answer kept under a key, whatever its age."""
        with self._lock:
            try:
                row = self._connection.execute(
                    "SELECT stored_at, status, url, headers, body FROM answer WHERE key = ?", (key,)
                ).fetchone()
                return _stored(row) if row else None
            except (sqlite3.DatabaseError, msgspec.MsgspecError, TypeError) as error:
                self._mend(error)
                return None

    def write(self, key: str, answer: Stored) -> None:
        """Keep an answer, in place of an older one."""
        row = (key, answer.stored_at, answer.status, answer.url, msgspec.json.encode(answer.headers), answer.body)
        with self._lock:
            try:
                self._connection.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)", row)
            except sqlite3.DatabaseError as error:
                self._mend(error)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._path is None:
            return _connected(":memory:", self._clock())
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return _connected(str(self._path), self._clock())
        except (sqlite3.DatabaseError, OSError) as error:
            return self._replaced(error)

    def _mend(self, error: Exception) -> None:
        """After a failure: a busy file is left alone, a broken one replaced."""
        if _is_busy(error):
            return
        self._connection.close()
        self._connection = self._replaced(error)

    def _replaced(self, error: Exception) -> sqlite3.Connection:
        """A new file in place of a broken one; where even that fails, memory."""
        self._emit(
            "problem.found", code="state-unreadable", message=f"The cache of hub answers is started anew: {error}",
            hint=None, where=str(self._path),
        )  # fmt: skip
        if self._path is None or _is_busy(error):
            return _connected(":memory:", self._clock())
        try:
            for suffix in ("", "-journal"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            return _connected(str(self._path), self._clock())
        except (sqlite3.DatabaseError, OSError):
            self._path = None
            return _connected(":memory:", self._clock())


def _is_busy(error: Exception) -> bool:
    """True while another run holds the file."""
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _connected(name: str, now: float) -> sqlite3.Connection:
    """Open, make the table, drop what nobody will ask for any more."""
    connection = sqlite3.connect(name, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_SCHEMA)
        connection.execute("DELETE FROM answer WHERE stored_at < ?", (now - _OLDEST_S,))
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _stored(row: tuple[float, int, str, bytes, bytes]) -> Stored:
    stored_at, status, url, headers, body = row
    return Stored(
        stored_at=float(stored_at),
        status=int(status),
        url=str(url),
        headers=msgspec.json.decode(headers, type=dict[str, str]),
        body=bytes(body),
    )
