"""What a run was asked, so that `resume` can go on, and what it came to."""

from typing import Any

import msgspec

from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.plan import Narrowing, OpenFile
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution

STEPS = ("scan", "resolve", "download")


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`.comfyfixer/run.json`: the last run of a working folder.

    Attributes:
        steps: In order, from `STEPS`.
        targets: Paths named on the command line; empty means the configured workflow folders.
        done: Steps that are finished.
        started: ISO 8601 with offset.
        exit_code: None until the run ended by itself; a killed run keeps None.
        comfyui_root: As given on the command line, so that `resume` needs no flag.
        workflow_directories: Likewise.
        config: Configuration file named on the command line.
        comfyui_url: Likewise.
        offline: Likewise.
        refresh: Likewise.
        narrowing: Likewise.
        download: Likewise: dotted names of settings to what was said of them.
        lock: Absolute path of the lock file that the run makes true; None for every command but `sync`.
    """

    schema_version: int = 1
    run_id: str
    command: str
    steps: tuple[str, ...]
    started: str
    targets: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    exit_code: int | None = None
    comfyui_root: str | None = None
    workflow_directories: tuple[str, ...] = ()
    config: str | None = None
    comfyui_url: str | None = None
    offline: bool = False
    refresh: bool = False
    narrowing: Narrowing = Narrowing()
    download: dict[str, Any] = {}
    lock: str | None = None


class WorkflowRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `output/workflows.json`.

    Attributes:
        needs: Number of different model files its active nodes name.
        missing_models: File names of those that are not loadable.
        missing_nodes: Node types that nothing installed registers.
    """

    path: str
    format: str
    ok: bool
    error: Problem | None = None
    needs: int = 0
    missing_models: tuple[str, ...] = ()
    missing_nodes: tuple[str, ...] = ()


class ScanSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`.comfyfixer/scan.json`: what the last scan looked at.

    Attributes:
        installation: Its base folder.
        found_by: Sentence part: how it was found.
        passed_over: Files that are no workflows.
        models: Number of model files ComfyUI lists.
        packs: Number of installed custom-node packs.
        problems: What it could not read, beside single workflows.
        notes: Sentences about node packs that may surprise: nothing is outstanding because of them.
    """

    installation: str | None = None
    found_by: str | None = None
    passed_over: int = 0
    models: int = 0
    packs: int = 0
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the last steps left in `output/`, joined.

    Attributes:
        resolutions: Only of files that are still in `missing_models`.
        downloads: Only of files that are still in `missing_models`.
        steps: Those that the present run did; what is outstanding is judged by them.
        problems: What this run could not read or reach.
        left_out: Proven files that this run was told to leave out (`--max-size`, `--prefer`, `--base-model`).
    """

    command: str
    run_id: str
    steps: tuple[str, ...]
    started: str
    scanned: ScanSummary = ScanSummary()
    workflows: tuple[WorkflowRow, ...] = ()
    missing_models: tuple[MissingModel, ...] = ()
    missing_nodes: tuple[MissingNode, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    downloads: tuple[Outcome, ...] = ()
    problems: tuple[Problem, ...] = ()
    left_out: tuple[OpenFile, ...] = ()
