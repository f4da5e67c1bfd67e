"""`comfyfixer download`."""

import click

from comfyfixer.cli.download_options import download_options
from comfyfixer.cli.narrowing import narrowing_options
from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import run_command, show_planned
from comfyfixer.model.plan import Narrowing


@click.command("download")
@click.option("--dry-run", is_flag=True, help="Show what would be fetched.")
@click.option("--yes", is_flag=True, expose_value=False, help="Ask nothing; nothing is asked without it, either.")
@common_options
@download_options
@narrowing_options
def command(common: Common, *, dry_run: bool, narrowing: Narrowing) -> int:
    """Fetch what is proven, verify it, place it.

    Reads output/resolutions.json, fetches its `accepted` rows in the order of `comfyfixer plan`, writes
    output/downloads.json.
    """
    if dry_run:
        return show_planned(common, "download", narrowing)
    return run_command(common, "download", ("download",), narrowing=narrowing)
