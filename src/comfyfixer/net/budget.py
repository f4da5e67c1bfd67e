"""How much one run may ask: so many requests, so much time. What is left open is asked for by the next run."""

import threading
from collections.abc import Callable
from typing import Final

from comfyfixer.errors import SourceError

_GO_ON: Final = (
    "`comfyfixer resolve` asks on; `search.max_requests` and `search.max_minutes` in config.json set the limit"
)


class Budget:
    """Counts requests for answers, not for files. Thread-safe.

    Args:
        minutes: From now on; None: as long as it takes.
        clock: Seconds that only grow.
    """

    def __init__(self, requests: int, minutes: float | None, clock: Callable[[], float]) -> None:
        self._most = self._left = requests
        self._minutes = minutes
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()

    def take(self) -> None:
        """One request more.

        Raises:
            SourceError: `hub-budget`: there is none left.
        """
        with self._lock:
            if self._minutes is not None and self._clock() - self._began >= self._minutes * 60:
                raise _used_up(f"the {self._minutes:g} minutes that one run may ask are over")
            if self._left <= 0:
                raise _used_up(f"the {self._most} requests that one run may send are used up")
            self._left -= 1


def _used_up(why: str) -> SourceError:
    return SourceError(f"Not asked: {why}", code="hub-budget", hint=_GO_ON)
