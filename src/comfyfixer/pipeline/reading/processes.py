"""Reading workflow files in several processes."""

import contextlib
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

import msgspec

from comfyfixer.model.reference import LoaderInput
from comfyfixer.pipeline.reading.cache import Reading
from comfyfixer.pipeline.reading.file import Reader
from comfyfixer.scan.knowledge import builtin_knowledge

_AHEAD: Final = 4
"""Chunks in hand per process: enough that none waits, and memory does not grow with the number of files."""

_readers: Final[list[Reader]] = []
"""The one of this process, if it was started to read."""


class Unavailable(Exception):
    """No further process can be started, or one died."""


def read_in_processes(
    chunks: Iterator[list[str]], pack_inputs: Mapping[str, Mapping[str, LoaderInput]], processes: int
) -> Iterator[list[Reading]]:
    """What was read of each chunk, in order.

    Raises:
        Unavailable: What was not yielded yet has to be read otherwise.
    """
    with contextlib.ExitStack() as stack:
        try:
            context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks as they are just now
            told = msgspec.msgpack.encode(pack_inputs)
            pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare, initargs=(told,))
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            waiting: deque[Future[list[Reading]]] = deque()
            for chunk in chunks:
                waiting.append(pool.submit(_read_chunk, chunk))
                if len(waiting) >= processes * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except (BrokenProcessPool, OSError, ImportError, PermissionError) as error:
            raise Unavailable from error


def _prepare(told: bytes) -> None:
    """In a new process: what the user interrupts is the run, which ends this process by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pack_inputs = msgspec.msgpack.decode(told, type=dict[str, dict[str, LoaderInput]])
    _readers.append(Reader(builtin_knowledge().with_packs(pack_inputs)))


def _read_chunk(paths: list[str]) -> list[Reading]:
    return [_readers[0].reading(path) for path in paths]
