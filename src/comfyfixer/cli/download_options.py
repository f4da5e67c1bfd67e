"""Options of the commands that fetch: each is a setting said on the command line."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click

from comfyfixer.setting_values import DOWNLOADERS

Function = TypeVar("Function", bound=Callable[..., Any])

_SETTINGS: Final = {
    "allow_pickle": "download.allow_pickle",
    "downloader": "download.downloader",
    "sidecars": "download.sidecars",
    "store": "download.store",
    "limit_rate": "download.limit_rate",
    "now": "download.ignore_window",
    "to": "download.to",
}
_OPTIONS: Final = (
    click.option(
        "--allow-pickle",
        metavar="NAME",
        multiple=True,
        help="Place this file although loading it could run code; may be repeated.",
    ),
    click.option(
        "--downloader", type=click.Choice(DOWNLOADERS), help="Which installed program fetches. [default: builtin]"
    ),
    click.option(
        "--sidecars", is_flag=True, default=None, help="Write metadata beside each placed file, and Civitai's preview."
    ),
    click.option("--limit-rate", metavar="RATE", help="Bytes a second of all transfers together, such as 500K or 5M."),
    click.option("--now", is_flag=True, default=None, help="Fetch outside the hours of download.window, too."),
    click.option("--to", metavar="DIR", help="Place new files in the root below this folder. [default: the first one]"),
    click.option("--store", metavar="DIR", help="Keep files in this store, shared by machines, and link them from it."),
)


def download_options(function: Function) -> Function:
    """Give a command these options; they come to it within `common`. Stands below `@common_options`."""

    @wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        said = {key: value for name, key in _SETTINGS.items() if (value := options.pop(name)) not in (None, ())}
        for key in ("download.store", "download.to"):
            if key in said:
                said[key] = os.path.abspath(os.path.expanduser(said[key]))
        common = options.pop("common")
        return function(*arguments, common=common._replace(download={**common.download, **said}), **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]  # click decorates in place, the signature is the same
