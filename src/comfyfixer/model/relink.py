"""What `comfyfixer relink` would do, or did, about files that are here under another path or name."""

import msgspec

from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.model.problem import Problem

WAYS = ("copy-workflow", "link", "hardlink", "move")


class Mend(msgspec.Struct, frozen=True, kw_only=True):
    """One missing file, and the file that is here for it.

    Attributes:
        way: One of `WAYS`.
        new_value: What the corrected workflows name, None for other ways than `copy-workflow`.
    """

    row: MissingModel
    match: LocalMatch
    way: str
    new_value: str | None = None


class Relinked(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the answer of `relink`.

    Attributes:
        state: `planned`, `done`, `already` (an earlier `relink` left the very same copies), `refused` or `failed`.
        way: How it is mended: `copy-workflow`, `link`, `hardlink` or `move`; None where nothing can be done unasked.
        why: How the local file is related, as `LocalMatch.why`.
        source: The local file.
        new_value: What a corrected copy of the workflow names instead of `value`.
        targets: What is (to be) made: corrected copies of workflows, the link, or the moved file.
        candidates: Files to choose from with `--to`, where nothing can be done unasked.
        problem: Why nothing is, or was, done.
    """

    filename: str
    value: str
    folder: str | None
    workflows: tuple[str, ...]
    state: str
    way: str | None = None
    why: str | None = None
    source: str | None = None
    new_value: str | None = None
    targets: tuple[str, ...] = ()
    candidates: tuple[LocalMatch, ...] = ()
    problem: Problem | None = None


class RelinkResult(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `relink`.

    Attributes:
        dry_run: Nothing was changed: it was only shown, or not confirmed.
        not_here: Missing files of which nothing that is here can be meant.
        record: Where each action is recorded, None where there was none.
    """

    dry_run: bool
    items: tuple[Relinked, ...]
    not_here: int = 0
    record: str | None = None
