"""Lines that fit a terminal: broken between words with a hanging indent, or cut. What is piped stays as it is."""

import os
import re
import unicodedata
from collections.abc import Iterator
from typing import IO, Final

_TOO_NARROW: Final = 30
_MARK: Final = re.compile(r" *(-> |\S )?")
_WORD: Final = re.compile(r" *[^ ]+")


def size_of(stream: IO[str]) -> tuple[int, int] | None:
    """Columns and rows of the terminal that a stream writes to now; None where it is none."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno()) if stream.isatty() else (0, 0)
    except (OSError, ValueError):
        return None
    return (columns, rows) if columns >= _TOO_NARROW and rows > 1 else None


def cells(text: str) -> int:
    """How many columns a terminal takes for it."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(sign) for sign in text)


def wrapped(line: str, columns: int) -> Iterator[str]:
    """The line in rows. A word that is wider than a row stays whole: it may be a path or an address to be copied."""
    found = _MARK.match(line)
    head = found[0] if found else ""
    mark = head.strip()
    hang = " " * min(len(head) + (0 if mark == "->" else 4 if mark else 2), columns // 2)
    row = ""
    for word in _WORD.findall(line):
        if cells(row) > len(head.rstrip()) and row.strip() and cells(row + word) > columns:
            yield row
            row = hang + word.lstrip(" ")
        else:
            row += word
    yield row


def cut(line: str, columns: int) -> str:
    """As much of the line as one row takes."""
    if cells(line) <= columns:
        return line
    kept, room = [], columns - 3
    for sign in line:
        room -= _cells_of(sign)
        if room < 0:
            break
        kept.append(sign)
    return "".join(kept) + "..."


def _cells_of(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
