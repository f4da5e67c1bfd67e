"""`comfyfixer verify`."""

import click

from comfyfixer.cli.envelope import show
from comfyfixer.cli.looking import looking
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING
from comfyfixer.pipeline.verify import verify
from comfyfixer.report.verification import lines


@click.command("verify")
@click.argument("names", nargs=-1, metavar="[PATH|NAME]...")
@click.option("--quick", is_flag=True, help="Read only files whose size, time or inode changed since the last reading.")
@click.option("--accept", is_flag=True, help="Record what differs as it is now, and forget what is gone.")
@common_options
def command(common: Common, names: tuple[str, ...], *, quick: bool, accept: bool) -> int:
    """Re-check installed models against the recorded hashes.

    PATH|NAME: files or folders, names as a loader lists them, models folders such as `loras`, or patterns such as
    `*.gguf`. [default: every installed model and every record]

    A file is recorded when it is downloaded, or at the first look of `verify` or `inventory --hash`. Ends with 3 when
    a file changed, is gone or can't be read; changes nothing but its own records.
    """
    with looking(common) as session:
        result = verify(session, names, accept=accept, quick=quick)
    found = [row.problem for row in result.files if row.problem and not row.accepted]
    others = [problem for problem in session.problems if problem not in found]
    code = EXIT_OUTSTANDING if found or others else EXIT_DONE
    return show("verify", result, lines(result), as_json=common.as_json, exit_code=code, errors=(*found, *others))
