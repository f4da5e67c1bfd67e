"""`comfyfixer choose`."""

import click

from comfyfixer.cli.envelope import show
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, UsageError
from comfyfixer.model.choice import Review, ReviewItem
from comfyfixer.pipeline.choose import choose, forget
from comfyfixer.pipeline.review import reviewed_key
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.report.words import plural, shown


@click.command("choose")
@click.argument("name", required=False)
@click.argument("candidate", required=False)
@click.option("--forget", "forgotten", metavar="NAME", help="Drop the choice about this file.")
@click.option("--into", metavar="FOLDER", help="The models folder for a file of which no workflow tells it.")
@common_options
def command(common: Common, name: str | None, candidate: str | None, *, forgotten: str | None, into: str | None) -> int:
    """Choose the file for what could not be proven.

    NAME: a missing file by its name, as the workflow has it, or as folder/name. CANDIDATE: its number or id in
    `comfyfixer review`, or `skip`: then nothing is fetched, and nobody is asked again.

    A choice is kept in the working folder and holds for every workflow that names the file, until the file at its hub
    changes. What is chosen is still verified against its hub's hash; `comfyfixer download` fetches it.
    """
    if (forgotten is None) == (name is None) or (name is not None and candidate is None):
        raise UsageError("`choose` takes NAME and CANDIDATE, or `--forget NAME`", hint="`comfyfixer choose --help`")
    session = Session(common.settings(), silent, lambda: False)
    key = forget(session, forgotten) if forgotten else choose(session, name or "", candidate or "", into=into)
    result = reviewed_key(session, key)
    told = [_told(item) for item in result.items] or ["Nothing is chosen for it any more."]
    return show("choose", result, [*told, _then(result)], as_json=common.as_json, exit_code=EXIT_DONE)


def _told(item: ReviewItem) -> str:
    if item.state == "chosen":
        chosen = next((one for one in item.candidates if one.id == item.chosen), None)
        number = f"number {chosen.number}, {chosen.id}" if chosen else item.chosen or ""
        here = "; it is here: `comfyfixer relink` mends the reference" if chosen and chosen.source == "local" else ""
        return f"{shown(item.name)}: chosen is {shown(number)}{here}"
    if item.state == "skipped":
        return f"{shown(item.name)}: left out; `comfyfixer choose --forget NAME` takes that back"
    return f"{shown(item.name)}: nothing is chosen any more"


def _then(result: Review) -> str:
    if result.waiting:
        return f"{plural(result.waiting, 'file still waits', 'files still wait')} for a choice: `comfyfixer review`."
    return "Nothing waits for a choice any more: `comfyfixer download` fetches what is chosen or proven."
