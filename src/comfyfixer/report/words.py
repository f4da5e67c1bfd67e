"""Numbers, names and sentences for people."""

from collections.abc import Sequence


def common_folder(paths: Sequence[str]) -> str:
    """The longest folder that all paths are in, with its slash; empty where there is none."""
    if not paths:
        return ""
    first, last = min(paths), max(paths)
    shared = next(
        (place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first)
    )
    return first[: first.rfind("/", 0, shared) + 1]


def sentences(*parts: str | None) -> str:
    """Parts as sentences of one line, each ended once."""
    return " ".join(part if part.endswith((".", "…", "?", "!")) else f"{part}." for part in parts if part)


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def quoted(text: str) -> str:
    """A name as it is written in a shell."""
    return text if text.isascii() and not set(text) & set(" '\"\\()&;|<>$*?") else f'"{text}"'


def shown(text: str) -> str:
    """Foreign text without control and direction characters, which a terminal would obey."""
    return one_line(text, "\ufffd")


def one_line(text: str, instead: str = " ") -> str:
    """Text with each sign that can't be printed replaced: line breaks, control and direction signs."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else instead for sign in text)
