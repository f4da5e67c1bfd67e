"""What help says is what there is."""

import importlib

import click
import pytest

from comfyfixer import __version__
from comfyfixer.cli.main import COMMANDS, cli
from tests.cli.conftest import Call

COMMON = ("--workdir DIR", "--config FILE", "--comfyui-root DIR", "--workflows DIR", "--json", "--quiet", "--verbose")


def command(name: str) -> click.Command:
    loaded: click.Command = importlib.import_module(f"comfyfixer.cli.{name}").command
    return loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_itself_says(name: str) -> None:
    assert command(name).name == name
    assert (command(name).help or "").partition("\n")[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_all_common_options(call: Call, name: str) -> None:
    long, short = call(name, "--help"), call(name, "-h")

    assert (long.code, long.err) == (0, "")
    assert long == short
    assert [option for option in COMMON if option not in long.out] == []


def test_the_first_help_lists_every_command_and_no_hidden_one(call: Call) -> None:
    ran = call("--help")
    listed = [line.split()[0] for line in ran.out.partition("Commands:\n")[2].splitlines() if line[2:3].strip()]

    assert (ran.code, ran.err) == (0, "")
    assert listed == list(COMMANDS)
    words = " ".join(ran.out.split())
    assert all(code in words for code in ("0 nothing", "2 wrong", "3 something", "4 only", "130 interrupted"))


def test_every_module_with_a_command_is_in_the_table_or_hidden() -> None:
    assert isinstance(cli, click.Group)
    context = click.Context(cli)

    assert cli.list_commands(context) == list(COMMANDS)
    assert cli.get_command(context, "steps") is not None
    assert cli.get_command(context, "options") is None
    assert cli.get_command(context, "../scan") is None


def test_without_arguments_help_is_shown_and_it_is_wrong_usage(call: Call) -> None:
    ran = call()

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: comfyfixer")
    assert "[usage]" not in ran.err


def test_the_version_is_the_packages(call: Call) -> None:
    ran = call("--version")

    assert (ran.code, ran.out) == (0, f"comfyfixer, version {__version__}\n")
