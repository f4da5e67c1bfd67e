"""`comfyfixer inventory`."""

import click

from comfyfixer.cli.envelope import show
from comfyfixer.cli.looking import looking
from comfyfixer.cli.options import Common, common_options
from comfyfixer.digests import DIGITS
from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING
from comfyfixer.pipeline.inventory import take_stock
from comfyfixer.report.stock import lines


@click.command("inventory")
@click.option(
    "--hash/--no-hash", "hashing", default=None, help="Hash every file / none. [default: those that may be duplicates]"
)
@click.option(
    "--also",
    type=click.Choice([kind for kind in DIGITS if kind != "sha256"]),
    multiple=True,
    help="Hash every file, and take this kind beside SHA-256; may be repeated.",
)
@common_options
def command(common: Common, *, hashing: bool | None, also: tuple[str, ...]) -> int:
    """Show what the installation has: space, duplicates, broken and unneeded files, packs.

    Deletes nothing. Hashes are remembered, so that a second look reads only what changed. With --json every file is in
    `data.models`. Ends with 3 when something could not be read, and so the answer is not whole.
    """
    with looking(common) as session:
        stock = take_stock(session, hashing=True if also else hashing, also=also)
    code = EXIT_OUTSTANDING if session.problems else EXIT_DONE
    told = lines(stock, session.problems)
    return show("inventory", stock, told, as_json=common.as_json, exit_code=code, errors=session.problems)
