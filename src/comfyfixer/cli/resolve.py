"""`comfyfixer resolve`."""

import click

from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import run_command


@click.command("resolve")
@common_options
def command(common: Common) -> int:
    """Find a source for each missing model, and prove it.

    Reads output/missing_models.json, writes output/resolutions.json: `accepted` is proven, `review` waits for a choice,
    `not_found` is nowhere (or nobody answered: then it says so).
    """
    return run_command(common, "resolve", ("resolve",))
