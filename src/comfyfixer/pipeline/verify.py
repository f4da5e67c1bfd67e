"""Installed models against their records: which changed, which are gone, which were never recorded."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from comfyfixer.errors import Interrupted
from comfyfixer.inventory.hashes import HashCache, Recorded
from comfyfixer.inventory.hashing import HashedFile, hash_files
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.verification import STATES, Verification, VerifiedFile
from comfyfixer.paths import openable
from comfyfixer.pipeline.chosen import chosen_files
from comfyfixer.pipeline.looking import difference, hash_cache
from comfyfixer.pipeline.session import Session, read_rows_if_there


def verify(session: Session, names: Sequence[str], *, accept: bool = False, quick: bool = False) -> Verification:
    """Compare files with what was recorded of them; one without a record is recorded.

    Args:
        names: Paths, folders, names or patterns; none means every model and every record.
        accept: Record what differs as it is now, and forget what is gone.
        quick: Read only files that changed, by size, time or inode, since they were last read.

    Raises:
        UsageError: No installation, or a name that nothing has.
        Interrupted: What was compared until then is kept.
    """
    started = time.monotonic()
    with hash_cache(session) as cache:
        _record_earlier_downloads(session, cache)
        records = cache.records()
        paths = chosen_files(session, names, records)
        gone = {path for path in paths if path in records and _is_gone(path)}
        look = _Look(cache, records, [path for path in paths if path not in gone], accept)
        look.read(session, quick=quick)
        look.miss(records[path] for path in sorted(gone))
    counts = Counter(row.state for row in look.rows.values())
    return Verification(
        counts={state: counts[state] for state in STATES},
        bytes_read=look.bytes_read,
        seconds=round(time.monotonic() - started, 3),
        files=tuple(look.rows[path] for path in sorted(look.rows)),
    )


def _record_earlier_downloads(session: Session, cache: HashCache) -> None:
    """What an earlier run placed and proved, and did not record itself."""
    for row in read_rows_if_there(session, session.workdir.downloads, Outcome):
        if row.success and row.path and row.sha256 and row.size_bytes is not None:
            cache.record_first(row.path, row.sha256, row.size_bytes, "download")


def _is_gone(path: str) -> bool:
    """Not there, which is more than: can't be looked at."""
    try:
        os.stat(openable(path))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


class _Look:
    """One look at many files."""

    def __init__(self, cache: HashCache, records: Mapping[str, Recorded], paths: Sequence[str], accept: bool) -> None:
        self.rows: dict[str, VerifiedFile] = {}
        self.bytes_read = 0
        self._cache = cache
        self._records = records
        self._paths = paths
        self._accept = accept

    def read(self, session: Session, *, quick: bool) -> None:
        """Hash the files, and compare each as soon as it is hashed."""
        before = {path: self._cache.known(path).get("sha256") for path in self._paths}
        try:
            for file in hash_files(
                self._paths, cache=self._cache, cancelled=session.cancelled, emit=session.emit, reread=not quick
            ):
                self.rows[file.path] = row = self._compared(file, before[file.path])
                if row.problem and not row.accepted:
                    session.found_problem(row.problem)
        except Interrupted as error:
            hint = "`comfyfixer verify --quick` goes on: it reads what was not read yet, and tells what differed"
            raise Interrupted(error.message, hint=hint) from error

    def _compared(self, file: HashedFile, before: str | None) -> VerifiedFile:
        record = self._records.get(file.path)
        if file.problem:
            return _row(file.path, "unreadable", record, problem=file.problem)
        sha256, size_bytes = file.hashes["sha256"], file.size_bytes
        self.bytes_read += size_bytes if file.read else 0
        if record is None:
            self._cache.record_first(file.path, sha256, size_bytes, "verify")
            return _row(file.path, "recorded", None, sha256=sha256, size_bytes=size_bytes)
        if record.sha256 == sha256:
            return _row(file.path, "unchanged", record, sha256=sha256, size_bytes=size_bytes)
        if self._accept:
            self._cache.record(file.path, sha256, size_bytes, "accept")
        unnoticed = before not in (None, sha256)
        problem = difference(file, record, unnoticed=unnoticed)
        row = _row(file.path, "changed", record, sha256=sha256, size_bytes=size_bytes, problem=problem)
        return msgspec.structs.replace(row, unnoticed=unnoticed, accepted=self._accept)

    def miss(self, gone: Iterable[Recorded]) -> None:
        """Take what is not where it was recorded: moved where its bytes were found under a new name, else gone."""
        new = {row.sha256: row for row in self.rows.values() if row.state == "recorded"}
        for record in gone:
            if row := new.pop(record.sha256, None):
                self._cache.forget([record.path])
                self.rows[row.path] = msgspec.structs.replace(row, state="moved", other_path=record.path)
            else:
                self._lose(record)

    def _lose(self, record: Recorded) -> None:
        if self._accept:
            self._cache.forget([record.path])
        other = next(iter(self._cache.paths_with(record.sha256)), None)
        problem = Problem(
            code="file-gone",
            message=f"`{record.path[-200:]}` was recorded, and is not there any more"
            + (f"; `{other[-200:]}` has the same bytes" if other else ""),
            hint="Mount its disk, restore it or fetch it again; `comfyfixer verify --accept PATH` forgets it",
            where=record.path,
        )
        row = _row(record.path, "gone", record, other_path=other, problem=problem)
        self.rows[record.path] = msgspec.structs.replace(row, accepted=self._accept)


def _row(
    path: str,
    state: str,
    record: Recorded | None,
    *,
    sha256: str | None = None,
    size_bytes: int | None = None,
    other_path: str | None = None,
    problem: Problem | None = None,
) -> VerifiedFile:
    at = datetime.fromtimestamp(record.at).astimezone().isoformat(timespec="seconds") if record else None
    return VerifiedFile(
        path=path,
        state=state,
        size_bytes=size_bytes,
        sha256=sha256,
        recorded_sha256=record.sha256 if record else None,
        recorded_by=record.told_by if record else None,
        recorded_at=at,
        other_path=other_path,
        problem=problem,
    )
