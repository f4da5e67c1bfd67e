"""`comfyfixer status`."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec

from comfyfixer.cli.envelope import say, show
from comfyfixer.cli.options import Common, common_options
from comfyfixer.journal.read import CurrentStatus, current_status
from comfyfixer.paths import Workdir
from comfyfixer.sizes import size_text

_INTERVAL_S: Final = 0.5


@click.command("status")
@click.option("--watch", is_flag=True, help="Follow the run until it ends.")
@common_options
def command(common: Common, *, watch: bool) -> int:
    """Print the live status of the run in this folder.

    Ends with 0 when a status can be read, whatever it says. A run that was killed is not shown as running. With --watch
    and --json: one line of JSON for each change.
    """
    workdir = Workdir(Path(common.settings().workdir))
    current = current_status(workdir)
    if not watch:
        return show("status", current, _lines(current), as_json=common.as_json, errors=current.errors)
    _follow(workdir, current, as_json=common.as_json)
    return 0


def _follow(workdir: Workdir, current: CurrentStatus, *, as_json: bool) -> None:
    """Say each change until nothing runs."""
    told = ""
    while True:
        text = msgspec.json.encode(current).decode() if as_json else "\n".join(_lines(current))
        if text != told:
            _redraw(text, told, as_json=as_json)
            told = text
        if not current.running:
            return
        time.sleep(_INTERVAL_S)
        current = current_status(workdir)


def _redraw(text: str, told: str, *, as_json: bool) -> None:
    """On a terminal over the last text, elsewhere below it."""
    if told and sys.stdout.isatty() and not as_json:
        sys.stdout.write(f"\x1b[{told.count(chr(10)) + 1}A\x1b[J")
    say(text)


def _lines(status: CurrentStatus) -> Iterator[str]:
    data = status.data
    yield _headline(status)
    if status.command is None:
        return
    yield f"  workflows read      {data.workflows_scanned}"
    yield f"  missing             {data.missing_models} models, {data.missing_nodes} node types"
    yield f"  matches             {data.civitai_matches} Civitai, {data.huggingface_matches} Hugging Face"
    yield f"  downloads           {data.downloads_successful} done, {data.downloads_failed} failed"
    for row in status.downloads:
        total = f" of {size_text(row.bytes_total)}" if row.bytes_total else ""
        speed = f", {size_text(int(row.bytes_per_second))}/s" if row.bytes_per_second else ""
        yield f"    {row.filename}: {size_text(row.bytes_done)}{total}{speed}"
    if status.errors:
        last = status.errors[-1]
        yield f"  problems            {len(status.errors)}, the last: {last.message} [{last.code}]"


def _headline(status: CurrentStatus) -> str:
    if status.command is None:
        return "idle: no run has been made in this folder"
    if status.running:
        progress = status.progress
        waits = f", waiting until {status.waiting_until}" if status.waiting_until else ""
        done = f"{progress.current} of {progress.total}{waits}"
        return f"{status.phase}: {done} ({status.command}, process {status.pid})"
    if status.interrupted:
        return f"interrupted while {status.interrupted}; `comfyfixer resume` goes on ({status.command})"
    ended = f", ended with {status.exit_code}" if status.exit_code is not None else ""
    return f"{status.phase} ({status.command}, {(status.updated or '')[:19].replace('T', ' ')}{ended})"
