"""The entry points. Commands are imported when they are used: `status` must not pay for the downloader."""

import importlib
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Final

import click

from comfyfixer import __version__
from comfyfixer.cli.options import common_options
from comfyfixer.errors import EXIT_DONE, EXIT_USAGE, ComfyFixerError, Interrupted, UsageError

COMMANDS: Final = {
    "auto": "Scan, resolve and download in one run.",
    "scan": "Read workflows and the installation; write what is missing.",
    "resolve": "Find a source for each missing model, and prove it.",
    "review": "Choose between candidates for what could not be proven.",
    "choose": "Choose the file for what could not be proven.",
    "plan": "Show what would be fetched, what it makes runnable, and what to do first.",
    "download": "Fetch what is proven, verify it, place it.",
    "relink": "Mend references to files that are here under another path or name.",
    "workflows": "Show each workflow's verdict: runnable, or why not.",
    "status": "Print the live status of the run in this folder.",
    "resume": "Go on with an interrupted run, or with what a hub or a disk left open.",
    "inspect": "Show what workflows need, without looking at the installation.",
    "inventory": "Show what the installation has: space, duplicates, broken and unneeded files, packs.",
    "verify": "Re-check installed models against the recorded hashes.",
    "export": "Write the plan for other programs: aria2, a shell script, comfy-cli, hf, a lock file.",
    "sync": "Make this installation equal to a lock file.",
    "doctor": "Check settings, keys, hubs, disk and permissions.",
    "demo": "Run everything on a small bundled installation and hub: no key, no network.",
    "schema": "Print the JSON Schema of a file or answer.",
    "guide": "Print the guide for agents.",
}
_WITH_VALUE: Final = frozenset({"--workdir", "--config", "--comfyui-root", "--workflows"})
_HIDDEN: Final = {"steps": "Run several steps in one run."}


class _LazyGroup(click.Group):
    """Knows its commands' names and first lines of help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS and cmd_name not in _HIDDEN:
            return None
        module = importlib.import_module(f"comfyfixer.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.version_option(__version__, prog_name="comfyfixer")
@common_options
def cli() -> None:
    """Make any ComfyUI workflow runnable on this machine.

    Finds the models your workflows miss, proves that a file is the right one, downloads and verifies it. What can't be
    proven is never downloaded: it is shown to you with the evidence.

    Exit codes: 0 nothing is outstanding, 2 wrong usage or configuration, 3 something is outstanding,
    4 only a remote service stands in the way, 130 interrupted (`comfyfixer resume` goes on), 1 a bug.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams(as_json="--json" in given)
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    command = _named_command(arguments)
    try:
        result = cli.main(arguments, prog_name="comfyfixer", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except SystemExit:  # so ends click, and `say`, when nobody reads any more (`| head`): all has been said
        return EXIT_DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last resort tells a bug as such
        from comfyfixer.cli.envelope import failed

        return failed(
            command, _told(error, command), as_json=any(word.partition("=")[0] == "--json" for word in arguments)
        )
    return result if isinstance(result, int) else EXIT_DONE


def _named_command(arguments: Sequence[str]) -> str:
    """The command that was meant, also where its name is some option's value before."""
    words = iter(arguments)
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif word in COMMANDS:
            return word
    return "comfyfixer"


def _prepare_streams(*, as_json: bool) -> None:
    """File names may hold what the terminal's encoding can't: show it escaped instead of failing. JSON is UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if as_json and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def _told(error: BaseException, command: str) -> ComfyFixerError:
    """Whatever ended a command, with a code and a hint."""
    if isinstance(error, ComfyFixerError):
        return error
    if isinstance(error, click.ClickException):
        hint = f"`comfyfixer {command} --help` shows what can be said" if command in COMMANDS else "`comfyfixer --help`"
        return UsageError(" ".join(error.format_message().split()), hint=hint)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Interrupted("Stopped at your request", hint="`comfyfixer resume` goes on where it stopped")
    return _bug(error)


def _bug(error: BaseException) -> ComfyFixerError:
    import traceback

    sys.stderr.write("".join(traceback.format_exception(error)))
    hint = "This is a bug: please report it with the lines above and the newest file in `log/`"
    return ComfyFixerError(f"{type(error).__name__}: {error}", hint=hint)


def main_legacy(arguments: Sequence[str] | None = None) -> None:
    """`python comfy_fixer.py --auto | --scan | --resolve | --download | --status | --resume`, combinable."""
    main(modern(list(sys.argv[1:] if arguments is None else arguments)))


def modern(arguments: list[str]) -> list[str]:
    """The first plan's flags as a command; everything else stays where it is."""
    flags = {argument[2:] for argument in arguments if argument in _FLAGS}
    rest = [argument for argument in arguments if argument not in _FLAGS]
    if not flags:
        return arguments
    steps = ["scan", "resolve", "download"] if "auto" in flags else [step for step in _STEPS if step in flags]
    if "resume" in flags:
        return ["resume", *rest]
    if "auto" in flags:
        return ["auto", *rest]
    if len(steps) == 1:
        return [steps[0], *rest]
    return ["steps", *steps, *rest] if steps else ["status", *rest]


_STEPS: Final = ("scan", "resolve", "download")
_FLAGS: Final = frozenset({"--auto", "--scan", "--resolve", "--download", "--status", "--resume"})
