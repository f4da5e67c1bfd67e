"""What a catalogue of downloadable files has to do; also what other packages may add.

A package adds one with an entry point of the group `comfyfixer.sources`, in its `pyproject.toml`:

    [project.entry-points."comfyfixer.sources"]
    example = "example_package:make_source"

`make_source(settings, client)` gives a `Source`: `settings` are the run's (`comfyfixer.settings.Settings`), `client` is
its one HTTP client (`comfyfixer.net.client.Client`): `client.get(url, max_age_s=...).json(type)` asks, keeps the
answer, paces itself, and raises `SourceError` or `NotThere`. It is loaded when missing files are looked for.
`sources.disabled: ["example"]` in `config.json` switches it off. What it gives is a place to look at like any other:
`plugins.py` says what is taken over of it. The contract test in `tests/contract/` shows how to test one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel
from comfyfixer.net.client import Client
from comfyfixer.settings import Settings


class Source(Protocol):
    """A catalogue of downloadable files, such as Civitai. Thread-safe.

    It may have a method `concerns(missing) -> bool` too: False where it can't have such a file, and is not asked; and
    `prepare(missing: Sequence[MissingModel])`, called once with all that will be searched for, which raises nothing.

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


MakeSource = Callable[[Settings, Client], Source]
"""What an entry point names."""


def concerned(source: Source, missing: MissingModel) -> bool:
    """Whether a source can have the file."""
    concerns: Callable[[MissingModel], bool] | None = getattr(source, "concerns", None)
    return concerns is None or concerns(missing)


def prepared(sources: Iterable[Source], missing: Sequence[MissingModel]) -> None:
    """Let the sources that want to know beforehand what will be searched for ask about all of it together."""
    for source in sources:
        prepare: Callable[[Sequence[MissingModel]], None] | None = getattr(source, "prepare", None)
        if prepare is not None:
            prepare(missing)
