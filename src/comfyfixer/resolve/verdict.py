"""What is outstanding after a run, and the exit code that says it."""

from collections.abc import Iterator
from typing import Final

from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING, EXIT_REMOTE
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import Overview

_REMOTE_CODES: Final = frozenset(
    {
        "hub-unreachable",
        "hub-timeout",
        "hub-tls",
        "hub-error",
        "hub-rate-limited",
        "hub-key-refused",
        "hub-region-blocked",
    }
)


def exit_code(overview: Overview) -> int:
    """0: nothing is outstanding. 4: only what a hub did not answer. 3: anything else."""
    remote = list(_outstanding(overview))
    if not remote:
        return EXIT_DONE
    return EXIT_REMOTE if all(remote) else EXIT_OUTSTANDING


def _outstanding(overview: Overview) -> Iterator[bool]:
    """One item per outstanding thing: whether only a remote service stands in its way."""
    yield from (False for row in overview.workflows if not row.ok)
    told_below = ("workflow-", "hub-")
    yield from (False for problem in overview.problems if not problem.code.startswith(told_below))
    last = overview.steps[-1]
    if last == "scan" or "scan" in overview.steps:
        yield from (False for _ in overview.missing_nodes)
    if last == "scan":
        yield from (False for _ in overview.missing_models)
        return
    yield from (waits_for_remote(row) for row in overview.resolutions if row.decision != "accepted")
    if last == "download":
        yield from (failed_remotely(outcome) for outcome in overview.downloads if not outcome.success)


def waits_for_remote(row: Resolution) -> bool:
    """Whether the item is open only because a source did not answer."""
    return bool(row.unanswered) and (row.decision == "not_found" or "no answer came" in row.because)


def failed_remotely(outcome: Outcome) -> bool:
    """Whether a download failed only because a hub could not be used."""
    return outcome.error is not None and outcome.error.code in _REMOTE_CODES
