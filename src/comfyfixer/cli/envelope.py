"""The only place that prints: data to stdout, talk to stderr, one envelope with `--json`."""

import os
import sys
from collections.abc import Iterable
from typing import IO, Any

import msgspec

from comfyfixer.errors import EXIT_DONE, ComfyFixerError
from comfyfixer.model.problem import Problem


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What every command prints with `--json`.

    Attributes:
        ok: The command did what it was asked, even if something is outstanding (exit code 3).
        data: As the command's documentation says; null when it failed.
    """

    schema_version: int = 1
    command: str
    ok: bool
    exit_code: int
    data: Any
    errors: tuple[Problem, ...] = ()


def show(
    command: str,
    data: Any,
    lines: Iterable[str],
    *,
    as_json: bool,
    exit_code: int = 0,
    errors: Iterable[Problem] = (),
) -> int:
    """Print a result as an envelope or as lines; gives the exit code back."""
    if as_json:
        envelope = Envelope(command=command, ok=True, exit_code=exit_code, data=data, errors=tuple(errors))
        say(msgspec.json.format(msgspec.json.encode(envelope), indent=2).decode("utf-8"))
    else:
        for line in lines:
            for row in fitted(line):
                say(row)
    return exit_code


def fitted(line: str, stream: IO[str] | None = None) -> Iterable[str]:
    """A line in rows of the terminal that a stream, or stdout, is; whole where that is none, and documents always."""
    from comfyfixer.cli.fitting import size_of, wrapped

    size = size_of(stream or sys.stdout)
    return wrapped(line, size[0]) if size and "\n" not in line else (line,)


def failed(command: str, error: ComfyFixerError, *, as_json: bool) -> int:
    """Print what stopped a command; gives its exit code back."""
    if as_json:
        problem = Problem.of(error)
        envelope = Envelope(command=command, ok=False, exit_code=error.exit_code, data=None, errors=(problem,))
        say(msgspec.json.format(msgspec.json.encode(envelope), indent=2).decode("utf-8"))
    else:
        talk(f"error: {error.message} [{error.code}]")
        if error.hint:
            talk(f"hint: {error.hint}")
    return error.exit_code


def say(text: str) -> None:
    """One line of data. Where nobody reads any more (`| head`) the process ends, as if all had been said."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still held back goes there
        sys.exit(EXIT_DONE)


def talk(text: str) -> None:
    """One line for the person at the terminal."""
    sys.stderr.write("\n".join(fitted(text, sys.stderr)) + "\n")
    sys.stderr.flush()
