"""What a person or an agent chose for a file that could not be proven."""

import msgspec

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.resolution import Resolution


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One choice: it holds for every workflow that names the file so, until what it was made by is different.

    Attributes:
        folder: As in `missing_models.json`; with `value` it says which file is meant.
        made: ISO 8601 with offset.
        skip: Nothing is to be fetched, and nobody is to be asked again.
        candidate: As it was when it was chosen; None with `skip`.
        wanted: The hashes that the workflows named then.
        into: The models folder that was named with it, where the workflows tell none.
        undecided: The row as it is without the choice: `choose --forget` gives it back.
    """

    filename: str
    value: str
    folder: str | None
    made: str
    skip: bool = False
    candidate: Candidate | None = None
    wanted: dict[str, str] = {}
    into: str | None = None
    undecided: Resolution

    @property
    def key(self) -> tuple[str, str, str]:
        """As `MissingModel.key`."""
        return self.folder or "", self.value, self.filename

    @property
    def day(self) -> str:
        """Its date: `2026-01-31`."""
        return self.made[:10]


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """`.comfyfixer/choices.json`."""

    schema_version: int = 1
    choices: tuple[Choice, ...] = ()


class ReviewedCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate as a person or agent looks at it.

    Attributes:
        number: From 1, best first: what `choose` takes.
        id: Always the same for the same file: what `choose` takes too.
        speaks_for: Sentence parts.
        speaks_against: Sentence parts.
        refused: Why it can't be chosen, None where it can.
        folders: ComfyUI folders where such a file belongs by the hub's word.
    """

    number: int
    id: str
    source: str
    filename: str
    size_bytes: int | None = None
    sha256: str | None = None
    title: str = ""
    base_model: str | None = None
    precision: str | None = None
    access: str = "open"
    page_url: str | None = None
    download_url: str
    folders: tuple[str, ...] = ()
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    refused: str | None = None


class ReviewItem(msgspec.Struct, frozen=True, kw_only=True):
    """One file that waits for a choice, or got one.

    Attributes:
        name: What `choose` takes for it: its file name, or more where several waiting files share that.
        because: Why nothing is proven.
        state: `waiting`, `chosen`, `skipped`, or `not_found` (nothing to choose from).
        chosen: The chosen candidate's id.
        chosen_on: The date of the choice or skip.
        asked: What was asked where.
        advice: What to try, sentence parts.
    """

    name: str
    filename: str
    value: str
    folder: str | None
    expected_type: str
    workflows: tuple[str, ...]
    node_types: tuple[str, ...]
    state: str
    because: str
    candidates: tuple[ReviewedCandidate, ...] = ()
    chosen: str | None = None
    chosen_on: str | None = None
    asked: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `review` and `choose`.

    Attributes:
        items: Those that wait; with `--all` also what was chosen, skipped or not found. With `choose`: what was named.
        waiting: Number of files that wait for a choice, whatever was shown.
    """

    items: tuple[ReviewItem, ...]
    waiting: int
