"""`comfyfixer sync`."""

from pathlib import Path

import click

from comfyfixer.cli.download_options import download_options
from comfyfixer.cli.envelope import show
from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import new_run, on_stderr, stop_requests
from comfyfixer.model.run import RunRecord
from comfyfixer.pipeline.sync import looked, sync
from comfyfixer.report.synced import exit_code, lines


@click.command("sync")
@click.argument("lock", metavar="LOCK")
@click.option("--dry-run", is_flag=True, help="Show what would be fetched; change nothing.")
@click.option("--yes", is_flag=True, expose_value=False, help="Ask nothing; nothing is asked without it, either.")
@common_options
@download_options
def command(common: Common, lock: str, *, dry_run: bool) -> int:
    """Make this installation equal to a lock file.

    LOCK: a `comfyfixer.lock.json`, of this machine or another one. Every file is fetched from where it names, proven by
    its SHA-256 and placed; what is here already is not fetched. Node packs are compared, not installed. The same
    command again fetches nothing, or goes on where it stopped. Ends with 3 when something is still different.
    """
    record = None if dry_run else new_run(common, "sync", ("download",), lock=lock)
    return show_sync(record, Path(lock), common)


def show_sync(record: RunRecord | None, lock: Path, common: Common) -> int:
    """Do what the record of a `sync` says, and show what it came to; without a record what it would do."""
    settings = common.settings()
    goes_on = "" if record is None else "; `comfyfixer resume` goes on"
    with stop_requests(quiet=common.quiet, goes_on=goes_on) as cancel, on_stderr(common) as listeners:
        if record is None:
            result, problems = looked(lock, settings, listeners, cancel)
        else:
            result, problems = sync(record, lock, settings, listeners, cancel)
    return show("sync", result, lines(result), as_json=common.as_json, exit_code=exit_code(result), errors=problems)
