"""`comfyfixer auto`."""

import click

from comfyfixer.cli.download_options import download_options
from comfyfixer.cli.narrowing import narrowing_options
from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import run_command
from comfyfixer.model.plan import Narrowing


@click.command("auto")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--dry-run", is_flag=True, help="Stop before the first download: show what would be fetched.")
@click.option("--yes", is_flag=True, expose_value=False, help="Ask nothing; nothing is asked without it, either.")
@common_options
@download_options
@narrowing_options
def command(common: Common, paths: tuple[str, ...], *, dry_run: bool, narrowing: Narrowing) -> int:
    """Scan, resolve and download in one run.

    PATH: workflows or folders with workflows. [default: the configured ones, else the installation's own]
    """
    steps = ("scan", "resolve") if dry_run else ("scan", "resolve", "download")
    return run_command(common, "auto", steps, paths, narrowing, dry_run=dry_run)
