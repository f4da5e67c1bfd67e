"""`comfyfixer inspect`."""

import os
import sys
from typing import TYPE_CHECKING

import click

from comfyfixer.cli.envelope import fitted, say, talk
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING
from comfyfixer.pipeline.inspect import inspected
from comfyfixer.report.tree import tree
from comfyfixer.report.words import plural

if TYPE_CHECKING:
    from comfyfixer.model.problem import Problem


@click.command("inspect")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@common_options
def command(common: Common, paths: tuple[str, ...]) -> int:
    """Show what workflows need, without looking at the installation.

    PATH: workflows or folders with workflows. [default: the configured ones, else the installation's own]

    With --json one JSON object a line (JSONL), in path order. Ends with 3 when something could not be read.
    """
    import msgspec

    encode = msgspec.json.Encoder().encode
    unreadable = passed_over = 0
    problems: list[Problem] = []
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for workflow in inspected(common.settings(), paths, problems.append):
        if workflow is None:
            passed_over += 1
            continue
        unreadable += not workflow.ok
        if common.as_json:
            say(encode(workflow).decode("utf-8"))
        else:
            for line in tree(workflow):
                for row in fitted(line.text):
                    say(click.style(row, dim=True) if line.dim and coloured else row)
    if passed_over and not common.quiet:
        talk(f"{plural(passed_over, 'file that is no workflow', 'files that are no workflows')}, passed over")
    for problem in problems:
        talk(f"error: {problem.message} [{problem.code}]" + (f"\nhint: {problem.hint}" if problem.hint else ""))
    return EXIT_OUTSTANDING if unreadable or problems else EXIT_DONE
