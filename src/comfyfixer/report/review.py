"""What waits for a choice, as lines: for a pipe at length, for a terminal one screen a file."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from comfyfixer.model.choice import Review, ReviewedCandidate, ReviewItem
from comfyfixer.model.source_names import called
from comfyfixer.report.words import plural, shown
from comfyfixer.sizes import size_text

_STATES: Final = {
    "waiting": "waits for your choice",
    "chosen": "chosen by you",
    "skipped": "left out by you",
    "not_found": "found nowhere",
}
_KEYS: Final = (
    ("arrows or 1-9", "pick"),
    ("Enter", "choose"),
    ("s", "skip"),
    ("n", "next"),
    ("b", "back"),
    ("f", "forget"),
    ("o", "page"),
    ("q", "quit"),
)
_NARROW: Final = 60


class Styled(NamedTuple):
    """One line of a screen.

    Attributes:
        style: `title`, `picked`, `good`, `bad`, `dim`, `said` or nothing; the words say the same without colour.
        link: Address that the line leads to, None for most.
    """

    text: str
    style: str = ""
    link: str | None = None


def lines(review: Review) -> Iterator[str]:
    """Each file with its candidates, and how to choose."""
    for item in review.items:
        yield from item_lines(item)
        yield ""
    yield _foot(review)


def item_lines(item: ReviewItem) -> Iterator[str]:
    """One file with its candidates."""
    mark = {"waiting": "?", "chosen": "+", "skipped": "/", "not_found": "-"}[item.state]
    yield f"{mark} {shown(item.name)}  {_beside(item)}"
    yield f"    {_state(item)}"
    for candidate in item.candidates:
        chosen = "*" if candidate.id == item.chosen else " "
        yield f"  {chosen} {candidate.number}. {_headline(candidate)}"
        yield f"       id: {shown(candidate.id)}"
        yield from (f"       {line.text}" for line in _about(candidate, 200))
    if item.state == "not_found":
        yield from (f"    asked {shown(text)}" for text in item.asked)
    yield from (f"    -> {shown(text)}" for text in item.advice)


def _foot(review: Review) -> str:
    if not review.waiting:
        return "Nothing waits for a choice."
    files = plural(review.waiting, "file waits", "files wait")
    return f"{files} for a choice: `comfyfixer choose NAME NUMBER`, or `comfyfixer choose NAME skip`."


def _beside(item: ReviewItem) -> str:
    nodes = f", read by {shown(', '.join(item.node_types[:2]))}" if item.node_types else ""
    return f"{item.folder or 'folder unknown'}, needed by {_workflows(item.workflows)}{nodes}"


def _workflows(paths: Sequence[str]) -> str:
    """The first one by its name, and how many more."""
    name = shown(paths[0].replace("\\", "/").rpartition("/")[2]) if paths else "no workflow"
    return name if len(paths) < 2 else f"{name} and {plural(len(paths) - 1, 'more workflow')}"


def _state(item: ReviewItem) -> str:
    if item.chosen_on:
        return f"{_STATES[item.state].capitalize()} on {item.chosen_on[:10]}"
    return shown(item.because)


def _headline(candidate: ReviewedCandidate) -> str:
    known = (size_text(candidate.size_bytes), _source(candidate), candidate.base_model)
    return "  ".join((shown(candidate.filename), ", ".join(shown(part) for part in known if part)))


def _source(candidate: ReviewedCandidate) -> str:
    return "here" if candidate.source == "local" else called(candidate.source)


def _about(candidate: ReviewedCandidate, width: int) -> Iterator[Styled]:
    """What speaks for and against it, what its hub calls it, its page."""
    for text in candidate.speaks_for:
        yield from _wrapped(f"+ {shown(text)}", width, "good", "  ")
    for text in candidate.speaks_against:
        yield from _wrapped(f"- {shown(text)}", width, "bad", "  ")
    if candidate.title:
        yield from _wrapped(shown(candidate.title), width, "dim", "  ")
    where = candidate.page_url or candidate.download_url
    link = where if where.startswith(("http://", "https://")) else None
    yield from (Styled(line, "dim", link) for line in _chopped(shown(where), width))


# --- one screen ------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where in the review a screen is.

    Attributes:
        picked: Index of the candidate under the cursor.
        said: What the last key came to, or what is wrong.
    """

    number: int
    total: int
    picked: int
    said: str = ""


def screen(item: ReviewItem, place: Place, width: int, height: int) -> list[Styled]:
    """One file on one screen: at most `height` lines, none longer than `width` columns.

    What does not fit is left out in the middle of the screen, never the question or the keys.
    """
    head = list(_head(item, place, width))
    keys = [Styled(line, "dim") for line in _keys(item, width)]
    foot = [Styled(""), *_said(place, width), *keys]
    rows = list(_rows(item, place, width))
    below = list(_below(item, place, width - 2))
    room = height - len(head) - len(foot)
    if room < 3:
        return [*head[:1], *rows[place.picked : place.picked + 1], *keys][:height]
    listed = _window(rows, place.picked, max(1, min(len(rows), room - min(len(below) + 1, room * 2 // 3))))
    left = room - len(listed) - 1
    about = [Styled(f"  {line.text}", line.style, line.link) for line in below]
    if len(about) > left:
        about = [*about[: max(0, left - 1)], Styled(_first("  ... (a higher window shows more)", width), "dim")][
            : max(0, left)
        ]
    empty = [Styled("")] * (left - len(about))
    return [*head, *listed, Styled(""), *about, *empty, *foot][:height]


def _below(item: ReviewItem, place: Place, width: int) -> Iterator[Styled]:
    """All about the picked candidate, with its whole name where the list has to cut it."""
    if not item.candidates:
        yield from _advice(item, width)
        return
    picked = item.candidates[place.picked]
    if picked.filename != item.filename and columns(picked.filename) > width - 30:
        yield from (Styled(line) for line in _chopped(shown(picked.filename), width))
    yield from _about(picked, width)


def _head(item: ReviewItem, place: Place, width: int) -> Iterator[Styled]:
    count = f"{place.number} of {place.total}"
    name = _cut(shown(item.name), max(8, width - len(count) - 2))
    yield Styled(f"{name}{count:>{max(1, width - columns(name))}}", "title")
    yield from _wrapped(_beside(item), width, "", "")
    yield from _wrapped(shown(_state(item)), width, "said" if item.chosen_on else "", "")
    yield Styled("")


def _rows(item: ReviewItem, place: Place, width: int) -> Iterator[Styled]:
    """A line for each candidate: number, name, size, source."""
    for index, candidate in enumerate(item.candidates):
        cursor = ">" if index == place.picked else " "
        mark = "*" if candidate.id == item.chosen else " "
        known = (size_text(candidate.size_bytes), "" if width < _NARROW else _source(candidate))
        beside = "  ".join(part for part in known if part)
        start = f"{cursor}{mark}{candidate.number}. "
        name = _label(item, candidate, max(4, width - len(start) - len(beside) - 2))
        gap = " " * max(2, width - len(start) - columns(name) - len(beside))
        yield Styled(f"{start}{name}{gap}{beside}".rstrip(), "picked" if index == place.picked else "")


def _label(item: ReviewItem, candidate: ReviewedCandidate, width: int) -> str:
    """Its name; where that is the wanted one, what its hub calls it stands beside, to tell namesakes apart."""
    name, title = shown(candidate.filename), shown(candidate.title)
    left = width - columns(name) - 2
    if candidate.filename != item.filename or left < 8:
        return _cut(name, width)
    return f"{name}  {title if columns(title) <= left else _first(title, left - 3) + '...'}"


def _advice(item: ReviewItem, width: int) -> Iterator[Styled]:
    for text in item.asked:
        yield from _wrapped(f"asked {shown(text)}", width, "dim", "  ")
    for text in item.advice:
        yield from _wrapped(f"-> {shown(text)}", width, "", "   ")


def _said(place: Place, width: int) -> Iterator[Styled]:
    if place.said:
        yield from _wrapped(shown(place.said), width, "said", "")


def _keys(item: ReviewItem, width: int) -> Iterator[str]:
    """The keys that do something now, as many a line as fit."""
    idle = {"forget"} if not item.chosen_on else set()
    idle |= set() if item.candidates else {"pick", "choose", "page"}
    words = [f"{key} {does}" for key, does in _KEYS if does not in idle]
    line = ""
    for word in words:
        if line and len(line) + 3 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line}   {word}" if line else word
    yield _cut(line, width)


def _window(rows: Sequence[Styled], picked: int, size: int) -> Sequence[Styled]:
    """The rows around the picked one."""
    start = min(max(0, picked - size // 2), max(0, len(rows) - size))
    return rows[start : start + size]


def _wrapped(text: str, width: int, style: str, indent: str) -> Iterator[Styled]:
    """The text in lines of at most `width` columns, from the second one on indented."""
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line.strip() else f"{line}{word}"
        if columns(joined) <= width or not line.strip():
            *full, line = _chopped(joined, width)
        else:
            full, line = [line], f"{indent}{word}"
            if columns(line) > width:
                *more, line = _chopped(line, width)
                full += more
        yield from (Styled(part, style) for part in full)
    yield Styled(line, style)


def _chopped(text: str, width: int) -> Iterator[str]:
    """A text without spaces, such as an address, in pieces."""
    piece = ""
    for sign in text:
        if piece and columns(piece + sign) > width:
            yield piece
            piece = ""
        piece += sign
    yield piece


def _cut(text: str, width: int) -> str:
    """Shortened in the middle: the end of a file name tells as much as its beginning."""
    if columns(text) <= width:
        return text
    end = _first(text[::-1], max(1, (width - 3) * 2 // 3))[::-1]
    return f"{_first(text, max(1, width - 3 - columns(end)))}...{end}"


def _first(text: str, width: int) -> str:
    taken = 0
    for place, sign in enumerate(text):
        taken += columns(sign)
        if taken > width:
            return text[:place]
    return text


def columns(text: str) -> int:
    """How many columns a terminal takes for it: wide signs take two, joined ones none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text)
