"""`comfyfixer export`."""

import os
from pathlib import Path

import click

from comfyfixer.cli.download_options import pickle_option
from comfyfixer.cli.envelope import say, show, talk
from comfyfixer.cli.looking import looking
from comfyfixer.cli.narrowing import narrowing_options
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING
from comfyfixer.model.export import Exported
from comfyfixer.model.plan import Narrowing
from comfyfixer.pipeline.export import export
from comfyfixer.report.exports import FORMATS
from comfyfixer.report.words import shown


@click.command("export")
@click.option("--format", "written", type=click.Choice(FORMATS), required=True, help="Who is to read it.")
@click.option("--output", metavar="FILE", help="Where it is written. [default: stdout]")
@common_options
@pickle_option
@narrowing_options
def command(common: Common, written: str, output: str | None, *, narrowing: Narrowing) -> int:
    """Write the plan for other programs: aria2, a shell script, comfy-cli, hf, a lock file.

    What `comfyfixer download` would fetch now, with the exact places, sizes and SHA-256 hashes. No key is ever in it:
    scripts take CIVITAI_API_KEY and HF_TOKEN from the environment. Pickle files are left out, as other programs don't
    look for code in them; `--allow-pickle NAME` takes one in. Ends with 3 when a file had to be left out.
    """
    with looking(common, narrowing=narrowing) as session:
        result = export(session, written, Path(os.path.abspath(os.path.expanduser(output))) if output else None)
    code = EXIT_OUTSTANDING if result.left_out or session.problems else EXIT_DONE
    if common.as_json:
        return show("export", result, (), as_json=True, exit_code=code, errors=session.problems)
    if result.text is not None:
        say(result.text.rstrip("\n"))
    if not common.quiet:
        _tell(result)
    return code


def _tell(result: Exported) -> None:
    where = f" in {result.output}" if result.output else ""
    there = sum(file.name not in result.left_out for file in result.files)
    talk(f"{there} of {there + len(result.left_out)} files as {result.format}{where}")
    for name, why in result.left_out.items():
        talk(f"left out: {shown(name)}: {shown(why)}")
