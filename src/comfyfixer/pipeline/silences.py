"""Who gave no answer, and how often: told once for each source, not once for each thing that was asked about."""

from collections import Counter
from collections.abc import Iterable

from comfyfixer.errors import SourceError
from comfyfixer.model.problem import Problem
from comfyfixer.pipeline.offline import NOT_ASKED


class Silences:
    """The first error of each source that was asked. Thread-safe."""

    def __init__(self) -> None:
        self._errors: dict[str, SourceError] = {}

    def note(self, source: str, error: SourceError) -> None:
        """A source gave no answer once more."""
        self._errors.setdefault(source, error)

    def problems(self, unanswered: Iterable[Iterable[str]], *, about: str, hint: str) -> list[Problem]:
        """One for each source; a run without a network tells that of itself.

        Args:
            unanswered: For each thing that was asked about: the sources that gave no answer.
            about: What was asked about, as a message counts it.
            hint: Where the error has none.
        """
        counts = Counter(source for sources in unanswered for source in sources)
        return [
            Problem(
                code=error.code,
                message=f"{source} gave no answer about {count} {about}: {error.message}",
                hint=error.hint or hint,
                where=source,
            )
            for source, count in sorted(counts.items())
            if (error := self._errors.get(source)) and error.code != NOT_ASKED
        ]
