"""An end to what drips: a socket's own time-out begins anew with each byte, and one a minute holds a run for ever."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_LOOK_EVERY_S: Final = 0.1


class _Wait:
    """Something that may take no longer than until then."""

    def __init__(self, end: Callable[[], None], until_s: float) -> None:
        self.end = end
        self.until_s = until_s
        self.is_over = False


class Patience:
    """Ends connections on which something takes too long as a whole. Thread-safe; one thread looks after all of them.

    Args:
        seconds: The usual limit.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waits: set[_Wait] = set()
        self._changed = threading.Condition()
        self._is_watched = False

    @contextmanager
    def limit(self, end: Callable[[], None], *, times: float = 1.0) -> Iterator[None]:
        """The body has so many times the usual limit.

        Args:
            end: Ends what the body waits for; called in another thread, raises nothing.

        Raises:
            TimeoutError: It took longer, and was ended.
        """
        wait = _Wait(end, time.monotonic() + self.seconds * times)
        self._watch(wait)
        try:
            yield
        except Exception:
            if self._is_over(wait):
                raise TimeoutError from None
            raise
        finally:
            self._forget(wait)
        if self._is_over(wait):
            raise TimeoutError

    def _watch(self, wait: _Wait) -> None:
        with self._changed:
            self._waits.add(wait)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._look, name="patience", daemon=True).start()
            elif len(self._waits) == 1:
                self._changed.notify()

    def _forget(self, wait: _Wait) -> None:
        """After this `end` is not called any more."""
        with self._changed:
            self._waits.discard(wait)

    def _is_over(self, wait: _Wait) -> bool:
        with self._changed:
            return wait.is_over

    def _look(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for wait in self._waits:
                    if not wait.is_over and now >= wait.until_s:
                        wait.is_over = True
                        wait.end()
                self._changed.wait(_LOOK_EVERY_S if self._waits else None)
