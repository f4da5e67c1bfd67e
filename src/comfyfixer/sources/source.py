"""What a catalogue of downloadable files has to do."""

from collections.abc import Iterator
from typing import Protocol

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel


class Source(Protocol):
    """A catalogue of downloadable files, such as Civitai. Thread-safe.

    Attributes:
        name: One or two words, for people and for `Findings.unanswered`.
    """

    @property
    def name(self) -> str: ...

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """Yield files that may be `missing`; none means "not here". What was yielded before an error stays valid.

        Raises:
            SourceError: Something stayed unanswered: another file of the name is not ruled out.
            NotThere: Only as the last word, with a sentence about something named that is gone.
        """
        ...
