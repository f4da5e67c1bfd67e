"""What `verify` found, for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.verification import Verification, VerifiedFile
from comfyfixer.report.words import common_folder, plural, shown
from comfyfixer.sizes import size_text

_TITLES: Final = {
    "changed": ("!", "changed"),
    "unreadable": ("!", "could not be read"),
    "gone": ("-", "gone"),
    "moved": (">", "moved: the same bytes are under a new name, and recorded there"),
    "recorded": ("+", "recorded for the first time: the next `verify` compares with what they are now"),
}


def lines(result: Verification, limit: int = 12) -> Iterator[str]:
    """The result in one line, then what is not as it was.

    Args:
        limit: Files shown of each state; the rest is counted.
    """
    told = ", ".join(f"{count} {state}" for state, count in result.counts.items() if count)
    read = f"{size_text(result.bytes_read)} read in {result.seconds:.0f} s"
    yield f"{plural(len(result.files), 'file')} ({read}): {told or 'nothing to compare'}"
    rows = [row for row in result.files if row.state in _TITLES]
    base = common_folder([row.path.replace("\\", "/") for row in rows]) if len(rows) > 1 else ""
    if base.count("/") > 1:
        yield f"in {shown(base)}"
    for state in _TITLES:
        members = [row for row in rows if row.state == state]
        if members:
            yield from _group(state, members, limit, base if base.count("/") > 1 else "")
    if any(row.problem and not row.accepted for row in rows):
        yield ""
        yield "Not as recorded: " + ", ".join(_outstanding(rows)) + "."


def _group(state: str, members: Sequence[VerifiedFile], limit: int, base: str) -> Iterator[str]:
    mark, title = _TITLES[state]
    yield ""
    yield f"{title} ({len(members)})"
    for row in members[:limit]:
        yield f"  {mark} {shown(row.path[len(base) :])}{_from(row, base)}"
        yield from _why(row)
    if len(members) > limit:
        yield f"  ... and {len(members) - limit} more; `--json` has all"
    if hints := [row.problem.hint for row in members if row.problem and row.problem.hint and not row.accepted]:
        yield f"    -> {shown(hints[0])}"


def _from(row: VerifiedFile, base: str) -> str:
    if row.state != "moved" or row.other_path is None:
        return ""
    return f"  (was {shown(row.other_path.removeprefix(base))})"


def _why(row: VerifiedFile) -> Iterator[str]:
    recorded = f"by `{row.recorded_by}` on {(row.recorded_at or '')[:10]}"
    if row.state == "changed":
        yield f"      recorded {recorded}, now {size_text(row.size_bytes)}"
        yield f"      was {row.recorded_sha256}"
        yield f"      is  {row.sha256}"
    elif row.state == "gone":
        also = f"; `{shown(row.other_path)}` has the same bytes" if row.other_path else ""
        yield f"      recorded {recorded}{also}"
    elif row.problem:
        yield f"      {shown(row.problem.message.rpartition(': ')[2])}"
    if row.unnoticed:
        yield "      its size and time are as before: the disk may be failing"
    if row.accepted:
        yield "      accepted: recorded as it is now" if row.sha256 else "      accepted: forgotten"


def _outstanding(rows: Sequence[VerifiedFile]) -> Iterator[str]:
    for state, (_, title) in _TITLES.items():
        count = sum(row.state == state and row.problem is not None and not row.accepted for row in rows)
        if count:
            yield f"{count} {title}"
