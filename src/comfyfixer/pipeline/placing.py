"""From an accepted resolution to what the download room is asked: where its file goes, and in which order."""

import os
from collections.abc import Collection, Iterable, Sequence

import msgspec

from comfyfixer.errors import DownloadError
from comfyfixer.model.download import FetchRequest
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import base_name
from comfyfixer.model.resolution import Resolution
from comfyfixer.paths import inside
from comfyfixer.pipeline.roots import Roots
from comfyfixer.pipeline.session import Session
from comfyfixer.redact import plain
from comfyfixer.resolve.names import split_extension
from comfyfixer.resolve.ruled_out import fetchable, nothing_fetchable


class Order(msgspec.Struct, frozen=True):
    """One file to fetch, and the row it is fetched for."""

    row: Resolution
    request: FetchRequest


class Refusal(msgspec.Struct, frozen=True):
    """One file that has no safe place, or no candidate that may be taken."""

    row: Resolution
    problem: Problem


def orders(
    accepted: Sequence[Resolution], places: Roots, *, allow_pickle: Collection[str] = ()
) -> tuple[list[Order], list[Refusal]]:
    """What each row asks of the download room, in the rows' order; and what can't be had.

    Args:
        allow_pickle: File names, or values as workflows hold them, of files that may be placed although they hold code.

    Raises:
        UsageError: `root-not-searched`: the user wants a file where ComfyUI would not find it.
    """
    found: list[Order] = []
    refused: list[Refusal] = []
    for row in accepted:
        try:
            request = _request(row, places)
            allowed = not {row.filename, row.value, request.filename}.isdisjoint(allow_pickle)
            found.append(Order(row, msgspec.structs.replace(request, allow_pickle=allowed)))
        except DownloadError as error:
            refused.append(Refusal(row, Problem.of(error, where=row.filename)))
    return found, refused


def warn_of_unused_names(session: Session, names: Iterable[str]) -> None:
    """Tell which files were allowed on the command line to hold code, and are none of this run's: a slip, perhaps.

    Args:
        names: All that this run's files go by. What the configuration allows is meant for other runs too.
    """
    if session.settings.origins.get("download.allow_pickle") != "flag":
        return
    for name in sorted(set(session.settings.allow_pickle).difference(names)):
        message = f"`--allow-pickle {plain(name)}` has no effect: no file of this run has that name"
        hint = "Say the file's name as the workflow has it"
        session.found_problem(Problem(code="option-unused", message=message, hint=hint, where=plain(name)))


def _request(row: Resolution, places: Roots) -> FetchRequest:
    """The final place of one file; its sub-folder is kept.

    Raises:
        UnsafeName: The workflow's name for it is no safe path.
        DownloadError: `state-unreadable`: the row says `accepted` and names no candidate. `unsafe-file`,
            `hash-mismatch` or `host-not-allowed`: all that it names are ruled out.
    """
    if not row.candidates:
        message = f"`{row.filename}` is accepted in resolutions.json, and no candidate stands there"
        raise DownloadError(message, code="state-unreadable", hint="Run `comfyfixer resolve` again")
    root = places.root(row.folder or row.into or "")
    inside(root, row.value)  # a name that is unsafe as it stands does not become safe by an extension
    target = inside(root, _relative_name(row))
    candidates = fetchable(row)
    if not candidates:
        raise nothing_fetchable(row)
    return FetchRequest(
        filename=target.name,
        target=os.fspath(target),
        root=os.fspath(root),
        candidates=candidates,
        folder=row.folder or row.into or "",
    )


def _relative_name(row: Resolution) -> str:
    """The value with its sub-folder; what a text tag names without extension gets the file's own."""
    value = row.value if base_name(row.value) == row.filename else row.filename
    return value if split_extension(value)[1] else value + split_extension(row.candidates[0].filename)[1]
