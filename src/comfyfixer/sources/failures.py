"""Going on after one question of several stayed unanswered, without forgetting it."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.redact import plain
from comfyfixer.sources.foreign import may_carry

T = TypeVar("T")

_LOOK: Final = "Look at the candidates, and choose one with `comfyfixer choose` if it is the file"


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

    def note(self, error: SourceError) -> None:
        """Remember an error that came with an answer all the same."""
        self._first = self._first or error

    def note_lost(self, rows: Iterable[bytes], filename: str, hub: str) -> None:
        """Rows that can't be read count where one may be about the file."""
        if any(may_carry(row, filename) for row in rows):
            self.note(unreadable(filename, hub))

    def raise_first(self) -> None:
        """Raise the first error, if there was one: the search is not complete."""
        if self._first is not None:
            raise self._first


def unreadable(filename: str, hub: str) -> SourceError:
    """Part of an answer is not in the known form: what it says of other files of the name stays unknown."""
    message = f"{hub} told of files in a form that is not known; one of them may be named `{plain(filename)}` too"
    return SourceError(message, code="hub-bad-answer", hint=_LOOK)


def cut_off(filename: str, hub: str) -> SourceError:
    """There is more than can be looked through."""
    message = f"{hub} has more to look through for `{plain(filename)}` than was read: the search was cut off"
    return SourceError(message, code="hub-bad-answer", hint=_LOOK)
