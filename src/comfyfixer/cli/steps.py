"""Several steps in one run: what `python comfy_fixer.py --scan --resolve` becomes."""

import click

from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import run_command
from comfyfixer.model.run import STEPS


@click.command("steps", hidden=True)
@click.argument("steps", nargs=-1, required=True, type=click.Choice(STEPS))
@common_options
def command(common: Common, steps: tuple[str, ...]) -> int:
    """Run several steps in one run."""
    ordered = tuple(step for step in STEPS if step in steps)
    return run_command(common, "-".join(ordered), ordered)
