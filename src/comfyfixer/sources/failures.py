"""Going on after one question of several stayed unanswered, without forgetting it."""

from collections.abc import Callable
from typing import TypeVar

from comfyfixer.errors import NotThere, SourceError

T = TypeVar("T")


class Failures:
    """Collects what stayed unanswered during one search."""

    def __init__(self) -> None:
        self._first: SourceError | None = None

    def caught(self, ask: Callable[[], T]) -> T | None:
        """What `ask` gives; None where the hub has no such thing, or gave no answer."""
        try:
            return ask()
        except NotThere:
            return None
        except SourceError as error:
            self._first = self._first or error
            return None

    def raise_first(self) -> None:
        """Raise the first error, if there was one: the search is not complete."""
        if self._first is not None:
            raise self._first
