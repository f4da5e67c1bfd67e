"""Commands that are runs: settings, signals, listeners, result."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec

from comfyfixer.cli.envelope import show, talk
from comfyfixer.cli.options import Common
from comfyfixer.errors import EXIT_INTERRUPTED
from comfyfixer.journal.journal import Listener
from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.plan import NOTHING_LESS, Narrowing, OpenFile, Plan
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import RunRecord, ScanSummary, WorkflowRow
from comfyfixer.paths import Workdir, printable
from comfyfixer.pipeline.overview import planned
from comfyfixer.pipeline.record import new_record
from comfyfixer.pipeline.run import run
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.report.items import Joined, joined
from comfyfixer.report.terminal import lines
from comfyfixer.resolve.verdict import exit_code
from comfyfixer.settings import Settings

_STDERR: Final = 2


class RunData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `scan`, `resolve`, `download`, `auto` and `resume`.

    Attributes:
        counts: Missing files by what became of them: `placed`, `choose_anew` (placed, but the workflow names it with
            the other system's slash or in other capital letters), `here` (under another path or name:
            `relink` mends it), `failed`, `accepted`, `review`, `not_found`, `missing`.
        ready: Number of workflows that wait for nothing.
        output: Name to path of the files written.
        left_out: Proven files that this run was told to leave out (`--max-size`, `--prefer`, `--base-model`), with why;
            they count as `accepted`.
        plan: What would be fetched; only with `--dry-run`.
    """

    run_id: str
    steps: tuple[str, ...]
    scanned: ScanSummary
    counts: dict[str, int]
    ready: int
    workflows: tuple[WorkflowRow, ...]
    missing_models: tuple[MissingModel, ...]
    missing_nodes: tuple[MissingNode, ...]
    resolutions: tuple[Resolution, ...]
    downloads: tuple[Outcome, ...]
    output: dict[str, str]
    left_out: tuple[OpenFile, ...] = ()
    plan: Plan | None = None


def run_command(
    common: Common,
    command: str,
    steps: Sequence[str],
    targets: Sequence[str] = (),
    narrowing: Narrowing = NOTHING_LESS,
    *,
    dry_run: bool = False,
) -> int:
    """Start a new run and show what it came to."""
    record = new_run(common, command, steps, targets, narrowing=narrowing)
    return show_run(record, common.settings(), common, dry_run=dry_run)


def new_run(common: Common, command: str, steps: Sequence[str], targets: Sequence[str] = (), **more: Any) -> RunRecord:
    """The record of a run with what was said on the command line; `more` goes to `new_record`."""
    return new_record(
        command,
        steps,
        targets,
        comfyui_root=common.comfyui_root,
        workflow_directories=common.workflows,
        config=common.config,
        comfyui_url=common.comfyui_url,
        offline=common.offline,
        refresh=common.refresh,
        download=common.download,
        **more,
    )


def show_run(record: RunRecord, settings: Settings, common: Common, *, dry_run: bool = False) -> int:
    """Do what a record says is still to do, and show what it came to; with `dry_run` what would come next, too."""
    goes_on = "; `comfyfixer resume` goes on"
    with stop_requests(quiet=common.quiet, goes_on=goes_on) as cancel, on_stderr(common) as listeners:
        result, code = run(record, settings, listeners=listeners, cancel=cancel)
    return show_overview(result, code, settings, common, _plan(settings, record.narrowing) if dry_run else None)


def show_planned(common: Common, command: str, narrowing: Narrowing) -> int:
    """What a run would do with the rows that earlier steps left, shown and not touched."""
    settings = common.settings()
    result = planned(new_record(command, ("resolve",)), settings)
    return show_overview(joined(result), exit_code(result), settings, common, _plan(settings, narrowing))


def _plan(settings: Settings, narrowing: Narrowing) -> Plan:
    from comfyfixer.pipeline.plan import plan

    return plan(Session(settings, silent, lambda: False, narrowing=narrowing))


def show_overview(found: Joined, code: int, settings: Settings, common: Common, made: Plan | None = None) -> int:
    """The result as lines or as the envelope's data; with the plan of what comes next, where there is one."""
    workdir, result = Workdir(Path(settings.workdir)), found.overview
    told = lines(found, printable(workdir.summary))
    if made is not None:
        from comfyfixer.report.plan import lines as plan_lines

        told = chain(told if "scan" in result.steps else (), ("",), plan_lines(made))
    failed = (row.error for row in result.downloads if row.error and "download" in result.steps)
    errors = (*result.problems, *(row.error for row in result.workflows if row.error), *failed)
    return show(
        result.command,
        _data(found, workdir, made) if common.as_json else None,
        told,
        as_json=common.as_json,
        exit_code=code,
        errors=_once(errors),
    )


def _once(problems: Iterable[Problem]) -> list[Problem]:
    return list({(problem.code, problem.where, problem.message): problem for problem in problems}.values())


def _data(found: Joined, workdir: Workdir, made: Plan | None) -> RunData:
    result = found.overview
    names = ("workflows", "missing_models", "missing_nodes", "resolutions", "downloads", "summary")
    paths = {name: getattr(workdir, name) for name in names}
    return RunData(
        run_id=result.run_id,
        steps=result.steps,
        scanned=result.scanned,
        counts=dict(found.counts),
        ready=found.ready,
        workflows=result.workflows,
        missing_models=result.missing_models,
        missing_nodes=result.missing_nodes,
        resolutions=result.resolutions,
        downloads=result.downloads,
        output={name: printable(path) for name, path in paths.items() if path.exists()},
        left_out=result.left_out,
        plan=made,
    )


@contextlib.contextmanager
def stop_requests(*, quiet: bool, goes_on: str = "") -> Iterator[threading.Event]:
    """Ctrl-C or a termination request once: stop cleanly. Twice: now.

    Args:
        goes_on: How what was stopped at once goes on, as the end of a sentence.
    """
    cancel = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            if not quiet:
                _last_word(f"stopped at once{goes_on}")
            os._exit(EXIT_INTERRUPTED)
        cancel.set()
        if not quiet:
            talk("stopping cleanly; once more stops at once")

    numbers = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield cancel
    finally:
        if not cancel.is_set():  # what was asked to stop is ending: asked again meanwhile, it ends at once
            for number, handler in before.items():
                signal.signal(number, handler)


def _last_word(text: str) -> None:
    """Past the bars, which may hold the stream right now: below what they drew, with the cursor that they hid."""
    show_cursor = "\r\n\x1b[?25h" if sys.stderr.isatty() else ""
    with contextlib.suppress(OSError):
        os.write(_STDERR, f"{show_cursor}{text}\n".encode())


@contextlib.contextmanager
def on_stderr(common: Common) -> Iterator[list[Listener]]:
    """What is said on stderr while the run goes on: every event, bars on a terminal, else the main events."""
    chosen: list[Any] = []
    if common.verbose:
        from comfyfixer.cli.talk import EveryEvent

        chosen.append(EveryEvent())
    elif common.quiet or common.as_json:
        pass
    else:
        from comfyfixer.cli.talk import MainEvents, Warnings

        chosen.append(Warnings())
        if sys.stderr.isatty():
            from comfyfixer.cli.progress import Bars

            chosen.append(Bars())
        else:
            chosen.append(MainEvents())
    try:
        yield chosen
    finally:
        for listener in chosen:
            listener.close()
