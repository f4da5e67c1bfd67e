"""`comfyfixer relink`."""

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import click

from comfyfixer.cli.envelope import show
from comfyfixer.cli.looking import looking
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING, UsageError
from comfyfixer.model.problem import Problem
from comfyfixer.model.relink import RelinkResult
from comfyfixer.pipeline.relink import Relinking, relinked
from comfyfixer.report.relink import item_lines, lines, outstanding

_WAYS: Final = {
    "copy-workflow": "Write a corrected copy of each workflow beside it.",
    "link": "Put a symbolic link where the workflow looks (a hard link where none is allowed).",
    "hardlink": "Put a hard link there.",
    "move": "Move the file there.",
}


@click.command("relink")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--dry-run", is_flag=True, help="Show exactly what would happen; change nothing.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option(
    "--to", metavar="PATH", help="The file that is meant, where several may be, or only a possible one is here."
)
@click.option("--copy-workflow", "way", flag_value="copy-workflow", help=_WAYS["copy-workflow"])
@click.option("--link", "way", flag_value="link", help=_WAYS["link"])
@click.option("--hardlink", "way", flag_value="hardlink", help=_WAYS["hardlink"])
@click.option("--move", "way", flag_value="move", help=_WAYS["move"])
@common_options
def command(
    common: Common, names: tuple[str, ...], *, dry_run: bool, yes: bool, to: str | None, way: str | None
) -> int:
    """Mend references to files that are here under another path or name.

    NAME: missing files, named as in the last scan. [default: all that are here]

    Without a way named, each gets the cheapest that works: a corrected copy of the workflow (`NAME.relinked.json`, the
    original stays as it is) where its node lists the file, else a link. Never overwrites; asks first, and does nothing
    without a terminal unless --yes is given. Ends with 3 when something is left to mend.
    """
    if dry_run and yes:
        raise UsageError("`--dry-run` and `--yes` exclude each other")
    look = partial(_looked, common, names, way, to)
    result, problems = look(done=yes)
    if yes or dry_run or common.as_json or not _can_be_asked(result):
        return _shown(common, result, problems, lines(result))
    show("relink", result, item_lines(result), as_json=False)
    if not click.confirm("Do this?", default=False):
        return _shown(common, result, problems, ("Nothing was changed.",))
    result, problems = look(done=True)  # looked at anew: an answer may take long
    return _shown(common, result, problems, lines(result))


def _looked(
    common: Common, names: Sequence[str], way: str | None, to: str | None, *, done: bool
) -> tuple[RelinkResult, list[Problem]]:
    """What would be done, or was."""
    with looking(common) as session:
        work = Relinking(session, names, way=way, to=to)
        result = relinked(session, work, work.done() if done else work.planned(), dry_run=not done)
    return result, [*session.problems, *(item.problem for item in result.items if item.problem)]


def _can_be_asked(result: RelinkResult) -> bool:
    """Whether there is something to do, and a person at a terminal who can say yes."""
    possible = any(item.state == "planned" for item in result.items)
    return possible and sys.stdin.isatty() and sys.stdout.isatty()


def _shown(common: Common, result: RelinkResult, problems: Iterable[Problem], text: Iterable[str]) -> int:
    code = EXIT_OUTSTANDING if outstanding(result.items) else EXIT_DONE
    return show("relink", result, text, as_json=common.as_json, exit_code=code, errors=problems)
