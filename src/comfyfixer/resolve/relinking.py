"""How a reference to a file that is here under another path or name is mended, or why not unasked. Pure."""

from collections.abc import Sequence
from typing import Final

from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import base_name
from comfyfixer.model.relink import Mend
from comfyfixer.resolve.local import same_folder
from comfyfixer.resolve.names import split_extension

_BY_ITSELF: Final = frozenset({"other-separator", "other-case", "other-subfolder", "other-folder", "same-hash"})
"""Relations that are enough for an offer; the others are possible at most."""


def usable(row: MissingModel) -> tuple[LocalMatch, ...]:
    """The local files that may be offered: related by name or bytes, and not known to have other bytes."""
    return tuple(match for match in row.local_matches if match.why in _BY_ITSELF and not _other_bytes(row, match))


def settled(row: MissingModel) -> LocalMatch | None:
    """The one file that is meant, as far as can be told without asking; None where there are none or several.

    The very same relative name with the other slash is what the author's own ComfyUI would have opened; equal bytes
    are proof. Otherwise there must be a single file.
    """
    found = sorted(usable(row), key=lambda match: not _in_place(row, match))
    proven = [match for match in found if match.sha256 and match.sha256 == row.hashes.get("sha256")]
    best = proven or [match for match in found if match.why == "other-separator"] or found
    alike = {match.sha256 or match.path for match in best}
    return best[0] if len(alike) == 1 or proven else None


def mend(row: MissingModel, *, way: str | None = None, to: LocalMatch | None = None) -> Mend | Problem:
    """What to do about one file, or why nothing is done.

    Args:
        way: The way that was named; None takes the cheapest that works.
        to: The file that was named.
    """
    match = to or settled(row)
    if match is None:
        return _not_settled(row)
    if to is None and match.why not in _BY_ITSELF:
        return _not_settled(row)
    chosen = way or ("copy-workflow" if _in_place(row, match) else "link")
    if reason := _impossible(row, match, chosen):
        message, hint = reason
        return Problem(code="relink-refused", message=message, hint=hint, where=row.filename)
    return Mend(
        row=row, match=match, way=chosen, new_value=new_value(row, match) if chosen == "copy-workflow" else None
    )


def new_value(row: MissingModel, match: LocalMatch) -> str:
    """What the workflow has to say: what the loader's list shows; a text tag goes without sub-folder and extension."""
    if split_extension(row.value)[1] or not split_extension(match.name)[1]:
        return match.name
    return split_extension(base_name(match.name))[0]


def target_name(row: MissingModel, match: LocalMatch) -> str:
    """Where below its models folder the workflow looks for the file."""
    name = row.value if base_name(row.value) == row.filename else row.filename
    return name if split_extension(name)[1] else name + split_extension(match.name)[1]


def _in_place(row: MissingModel, match: LocalMatch) -> bool:
    """Whether the node that needs the file lists the folder that the match is in."""
    return row.folder is None or same_folder(row.folder, match.folder)


def _other_bytes(row: MissingModel, match: LocalMatch) -> bool:
    wanted = row.hashes.get("sha256")
    return wanted is not None and match.sha256 is not None and match.sha256 != wanted


def _impossible(row: MissingModel, match: LocalMatch, way: str) -> tuple[str, str] | None:
    """Why a way does not lead there, and which does."""
    if way == "copy-workflow":
        if not _in_place(row, match):
            message = f"The node lists `{row.folder}`, and the file is in `{match.folder}`: no name leads there"
            return message, "`--link` puts a link to it where the node looks"
        if base_name(row.value) != row.filename:
            return f"The node makes the name of the file itself out of `{row.value}`", "`--link` gives it that name"
        return None
    if row.folder is None:
        return "Nothing tells in which models folder the node looks", "Write a corrected copy: `--copy-workflow`"
    if match.why == "other-separator":
        message = "The file is where the workflow means; only the slash in the workflow is another system's"
        return message, "Write a corrected copy: `--copy-workflow`"
    return None


def _not_settled(row: MissingModel) -> Problem:
    offered = usable(row)
    if len(offered) > 1:
        return Problem(
            code="relink-ambiguous",
            message=f"{len(offered)} files that are here may be meant",
            hint=f"Name the right one: {_command(row, offered)}",
            where=row.filename,
        )
    return Problem(code="relink-refused", message=_said(row), hint=_way_out(row), where=row.filename)


def _said(row: MissingModel) -> str:
    if any(_other_bytes(row, match) for match in row.local_matches):
        return "A file of this name is here, and its SHA-256 is not the one that the workflow names"
    first = next(iter(row.local_matches), None)
    return first.detail if first and first.detail else "No file that is here can be meant"


def _way_out(row: MissingModel) -> str:
    possible = [match for match in row.local_matches if match.why == "other-precision"]
    if possible:
        return f"If it is the one you want: {_command(row, possible)}"
    return "`comfyfixer resolve` looks for the right one"


def _command(row: MissingModel, matches: Sequence[LocalMatch]) -> str:
    return f"`comfyfixer relink {_quoted(row.filename)} --to {_quoted(matches[0].path)}`"


def _quoted(text: str) -> str:
    return text if text.isascii() and not set(text) & set(" '\"\\()&;|<>$*?") else f'"{text}"'
