"""Several things at once, stoppable."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

from comfyfixer.pipeline.session import Session

Result = TypeVar("Result")
_WAKE_UP_S: Final = 0.2
"""How often the waiting thread looks whether it was told to stop."""


class Lanes:
    """Which piece of work is begun next: in order, but big ones leave one place for small ones that wait. Thread-safe.

    Args:
        small: For each piece in order.
    """

    def __init__(self, small: Sequence[bool], at_once: int) -> None:
        self._small = small
        self._waiting = list(range(len(small)))
        self._most_big = max(1, at_once - 1)
        self._big = 0
        self._lock = threading.Lock()

    def begin(self) -> int:
        """The place of the next one; there is one left for each call."""
        with self._lock:
            chosen = self._waiting[0]
            if self._big >= self._most_big:
                chosen = next((place for place in self._waiting if self._small[place]), chosen)
            self._waiting.remove(chosen)
            self._big += not self._small[chosen]
            return chosen

    def end(self, place: int) -> None:
        """It is done."""
        with self._lock:
            self._big -= not self._small[place]


def in_parallel(
    session: Session,
    work: Sequence[Callable[[], Result]],
    *,
    at_once: int,
    on_stop: Callable[[], None],
    small: Sequence[bool] | None = None,
) -> Iterator[tuple[int, Result]]:
    """Place and result of each piece of work, as they come.

    Args:
        on_stop: Called when the user stops or a piece fails; ends what the pieces wait for.
        small: Which pieces may overtake the others; None: none.

    Raises:
        Interrupted: After everything that ran has come to a clean stop.
        Exception: Whatever a piece of work raises.
    """
    lanes = Lanes([True] * len(work) if small is None else small, at_once)

    def next_one() -> tuple[int, Result]:
        place = lanes.begin()
        try:
            return place, work[place]()
        finally:
            lanes.end(place)

    with ThreadPoolExecutor(at_once) as pool:
        pending: set[Future[tuple[int, Result]]] = {pool.submit(next_one) for _ in work}
        try:
            while pending:
                done, pending = wait(pending, timeout=_WAKE_UP_S, return_when=FIRST_COMPLETED)
                failed = {future for future in done if future.exception() is not None}
                yield from sorted((future.result() for future in done - failed), key=lambda one: one[0])
                for future in failed:
                    future.result()
                session.check_stop()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            on_stop()
            raise
