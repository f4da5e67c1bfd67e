"""Work that needs nothing but its arguments, in as many processes as the machine has cores."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_MOST_PROCESSES: Final = 8
_AHEAD: Final = 4
"""Pieces in hand per process: enough that none waits, and memory does not grow with the number of pieces."""

_MOST_RESULTS: Final = 100
"""Kept while an earlier piece is still worked at."""

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
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    *,
    prepare: Callable[[], Any],
    at_once: int,
    meanwhile: Callable[[Piece], Result] | None = None,
) -> Iterator[Result]:
    """What `work` makes of each piece, in order.

    Args:
        work: A function of a module; pieces and results travel between processes.
        prepare: Called once in each process; what it gives is there for `work` as `shared()`.
        meanwhile: Does the same in this process, which otherwise only waits.

    Raises:
        Unavailable: The results that were not yielded yet will not come.
    """
    import contextlib
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    with contextlib.ExitStack() as stack:
        try:
            context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks as they are just now
            pool = ProcessPoolExecutor(at_once, mp_context=context, initializer=_begin, initargs=(prepare,))
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            yield from _in_order(iter(pieces), lambda piece: pool.submit(work, piece), at_once * _AHEAD, meanwhile)
        except (BrokenProcessPool, OSError, ImportError) as error:
            raise Unavailable from error


def _in_order(
    left: Iterator[Piece],
    submit: Callable[[Piece], "Future[Result]"],
    in_hand: int,
    meanwhile: Callable[[Piece], Result] | None,
) -> Iterator[Result]:
    """The results of pieces that are handed out as others come back."""
    from collections import deque

    waiting: deque[Future[Result]] = deque()
    while True:
        while sum(not future.done() for future in waiting) < in_hand:
            try:
                waiting.append(submit(next(left)))
            except StopIteration:
                break
        if not waiting:
            return
        piece = list(islice(left, 1)) if meanwhile and not waiting[0].done() and len(waiting) < _MOST_RESULTS else []
        if meanwhile and piece:
            waiting.append(_finished(meanwhile(piece[0])))
        else:
            yield waiting.popleft().result()


def _finished(result: Result) -> "Future[Result]":
    from concurrent.futures import Future

    future: Future[Result] = Future()
    future.set_result(result)
    return future


def shared() -> Any:
    """In a process started by `side_by_side`: what its `prepare` gave."""
    return _told[0]


def _begin(prepare: Callable[[], Any]) -> None:
    """What the user interrupts is the run, which ends this process by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _told.append(prepare())
