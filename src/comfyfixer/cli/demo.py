"""`comfyfixer demo`."""

import os
from itertools import count
from pathlib import Path

import click

from comfyfixer.cli.envelope import talk
from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import show_run
from comfyfixer.errors import UsageError
from comfyfixer.pipeline.record import new_record


@click.command("demo")
@click.argument("folder", required=False, metavar="[FOLDER]")
@common_options
def command(common: Common, folder: str | None) -> int:
    """Run everything on a small bundled installation and hub: no key, no network.

    FOLDER: where the demo's installation is written; must be new or empty. [default: comfyfixer-demo]

    A hub on this machine answers as Civitai and Hugging Face do, with tiny real files behind it.
    """
    from comfyfixer.demo.hub import Hub
    from comfyfixer.demo.sample import build_installation, sample_catalogue
    from comfyfixer.settings import load

    _leave_proxies_aside()
    place = _empty_folder(Path(folder or "comfyfixer-demo"))
    root = build_installation(place)
    with Hub(sample_catalogue()) as hub:
        settings = load({"comfyui_root": str(root)}, hub.environment(), place)
        if not common.quiet and not common.as_json:
            talk(f"demo: an installation in {root}, hubs on {hub.civitai_endpoint} and {hub.huggingface_endpoint}")
        return show_run(new_record("demo", ("scan", "resolve", "download")), settings, common)


def _leave_proxies_aside() -> None:
    """The demo's hubs are on this machine, where a proxy can't reach them."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))


def _empty_folder(folder: Path) -> Path:
    """A folder that nothing of the user's is in; one that an earlier demo filled is numbered past."""
    folder = folder.absolute()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            if not (folder / "ComfyUI" / "user").is_dir() or (folder / "ComfyUI" / ".git").exists():
                raise UsageError(f"`{folder}` is not empty", hint="Name a new folder: `comfyfixer demo FOLDER`")
            folder = next(
                new for number in count(2) if not (new := folder.with_name(f"{folder.name}-{number}")).exists()
            )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "Name a folder that can be written: `comfyfixer demo FOLDER`"
        raise UsageError(f"`{folder}` can't be used: {error.strerror}", code="workdir-unwritable", hint=hint) from error
    return folder
