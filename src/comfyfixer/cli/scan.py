"""`comfyfixer scan`."""

import click

from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import run_command


@click.command("scan")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@common_options
def command(common: Common, paths: tuple[str, ...]) -> int:
    """Read workflows and the installation; write what is missing.

    PATH: workflows or folders with workflows. [default: the configured ones, else the installation's own]

    Writes output/missing_models.json, output/missing_nodes.json and output/workflows.json. Ends with 3 when
    something is missing or could not be read.
    """
    return run_command(common, "scan", ("scan",), paths)
