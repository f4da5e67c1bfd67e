"""`comfyfixer resume`."""

from pathlib import Path

import click
from msgspec import structs

from comfyfixer.cli.download_options import download_options
from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import show_run
from comfyfixer.paths import Workdir
from comfyfixer.pipeline.resuming import unfinished_record


@click.command("resume")
@common_options
@download_options
def command(common: Common) -> int:
    """Go on with an interrupted run, or with what a hub or a disk left open.

    What was finished stays finished: answers come from the cache, files go on at the byte where they stopped. Options
    are those of that run, unless they are said anew.
    """
    record = unfinished_record(Workdir(Path(common.settings().workdir)))
    merged = common._replace(
        config=common.config or record.config,
        comfyui_root=common.comfyui_root or record.comfyui_root,
        workflows=common.workflows or record.workflow_directories,
        comfyui_url=common.comfyui_url or record.comfyui_url,
        offline=common.offline or (record.offline and not common.refresh),
        refresh=common.refresh or (record.refresh and not common.offline),
        download={**record.download, **common.download},
    )
    record = structs.replace(record, download=merged.download)
    if record.lock is not None:
        from comfyfixer.cli.sync import show_sync

        return show_sync(record, Path(record.lock), merged)
    return show_run(record, merged.settings(), merged)
