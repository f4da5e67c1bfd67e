"""Work that needs nothing but its arguments, in as many processes as the machine has cores."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_MOST_PROCESSES: Final = 8
_AHEAD: Final = 4
"""Pieces in hand per process: enough that none waits, and memory does not grow with the number of pieces."""

_told: list[Any] = []
"""In a process that was started here: what all of its work shares."""


class Unavailable(Exception):
    """No further process can be started, or one died: what has not come yet is to be done otherwise."""


def processes() -> int:
    """How many are worth having: the cores that this process may use."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return min(cores, _MOST_PROCESSES)


def side_by_side(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], *, prepare: Callable[[], Any], at_once: int
) -> Iterator[Result]:
    """What `work` makes of each piece, in order.

    Args:
        work: A function of a module; pieces and results travel between processes.
        prepare: Called once in each process; what it gives is there for `work` as `shared()`.

    Raises:
        Unavailable: The results that were not yielded yet will not come.
    """
    import contextlib
    import multiprocessing
    from collections import deque
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    with contextlib.ExitStack() as stack:
        try:
            context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks as they are just now
            pool = ProcessPoolExecutor(at_once, mp_context=context, initializer=_begin, initargs=(prepare,))
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            waiting: deque[Future[Result]] = deque()
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                if len(waiting) >= at_once * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except (BrokenProcessPool, OSError, ImportError) as error:
            raise Unavailable from error


def shared() -> Any:
    """In a process started by `side_by_side`: what its `prepare` gave."""
    return _told[0]


def _begin(prepare: Callable[[], Any]) -> None:
    """What the user interrupts is the run, which ends this process by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _told.append(prepare())
