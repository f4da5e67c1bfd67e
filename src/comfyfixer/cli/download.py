"""`comfyfixer download`."""

import click

from comfyfixer.cli.download_options import download_options
from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import run_command, show_planned


@click.command("download")
@click.option("--dry-run", is_flag=True, help="Show what would be fetched.")
@click.option("--yes", is_flag=True, expose_value=False, help="Ask nothing; nothing is asked without it, either.")
@common_options
@download_options
def command(common: Common, *, dry_run: bool) -> int:
    """Fetch what is proven, verify it, place it.

    Reads output/resolutions.json, fetches its `accepted` rows, writes output/downloads.json.
    """
    if dry_run:
        return show_planned(common, "download")
    return run_command(common, "download", ("download",))
