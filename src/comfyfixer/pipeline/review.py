"""What waits for a choice, and what was chosen: as the last `resolve` and the choices since left it."""

from collections import Counter
from collections.abc import Iterable, Sequence

from comfyfixer.model.choice import Choice, Review, ReviewItem
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.resolution import Resolution
from comfyfixer.pipeline.choose import ChoiceBook, Key, row_named, spellings
from comfyfixer.pipeline.session import Session, read_rows
from comfyfixer.resolve.advice import advice
from comfyfixer.resolve.reasons import reviewed
from comfyfixer.resolve.ruled_out import all_refused, instead
from comfyfixer.resolve.verdict import is_chosen


def review(session: Session, names: Sequence[str] = (), *, everything: bool = False) -> Review:
    """What waits for a choice, in the order of `missing_models.json`.

    Args:
        names: Only these files, whatever their state.
        everything: What was chosen, skipped or not found too.

    Raises:
        UsageError: `state-missing` when nothing has been resolved here, `choice-unknown`, `choice-ambiguous`.
    """
    missing, rows = _read(session)
    book = ChoiceBook(session)
    keys = {row_named(rows, name).key for name in names} if names else None
    items = _items(missing, rows, book)
    shown = [
        item for key, item in items if (key in keys if keys is not None else everything or item.state == "waiting")
    ]
    return Review(items=tuple(shown), waiting=sum(item.state == "waiting" for _, item in items))


def reviewed_key(session: Session, key: Key) -> Review:
    """One file, as it is now."""
    missing, rows = _read(session)
    items = _items(missing, rows, ChoiceBook(session))
    waiting = sum(item.state == "waiting" for _, item in items)
    return Review(items=tuple(item for known, item in items if known == key), waiting=waiting)


def _read(session: Session) -> tuple[dict[Key, MissingModel], list[Resolution]]:
    missing = {row.key: row for row in read_rows(session.workdir.missing_models, MissingModel, step="scan")}
    rows = read_rows(session.workdir.resolutions, Resolution, step="resolve")
    return missing, [row for row in rows if row.key in missing]


def _items(
    missing: dict[Key, MissingModel], rows: Sequence[Resolution], book: ChoiceBook
) -> list[tuple[Key, ReviewItem]]:
    """Everything that is not simply proven."""
    counted = Counter(name for row in rows for name in spellings(row))
    return [
        (row.key, _item(missing[row.key], row, book.about(row.key), _name(row, counted)))
        for row in rows
        if _state(row) != "proven"
    ]


def _name(row: Resolution, counted: Counter[str]) -> str:
    """The shortest spelling that means this row alone."""
    return next((name for name in spellings(row) if counted[name] == 1), spellings(row)[-1])


def _state(row: Resolution) -> str:
    if row.skipped:
        return "skipped"
    if row.decision == "accepted":
        return "chosen" if is_chosen(row) else "proven"
    return "waiting" if row.decision == "review" else "not_found"


def _item(missing: MissingModel, row: Resolution, choice: Choice | None, name: str) -> ReviewItem:
    state = _state(row)
    undecided = choice.undecided if choice and state in ("chosen", "skipped") else row
    holds = choice if state in ("chosen", "skipped") else None
    return ReviewItem(
        name=name,
        filename=row.filename,
        value=row.value,
        folder=row.folder,
        expected_type=row.expected_type,
        workflows=missing.workflows,
        node_types=_unique(place.node_type for place in missing.references if place.active),
        state=state,
        because=undecided.because,
        candidates=reviewed(missing, undecided.candidates),
        chosen=holds.candidate.id if holds and holds.candidate else None,
        chosen_on=holds.made if holds else None,
        asked=row.asked,
        advice=_advice(row, state),
    )


def _advice(row: Resolution, state: str) -> tuple[str, ...]:
    """What to try where there is nothing to choose from."""
    if state == "not_found":
        return advice(row)
    return (instead(row),) if state == "waiting" and all_refused(row) else ()


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
