"""`comfyfixer sync`."""

from pathlib import Path

import click

from comfyfixer.cli.download_options import download_options
from comfyfixer.cli.envelope import show
from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import on_stderr, stop_requests
from comfyfixer.pipeline.sync import sync, sync_session
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
    settings = common.settings()
    with (
        stop_requests(quiet=common.quiet, goes_on="; the same command goes on") as cancel,
        on_stderr(common) as listeners,
        sync_session(settings, listeners, cancel, dry_run=dry_run) as session,
    ):
        result = sync(session, Path(lock), dry_run=dry_run)
    problems = session.problems
    return show("sync", result, lines(result), as_json=common.as_json, exit_code=exit_code(result), errors=problems)
