"""Proven files that the command line's own words left out, for a terminal: by reason, each with its count."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.plan import OpenFile
from comfyfixer.report.words import shown
from comfyfixer.sizes import size_text

_NAME_WIDTH: Final = 48


def lines(files: Sequence[OpenFile], title: str, limit: int) -> Iterator[str]:
    """Nothing where none is left out.

    Args:
        limit: Files shown for each reason; the rest is counted.
    """
    if not files:
        return
    yield ""
    yield f"{title} ({len(files)})"
    by_reason: dict[str, list[OpenFile]] = {}
    for file in files:
        by_reason.setdefault(file.why, []).append(file)
    for why, members in sorted(by_reason.items(), key=lambda entry: -len(entry[1])):
        yield f"  {shown(why)} ({len(members)})"
        width = min(_NAME_WIDTH, max(len(shown(file.filename)) for file in members[:limit]))
        for file in members[:limit]:
            told = ", ".join(part for part in (file.folder or "folder unknown", size_text(file.size_bytes)) if part)
            yield f"    / {shown(file.filename):<{width}}  {told}"
        if len(members) > limit:
            yield f"    ... and {len(members) - limit} more"
