"""What is outstanding after a run, and the exit code that says it."""

from collections.abc import Iterable, Iterator
from typing import Final

from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING, EXIT_REMOTE, REMOTE, WARNINGS
from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.reference import base_name
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import Overview

_GOES_ON: Final = frozenset({"disk-full", "target-exists", "target-unwritable"})
"""What the same run may bring, once a disk has room or the line holds."""


def exit_code(overview: Overview) -> int:
    """0: nothing is outstanding. 4: only what a hub did not answer. 3: anything else."""
    remote = list(_outstanding(overview))
    if not remote:
        return EXIT_DONE
    return EXIT_REMOTE if all(remote) else EXIT_OUTSTANDING


def _outstanding(overview: Overview) -> Iterator[bool]:
    """One item per outstanding thing: whether only a remote service stands in its way."""
    yield from (False for row in overview.workflows if not row.ok)
    told_below = ("workflow-", "hub-", "model-")
    others = (problem.code for problem in overview.problems if problem.code not in WARNINGS)
    yield from (False for code in others if not code.startswith(told_below))
    last = overview.steps[-1]
    if last != "scan":
        yield from (True for node in overview.missing_nodes if node.unanswered)
    if last == "scan" or "scan" in overview.steps:
        yield from (False for _ in overview.missing_nodes)
    if last == "scan":
        yield from (False for _ in overview.missing_models)
        return
    looked_for = {row.key for row in overview.resolutions}
    yield from (False for missing in overview.missing_models if missing.key not in looked_for)
    yield from (row.answer_pending for row in overview.resolutions if row.decision != "accepted")
    yield from (False for row in overview.resolutions if is_here(row))
    if last == "download":
        fetched = {outcome.key for outcome in overview.downloads}
        left_out = (row for row in overview.resolutions if row.decision == "accepted" and row.key not in fetched)
        yield from (False for row in left_out if not is_here(row))
        yield from (failed_remotely(outcome) for outcome in overview.downloads if not loadable(outcome))


def step_to_repeat(
    resolutions: Iterable[Resolution], nodes: Iterable[MissingNode], outcomes: Iterable[Outcome]
) -> str | None:
    """The first step of a finished run that may end better now: a hub left it open, a line broke or a disk refused it;
    None where none is.
    """
    if any(row.answer_pending for row in resolutions) or any(node.unanswered for node in nodes):
        return "resolve"
    return "download" if any(map(_may_go_on, outcomes)) else None


def _may_go_on(outcome: Outcome) -> bool:
    return outcome.error is not None and outcome.error.code in _GOES_ON | REMOTE


def is_here(row: Resolution) -> bool:
    """Whether the very file is here under another path or name: nothing is fetched, its reference is to be mended."""
    return row.decision == "accepted" and row.source == "local"


def to_fetch(rows: Iterable[Resolution], missing: Iterable[MissingModel]) -> list[Resolution]:
    """Proven or chosen, still missing, and not here under another name."""
    keys = {one.key for one in missing}
    return [row for row in rows if row.decision == "accepted" and row.key in keys and not is_here(row)]


def is_chosen(row: Resolution) -> bool:
    """Whether somebody chose what is accepted."""
    return row.decision == "accepted" and any(fact.kind == "choice" for fact in row.evidence)


def loadable(outcome: Outcome) -> bool:
    """Whether the node finds the file as the workflow names it.

    A value with the other system's kind of slash, or in other letters than the disk lists, is not among the names that
    ComfyUI lists here, though its file is in its place: it has to be chosen anew in the node.
    """
    path = outcome.path or ""
    if {"/", "\\"} & set(outcome.value):
        return outcome.success and outcome.value in path
    listed = base_name(path)
    return outcome.success and (listed == outcome.filename or listed.lower() != outcome.filename.lower())


def failed_remotely(outcome: Outcome) -> bool:
    """Whether a download failed only because a hub could not be used."""
    return outcome.error is not None and outcome.error.code in REMOTE
