"""Options of the commands that fetch: each is a setting said on the command line."""

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final, TypeVar

import click

from comfyfixer.setting_values import DOWNLOADERS

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: Final = {
    "allow_pickle": click.option(
        "--allow-pickle",
        metavar="NAME",
        multiple=True,
        help="Place this file although loading it could run code; may be repeated.",
    ),
    "downloader": click.option(
        "--downloader", type=click.Choice(DOWNLOADERS), help="Which installed program fetches. [default: builtin]"
    ),
    "sidecars": click.option(
        "--sidecars", is_flag=True, default=None, help="Write metadata beside each placed file, and Civitai's preview."
    ),
    "limit_rate": click.option(
        "--limit-rate", metavar="RATE", help="Bytes a second of all transfers together, such as 500K or 5M."
    ),
    "now": click.option("--now", is_flag=True, default=None, help="Fetch outside the hours of download.window, too."),
    "to": click.option(
        "--to", metavar="DIR", help="Place new files in the root below this folder. [default: the first one]"
    ),
    "store": click.option(
        "--store", metavar="DIR", help="Keep files in this store, shared by machines, and link them from it."
    ),
}
"""By the name that click gives it; the setting has the same one, but for `now`."""
_FOLDERS: Final = ("download.store", "download.to")


def download_options(function: Function) -> Function:
    """Give a command these options; they come to it within `common`. Stands below `@common_options`."""
    return _with_options(function, tuple(_OPTIONS))


def pickle_option(function: Function) -> Function:
    """The same with `--allow-pickle` alone, for a command that hands files to others."""
    return _with_options(function, ("allow_pickle",))


def _with_options(function: Function, names: Sequence[str]) -> Function:
    @wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        said = {_setting(name): value for name in names if (value := options.pop(name)) not in (None, ())}
        for key in _FOLDERS:
            if key in said:
                said[key] = os.path.abspath(os.path.expanduser(said[key]))
        common = options.pop("common")
        return function(*arguments, common=common._replace(download={**common.download, **said}), **options)

    for name in reversed(names):
        wrapped = _OPTIONS[name](wrapped)
    return wrapped  # type: ignore[return-value]  # click decorates in place, the signature is the same


def _setting(name: str) -> str:
    return "download.ignore_window" if name == "now" else f"download.{name}"
