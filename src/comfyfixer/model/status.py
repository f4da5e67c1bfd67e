"""`status.json`: what a run does right now."""

import msgspec

from comfyfixer.model.download import Progress
from comfyfixer.model.problem import Problem

PHASES_RUNNING = frozenset({"scanning", "resolving", "downloading"})


class PhaseProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Items of the present phase."""

    current: int = 0
    total: int = 0
    percent: float = 0.0


class StatusData(msgspec.Struct, frozen=True, kw_only=True):
    """The first plan's counters."""

    workflows_scanned: int = 0
    missing_models: int = 0
    missing_nodes: int = 0
    civitai_matches: int = 0
    huggingface_matches: int = 0
    downloads_successful: int = 0
    downloads_failed: int = 0
    current_download: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The live status.

    Attributes:
        timestamp: Same moment as `updated`, kept for the first plan's readers. ISO 8601 with offset.
        phase: `idle`, `scanning`, `resolving`, `downloading`, `complete` or `error`.
        exit_code: None while the run is going on.
        waiting_until: Time of the day, such as `23:00`, until which no file is fetched; None: no hour is waited for.
        bytes_done: Of the files of the plan, those in their places and those under way.
        bytes_total: Of all files of the plan whose size is known, without those that failed; None before it is made.
        interrupted_phase: With phase `error`: the phase in which the run stopped.
    """

    schema_version: int = 1
    timestamp: str
    phase: str = "idle"
    progress: PhaseProgress = PhaseProgress()
    data: StatusData = StatusData()
    errors: tuple[Problem, ...] = ()
    run_id: str | None = None
    pid: int | None = None
    command: str | None = None
    started: str | None = None
    updated: str | None = None
    exit_code: int | None = None
    interrupted_phase: str | None = None
    downloads: tuple[Progress, ...] = ()
    waiting_until: str | None = None
    bytes_done: int = 0
    bytes_total: int | None = None
