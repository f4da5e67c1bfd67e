"""`comfyfixer plan`."""

import click

from comfyfixer.cli.envelope import show
from comfyfixer.cli.narrowing import narrowing_options
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING
from comfyfixer.model.plan import Narrowing, Plan
from comfyfixer.pipeline.plan import plan
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.report.plan import lines


@click.command("plan")
@common_options
@narrowing_options
def command(common: Common, *, narrowing: Narrowing) -> int:
    """Show what would be fetched, what it makes runnable, and what to do first.

    Reads what the last `resolve` proved; changes nothing and asks nobody. Every file stands once, however many
    workflows need it. Ends with 3 when something would stay open.
    """
    session = Session(common.settings(), silent, lambda: False, narrowing=narrowing)
    made = plan(session)
    return show("plan", made, lines(made), as_json=common.as_json, exit_code=_code(made), errors=session.problems)


def _code(made: Plan) -> int:
    """3 when something would stay open after it."""
    lacking = any(disk.lacking_bytes for disk in made.disks)
    certain = any(step.certain for step in made.steps)
    return EXIT_OUTSTANDING if made.open or lacking or certain else EXIT_DONE
