"""`comfyfixer workflows`."""

import click

from comfyfixer.cli.envelope import show
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.pipeline.workflows import judged
from comfyfixer.report.workflows import lines, verdicts


@click.command("workflows")
@click.argument("names", nargs=-1, metavar="[WORKFLOW]...")
@common_options
def command(common: Common, names: tuple[str, ...]) -> int:
    """Show each workflow's verdict: runnable, or why not.

    WORKFLOW: a path, a name or a pattern such as `*video*`. [default: all that were scanned]

    Tells what the last scan, resolve and download left, and looks at nothing anew. Ends with 3 when a workflow that is
    shown is not runnable.
    """
    session = Session(common.settings(), silent, lambda: False)
    found = verdicts(*judged(session, names))
    code = EXIT_DONE if found.counts["runnable"] == len(found.workflows) else EXIT_OUTSTANDING
    return show("workflows", found, lines(found), as_json=common.as_json, exit_code=code, errors=session.problems)
