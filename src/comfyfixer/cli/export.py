"""`comfyfixer export`."""

import os
from pathlib import Path

import click

from comfyfixer.cli.envelope import say, show, talk
from comfyfixer.cli.looking import looking
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING
from comfyfixer.pipeline.export import export
from comfyfixer.report.exports import FORMATS
from comfyfixer.report.words import shown


@click.command("export")
@click.option("--format", "written", type=click.Choice(FORMATS), required=True, help="Who is to read it.")
@click.option("--output", metavar="FILE", help="Where it is written. [default: stdout]")
@common_options
def command(common: Common, written: str, output: str | None) -> int:
    """Write the plan for other programs: aria2, a shell script, comfy-cli, hf, a lock file.

    What `comfyfixer download` would fetch now, with the exact places, sizes and SHA-256 hashes. No key is ever in it:
    scripts take CIVITAI_API_KEY and HF_TOKEN from the environment. Ends with 3 when a file had to be left out.
    """
    with looking(common) as session:
        result = export(session, written, Path(os.path.abspath(os.path.expanduser(output))) if output else None)
    code = EXIT_OUTSTANDING if result.left_out or session.problems else EXIT_DONE
    if common.as_json:
        return show("export", result, (), as_json=True, exit_code=code, errors=session.problems)
    if result.text is not None:
        say(result.text.rstrip("\n"))
    if not common.quiet:
        _tell(written, result.output, len(result.files), result.left_out)
    return code


def _tell(written: str, output: str | None, files: int, left_out: dict[str, str]) -> None:
    where = f" in {output}" if output else ""
    talk(f"{files - len(left_out)} of {files} files as {written}{where}")
    for name, why in left_out.items():
        talk(f"left out: {shown(name)}: {why}")
