"""`comfyfixer status`."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import click
import msgspec

from comfyfixer.cli.envelope import say, show
from comfyfixer.cli.fitting import cut, size_of
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE
from comfyfixer.journal.read import CurrentStatus, current_status
from comfyfixer.paths import Workdir
from comfyfixer.report.words import plural
from comfyfixer.sizes import size_text, time_text

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
    if watch:
        _follow(workdir, as_json=common.as_json)
        return EXIT_DONE
    current = current_status(workdir)
    return show("status", current, _lines(current), as_json=common.as_json, errors=current.errors)


def _follow(workdir: Workdir, *, as_json: bool) -> None:
    """Say each change until nothing runs: on a terminal on a screen of its own, elsewhere below the last one."""
    if as_json or size_of(sys.stdout) is None or os.environ.get("TERM") == "dumb":
        for text, _ in _changes(workdir, _as_json if as_json else _as_text):
            say(text)
        return
    with _own_screen(), contextlib.suppress(KeyboardInterrupt):  # who looks no more ends nothing but that
        for text, size in _changes(workdir, _as_text):
            _draw(text.split("\n"), size or (80, 24))
    last = current_status(workdir)
    show("status", last, _lines(last), as_json=False)


def _changes(workdir: Workdir, told_as: Callable[[CurrentStatus], str]) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """The status each time that it, or the window that it is seen in, is another one; the last is of no run."""
    last = None
    while True:
        current = current_status(workdir)
        now = (told_as(current), size_of(sys.stdout))
        if now != last:
            yield now
            last = now
        if not current.running:
            return
        time.sleep(_INTERVAL_S)


def _as_json(status: CurrentStatus) -> str:
    return msgspec.json.encode(status).decode()


def _as_text(status: CurrentStatus) -> str:
    return "\n".join(_lines(status))


@contextlib.contextmanager
def _own_screen() -> Iterator[None]:
    """The terminal's other screen, which has no past: nothing is left behind, however often its window is resized."""

    def ended(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ended)
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, before)


def _draw(lines: list[str], size: tuple[int, int]) -> None:
    """As much as the window takes."""
    columns, rows = size
    kept = "\n".join(f"{cut(line, columns)}\x1b[K" for line in lines[: rows - 1])
    say(f"\x1b[H{kept}\x1b[J")


def _lines(status: CurrentStatus) -> Iterator[str]:
    data = status.data
    yield _headline(status)
    if status.command is None:
        return
    missing = f"{plural(data.missing_models, 'model')}, {plural(data.missing_nodes, 'node type')}"
    yield f"  workflows read      {data.workflows_scanned}"
    yield f"  missing             {missing}"
    yield f"  matches             {data.civitai_matches} Civitai, {data.huggingface_matches} Hugging Face"
    yield f"  downloads           {data.downloads_successful} done, {data.downloads_failed} failed"
    if status.running and status.bytes_total:
        speed = sum(row.bytes_per_second for row in status.downloads)
        yield f"  bytes               {_transfer(status.bytes_done, status.bytes_total, speed)}"
    for row in status.downloads:
        yield f"    {row.filename}: {_transfer(row.bytes_done, row.bytes_total, row.bytes_per_second)}"
    if status.errors:
        last = status.errors[-1]
        yield f"  problems            {len(status.errors)}, the last: {last.message} [{last.code}]"
        if last.hint:
            yield f"    -> {last.hint}"


def _transfer(done: int, total: int | None, bytes_per_second: float) -> str:
    """`1.5 GB of 6.0 GB (25 %), 20.0 MB/s, 4 min left`, as far as it is known."""
    of_all = f" of {size_text(total)} ({100 * done // total} %)" if total else ""
    speed = f", {size_text(int(bytes_per_second))}/s" if bytes_per_second else ""
    left = f", {time_text(max(0, total - done) / bytes_per_second)} left" if total and bytes_per_second else ""
    return f"{size_text(done)}{of_all}{speed}{left}"


def _headline(status: CurrentStatus) -> str:
    if status.command is None:
        return "idle: no run has been made in this folder"
    if status.running:
        progress = status.progress
        waits = f", waiting until {status.waiting_until}" if status.waiting_until else ""
        counted = f": {progress.current} of {progress.total} ({progress.percent:.0f} %)" if progress.total else ""
        return f"{status.phase}{counted}{waits} ({status.command}, process {status.pid})"
    if status.interrupted:
        return f"interrupted while {status.interrupted}; `comfyfixer resume` goes on ({status.command})"
    ended = f", ended with {status.exit_code}" if status.exit_code is not None else ""
    return f"{status.phase} ({status.command}, {(status.updated or '')[:19].replace('T', ' ')}{ended})"
