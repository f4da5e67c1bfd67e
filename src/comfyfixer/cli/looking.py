"""Commands that look for long and are no runs: events go to the terminal alone, and Ctrl-C stops cleanly."""

import contextlib
from collections.abc import Iterator, Sequence

from comfyfixer.cli.options import Common
from comfyfixer.cli.running import on_stderr, stop_requests
from comfyfixer.journal.journal import Journal
from comfyfixer.model.plan import NOTHING_LESS, Narrowing
from comfyfixer.pipeline.session import Session


@contextlib.contextmanager
def looking(common: Common, targets: Sequence[str] = (), narrowing: Narrowing = NOTHING_LESS) -> Iterator[Session]:
    """A session without a run's lock, logs and record: a download may go on at the same time."""
    settings = common.settings()
    with stop_requests(quiet=common.quiet) as cancel, on_stderr(common) as listeners:
        yield Session(settings, Journal("", listeners).emit, cancel.is_set, targets, narrowing)
