"""Options that every command has, before or after its name."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from comfyfixer.settings import Settings

Function = TypeVar("Function", bound=Callable[..., Any])


class Common(NamedTuple):
    """What was said on the command line beside the command's own options.

    Paths are absolute: `resume` may be called from another folder.
    """

    workdir: str | None = None
    config: str | None = None
    comfyui_root: str | None = None
    workflows: tuple[str, ...] = ()
    comfyui_url: str | None = None
    offline: bool = False
    refresh: bool = False
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    download: dict[str, Any] = {}  # noqa: RUF012  # never changed, only replaced

    def settings(self) -> "Settings":
        """The settings of this call.

        Raises:
            UsageError: The configuration can't be used.
        """
        from comfyfixer.settings import load

        said = {
            "comfyui_root": self.comfyui_root,
            "workflow_directories": self.workflows,
            "comfyui_url": self.comfyui_url,
            "offline": self.offline,
            "refresh": self.refresh,
        }
        flags = {name: value for name, value in said.items() if value} | self.download
        return load(flags, os.environ, Path(self.workdir or "."), Path(self.config) if self.config else None)


_OPTIONS: Final = (
    click.option(
        "--workdir", metavar="DIR", help="Where config.json, status.json, log/ and output/ live. [default: .]"
    ),
    click.option("--config", metavar="FILE", help="Configuration file. [default: config.json in the workdir]"),
    click.option("--comfyui-root", metavar="DIR", help="The ComfyUI installation. [default: it is looked for]"),
    click.option("--workflows", metavar="DIR", multiple=True, help="Folder with workflows; may be repeated."),
    click.option("--comfyui-url", metavar="URL", help="Ask this running ComfyUI what it has. [default: none is asked]"),
    click.option(
        "--offline", is_flag=True, default=None, help="Ask nobody: use what is here and what was answered before."
    ),
    click.option("--refresh", is_flag=True, default=None, help="Ask anew, however young a kept answer is."),
    click.option("--json", "as_json", is_flag=True, default=None, help="One JSON document on stdout."),
    click.option("--quiet", is_flag=True, default=None, help="Say nothing on stderr but errors."),
    click.option("--verbose", is_flag=True, default=None, help="Say every event on stderr."),
)


def _absolute(name: str, value: Any) -> Any:
    if name in ("workdir", "config", "comfyui_root"):
        return os.path.abspath(os.path.expanduser(value))
    return tuple(os.path.abspath(os.path.expanduser(folder)) for folder in value) if name == "workflows" else value


def common_options(function: Function) -> Function:
    """Give a command the common options; it gets them as `common`, those said after its name weigh more."""

    @wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        context = click.get_current_context()
        given = {
            name: _absolute(name, value)
            for name in Common._fields
            if (value := options.pop(name, None)) not in (None, ())
        }
        merged = (context.obj or Common())._replace(**given)
        context.obj = merged
        if isinstance(context.command, click.Group):
            return function(*arguments, **options)
        return function(*arguments, common=merged, **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]  # click decorates in place, the signature is the same
