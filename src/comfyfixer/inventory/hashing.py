"""Hashing many files at once: each one's bytes are read once, whatever number of names it has."""

import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Final

import msgspec

from comfyfixer.digests import DIGITS, Digests, computable
from comfyfixer.errors import Interrupted, UsageError
from comfyfixer.inventory.hashes import FileStamp, HashCache
from comfyfixer.model.event import Emit
from comfyfixer.model.problem import Problem
from comfyfixer.paths import openable, printable

_BUFFER_BYTES: Final = 1 << 20  # from 512 KiB on SHA-256 gains nothing more, see benchmarks/hashing.py
_MOST_WORKERS: Final = 4
_WAKE_UP_S: Final = 0.2
_TELL_EVERY_S: Final = 0.1


class HashedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One path and what its file hashes to.

    Attributes:
        path: As it was given.
        hashes: Algorithm to lower-case hex; AutoV3 only of safetensors. Empty with a `problem`.
        read: False where nothing was read for it: its hashes were known, or are those of the same file's other name.
    """

    path: str
    size_bytes: int = 0
    hashes: dict[str, str] = {}
    read: bool = False
    problem: Problem | None = None


class _Job(msgspec.Struct, frozen=True):
    """One file, under all its names; `settled` as `FileStamp.settled` was when the stamp was taken."""

    paths: tuple[str, ...]
    stamp: FileStamp
    settled: bool
    kinds: frozenset[str]


def hash_files(
    paths: Iterable[str],
    *,
    algorithms: Collection[str] = ("sha256",),
    cache: HashCache,
    cancelled: Callable[[], bool],
    emit: Emit,
    workers: int | None = None,
    reread: bool = False,
) -> Iterator[HashedFile]:
    """Every path's hashes: those that are known at once, then the others as they are done, the largest begun first.

    What is done is remembered at once, so that an interrupted call repeats at most the files it was reading.

    Args:
        algorithms: Of `digests.DIGITS`; SHA-256 is always taken.
        workers: Files read at the same time; None takes one a core, at most four.
        reread: Read also what is known.

    Raises:
        UsageError: `hash-unknown`: an algorithm that can't be computed here.
        Interrupted: `cancelled` became true.
    """
    _check_algorithms(algorithms)
    jobs: dict[tuple[int, FileStamp], _Job] = {}
    for path in dict.fromkeys(paths):
        known = _looked_at(path, frozenset({"sha256", *algorithms}), jobs, cache, reread=reread)
        if known is not None:
            yield known
    ordered = sorted(jobs.values(), key=lambda job: -job.stamp.size_bytes)
    if ordered:
        emit("hashing.started", files=len(ordered), size_bytes=sum(job.stamp.size_bytes for job in ordered))
    at_once = min(len(ordered), workers or min(os.cpu_count() or 1, _MOST_WORKERS))
    for job, result in _Workers(ordered, emit, cancelled).results(at_once):
        for number, path in enumerate(job.paths):
            if result.hashes and job.settled:
                cache.remember(path, result.hashes, job.stamp)
            yield msgspec.structs.replace(result, path=path, read=number == 0)


def _check_algorithms(algorithms: Collection[str]) -> None:
    for kind in algorithms:
        if kind not in DIGITS:
            hint = f"Known are {', '.join(DIGITS)}"
            raise UsageError(f"`{kind[:40]}` is no known kind of hash", code="hash-unknown", hint=hint)
        if not computable(kind, ".safetensors"):
            hint = "Install it with `pip install 'comfyfixer[hashes]'`"
            raise UsageError("BLAKE3 needs the package `blake3`, which is not here", code="hash-unknown", hint=hint)


def _looked_at(
    path: str, kinds: frozenset[str], jobs: dict[tuple[int, FileStamp], _Job], cache: HashCache, *, reread: bool
) -> HashedFile | None:
    """What is known without reading, or why it can't be read; None for a file that became (part of) a job."""
    try:
        status = os.stat(openable(path))
    except (OSError, ValueError) as error:
        return HashedFile(path=path, problem=_unreadable(path, error))
    if not stat.S_ISREG(status.st_mode):
        return HashedFile(path=path, problem=_problem(path, "it is no regular file"))
    suffix = os.path.splitext(path)[1].lower()
    wanted = frozenset(kind for kind in kinds if computable(kind, suffix))
    known = {} if reread else cache.known(path)
    if wanted <= known.keys():
        return HashedFile(path=path, size_bytes=status.st_size, hashes={kind: known[kind] for kind in sorted(wanted)})
    stamp = FileStamp.from_status(status)
    place = (status.st_dev, stamp)
    same = jobs.get(place, _Job((), stamp, stamp.settled(), wanted))
    jobs[place] = _Job((*same.paths, path), stamp, same.settled, same.kinds | wanted)
    return None


class _Workers:
    """Threads that take one job after the other: reading and hashing both let the others run."""

    def __init__(self, jobs: Sequence[_Job], emit: Emit, cancelled: Callable[[], bool]) -> None:
        self._left = deque(jobs)
        self._count = len(jobs)
        self._emit = emit
        self._cancelled = cancelled
        self._stop = threading.Event()
        self._done: SimpleQueue[tuple[_Job, HashedFile] | BaseException] = SimpleQueue()

    def results(self, at_once: int) -> Iterator[tuple[_Job, HashedFile]]:
        """Each job's result, as it is done."""
        threads = [threading.Thread(target=self._work, name=f"hash-{number}") for number in range(at_once)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(self._count):
                yield self._next()
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _next(self) -> tuple[_Job, HashedFile]:
        while True:
            if self._cancelled():
                raise Interrupted("Stopped at your request", hint="What was hashed is remembered: run the same again")
            try:
                done = self._done.get(timeout=_WAKE_UP_S)
            except Empty:
                continue
            if isinstance(done, BaseException):
                raise done
            return done

    def _work(self) -> None:
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        try:
            while not self._stop.is_set():
                try:
                    job = self._left.popleft()
                except IndexError:
                    return
                if result := self._hashed(job, buffer):
                    self._done.put((job, result))
        except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to who waits for the results
            self._done.put(error)

    def _hashed(self, job: _Job, buffer: memoryview) -> HashedFile | None:
        """One file's hashes, or why there are none; None when it was stopped."""
        path, started = job.paths[0], time.monotonic()
        shown = printable(path)
        self._emit("hash.started", path=shown, size_bytes=job.stamp.size_bytes)
        try:
            digests = self._digests(job, shown, buffer)
        except OSError as error:
            return self._failed(path, _unreadable(path, error))
        if digests is None:
            return None
        if FileStamp.of(path) != job.stamp:
            return self._failed(path, _problem(path, "it changed while it was read"))
        seconds = round(time.monotonic() - started, 3)
        self._emit("hash.finished", path=shown, sha256=digests.sha256, size_bytes=job.stamp.size_bytes, seconds=seconds)
        hashes = {kind: digests.get(kind) for kind in DIGITS if kind in job.kinds}
        return HashedFile(path=path, size_bytes=job.stamp.size_bytes, hashes=hashes, read=True)

    def _digests(self, job: _Job, shown: str, buffer: memoryview) -> Digests | None:
        digests, done, told_at = Digests(job.kinds), 0, time.monotonic()
        with open(openable(job.paths[0]), "rb", buffering=0, opener=_opened_in_order) as file:
            while count := file.readinto(buffer):
                if self._stop.is_set():
                    return None
                digests.update(buffer[:count])
                done += count
                if (now := time.monotonic()) - told_at > _TELL_EVERY_S:
                    told_at = now
                    self._emit("hash.progressed", path=shown, bytes_done=done, bytes_total=job.stamp.size_bytes)
        return digests

    def _failed(self, path: str, problem: Problem) -> HashedFile:
        self._emit("hash.failed", path=printable(path), code=problem.code, message=problem.message)
        return HashedFile(path=path, read=True, problem=problem)


def _opened_in_order(path: str, flags: int) -> int:
    """Opened, and the system told to read ahead: the disk works while we hash."""
    handle = os.open(path, flags)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    return handle


def _unreadable(path: str, error: Exception) -> Problem:
    if isinstance(error, FileNotFoundError) and os.path.islink(openable(path)):
        return _problem(path, "it is a link that leads nowhere")
    return _problem(path, getattr(error, "strerror", None) or str(error))


def _problem(path: str, why: str) -> Problem:
    shown = printable(path)
    return Problem(
        code="file-unreadable",
        message=f"`{shown[-200:]}` can't be hashed: {why}",
        hint="Check the file and its permissions, then run the same again",
        where=shown,
    )
