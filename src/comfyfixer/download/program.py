"""What it takes to let another program fetch: where it is, what it must not be told, and how its failure is said."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from comfyfixer.download.attempt import Means
from comfyfixer.download.expected import Expected
from comfyfixer.errors import DownloadError, UsageError

_SECRET_VARIABLES: Final = ("CIVITAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_INSTALL: Final = {
    "aria2c": "Install aria2 (`apt install aria2`, `brew install aria2`, `winget install aria2.aria2`)",
    "wget": "Install wget (`apt install wget`, `brew install wget`)",
    "hf": "Run `pip install 'comfyfixer[hf]'`",
}


def executable(name: str) -> str:
    """The program's path.

    Raises:
        UsageError: `downloader-missing`.
    """
    beside = Path(sys.executable).parent
    found = shutil.which(name) or shutil.which(name, path=os.fspath(beside))
    if found is None:
        hint = f"{_INSTALL[name]}, or leave `--downloader` out"
        raise UsageError(f"`{name}` is not installed", code="downloader-missing", hint=hint)
    return found


def tell_start(means: Means, expected: Expected, program: str) -> None:
    """The program begins with a file."""
    means.emit("program.started", filename=expected.filename, program=program)


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without the keys that we know of."""
    return {name: value for name, value in environ.items() if name not in _SECRET_VARIABLES}


def ended(program: str, code: int) -> str:
    """How it ended, as a sentence part."""
    return f"`{program}` ended with {code}"


def failed(program: str, code: int, expected: Expected, said: str) -> DownloadError:
    """Why the file did not come, with what the program said last."""
    words = f": {said}" if said else ""
    message = f"`{program}` did not bring `{expected.filename}` (it ended with {code}){words}"
    return DownloadError(message, code="downloader-failed", hint="Run it again without `--downloader`")
