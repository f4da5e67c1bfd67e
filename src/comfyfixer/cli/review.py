"""`comfyfixer review`."""

import os
import sys

import click

from comfyfixer.cli.envelope import show
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING
from comfyfixer.pipeline.review import review
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.report.review import lines


@click.command("review")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="What was chosen, left out or not found too.")
@common_options
def command(common: Common, names: tuple[str, ...], *, everything: bool) -> int:
    """Choose between candidates for what could not be proven.

    NAME: only these files. [default: all that wait for a choice]

    On a terminal one file a screen, with arrow keys or numbers; every choice is kept at once. Without a terminal, or
    with --json, the list of what waits, for `comfyfixer choose`. Ends with 3 while something waits.
    """
    session = Session(common.settings(), silent, lambda: False)
    found = review(session, names, everything=everything)
    told = lines(found)
    if found.items and _can_be_asked(common):
        from comfyfixer.cli.review_screen import Screens

        told = iter(Screens(session, found.items).shown())
        found = review(session)
    code = EXIT_OUTSTANDING if found.waiting else EXIT_DONE
    return show("review", found, told, as_json=common.as_json, exit_code=code, errors=session.problems)


def _can_be_asked(common: Common) -> bool:
    """Whether a person sits at a terminal that can be drawn on."""
    drawable = os.environ.get("TERM") != "dumb"
    return drawable and not common.as_json and sys.stdin.isatty() and sys.stdout.isatty()
