"""`comfyfixer guide`."""

from pathlib import Path

import click

import comfyfixer
from comfyfixer.cli.envelope import show
from comfyfixer.cli.options import Common, common_options

_PACKAGE = Path(comfyfixer.__file__).parent


@click.command("guide")
@common_options
def command(common: Common) -> int:
    """Print the guide for agents."""
    text = guide_file().read_text("utf-8").rstrip()
    return show("guide", {"markdown": text}, [text], as_json=common.as_json)


def guide_file() -> Path:
    """Inside an installed package, at the top of a checkout."""
    packaged = _PACKAGE / "data" / "AGENT_GUIDE.md"
    return packaged if packaged.exists() else _PACKAGE.parents[1] / "AGENT_GUIDE.md"
