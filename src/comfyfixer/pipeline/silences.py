"""Who gave no answer, and how often: told once for each reason, not once for each thing that was asked about."""

from collections.abc import Collection, Iterable, Sequence

from comfyfixer.errors import SourceError
from comfyfixer.model.problem import Problem
from comfyfixer.model.source_names import ADDRESSES, called
from comfyfixer.pipeline.offline import NOT_ASKED
from comfyfixer.report.words import plural
from comfyfixer.resolve.silent import by_reason


class Silences:
    """The first error of each source that was asked. Thread-safe."""

    def __init__(self) -> None:
        self._errors: dict[str, SourceError] = {}

    def note(self, source: str, error: SourceError) -> None:
        """A source gave no answer once more."""
        self._errors.setdefault(source, error)

    def problems(self, unanswered: Iterable[Collection[str]], *, about: str, hint: str) -> list[Problem]:
        """One for each reason; a run without a network tells that of itself.

        Args:
            unanswered: For each thing that was asked about: the sources that gave no answer.
            about: What was asked about, as a message counts it.
            hint: Where the error has none.
        """
        things = [frozenset(sources) for sources in unanswered]
        silent = frozenset[str]().union(*things)
        told = {source: error for source, error in self._errors.items() if source in silent and error.code != NOT_ASKED}
        return [
            Problem(
                code=told[sources[0]].code,
                message=f"{_names(sources)} gave no answer about {plural(_count(sources, things), about)}: {why}",
                hint=told[sources[0]].hint or hint,
            )
            for sources, why in by_reason({source: error.message for source, error in told.items()})
        ]


def _names(sources: Sequence[str]) -> str:
    """Those that should have answered; who only leads to them is told where it stands alone."""
    names = " and ".join(called(source) for source in sources if source not in ADDRESSES) or called(sources[0])
    return names[:1].upper() + names[1:]


def _count(sources: Sequence[str], things: Iterable[frozenset[str]]) -> int:
    return sum(not thing.isdisjoint(sources) for thing in things)
