"""What can happen in a run: the one list of event names, each with how it is told to a person."""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

Emit = Callable[..., None]
"""`emit(action, **details)`: tells the journal; nothing comes back. Details are JSON-able and hold no secret."""

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the JSON-lines log.

    Attributes:
        timestamp: ISO 8601 with offset, milliseconds.
        action: A key of `EVENTS`.
        details: As listed there.
    """

    timestamp: str
    run_id: str
    action: str
    details: dict[str, Any]


class EventKind(msgspec.Struct, frozen=True):
    """How an event is logged.

    Attributes:
        component: The first plan's logger name.
        message: Format string over the event's details; a size is shown in its unit.
        logged: False for progress, which only the live status and the bars follow.
        more: Details that the message does not show.
    """

    component: str
    level: Level
    message: str
    logged: bool = True
    more: tuple[str, ...] = ()


EVENTS: Final[dict[str, EventKind]] = {
    "run.started": EventKind("runner", "INFO", "`{command}` started, version {version}, in {workdir}"),
    "run.finished": EventKind("runner", "INFO", "`{command}` finished with exit code {exit_code} after {seconds} s"),
    "run.stopped": EventKind(
        "runner",
        "ERROR",
        "{message} [{code}]",
        more=("hint", "exit_code"),
    ),
    "phase.started": EventKind("runner", "INFO", "{phase} {what}", more=("total",)),
    "phase.progressed": EventKind("runner", "DEBUG", "{current} of {total}", logged=False),
    "problem.found": EventKind(
        "runner",
        "WARNING",
        "{message} [{code}] {where}",
        more=("hint",),
    ),
    "file.written": EventKind("runner", "INFO", "Wrote {path}"),
    "installation.found": EventKind("inventory", "INFO", "ComfyUI at {path} ({found_by})"),
    "note.made": EventKind("runner", "INFO", "{message}"),
    "comfyui.asked": EventKind("inventory", "INFO", "ComfyUI {version} at {url} has {types} node types"),
    "inventory.taken": EventKind("inventory", "INFO", "Model files: {models}, node packs: {packs}, in {seconds} s"),
    "scan.finished": EventKind(
        "scanner",
        "INFO",
        "Workflows read: {workflows}, unreadable: {failed}, other files: {passed_over}, in {seconds} s",
    ),
    "missing.found": EventKind("scanner", "INFO", "Missing model files: {missing_models}, node types: {missing_nodes}"),
    "request.sent": EventKind("net", "INFO", "{method} {url} -> {status} in {seconds} s (cached: {cached})"),
    "request.failed": EventKind("net", "WARNING", "{method} {url}: {message} [{code}]"),
    "host.waiting": EventKind("net", "INFO", "{host}: waiting {seconds} s ({why})"),
    "source.unanswered": EventKind("resolver", "WARNING", "{source} gave no answer about `{filename}`: {message}"),
    "pack.found": EventKind("resolver", "INFO", "Node type `{node_type}`: {pack} (by {found_by})"),
    "decision.made": EventKind("resolver", "INFO", "`{filename}`: {decision} from {source}: {because}"),
    "access.checked": EventKind(
        "downloader", "INFO", "Asked whether {files} files can be had with the keys that are set"
    ),
    "sidecar.written": EventKind("downloader", "INFO", "`{filename}`: wrote {path}"),
    "store.linked": EventKind(
        "downloader", "INFO", "`{filename}`: linked from the store, {source}", more=("size_bytes",)
    ),
    "store.added": EventKind("downloader", "INFO", "`{filename}`: is in the store now, at {path} ({how})"),
    "program.started": EventKind("downloader", "INFO", "`{filename}`: {program} fetches it"),
    "download.waiting": EventKind(
        "downloader",
        "INFO",
        "Waiting until {until}: files are fetched {hours} (`--now` fetches at once)",
    ),
    "plan.made": EventKind("downloader", "INFO", "{summary}", more=("files", "size_bytes")),
    "step.needed": EventKind("downloader", "WARNING", "{files}: {message}: {url}", more=("certain",)),
    "download.started": EventKind("downloader", "INFO", "`{filename}`: fetching {size_bytes} from {url}"),
    "download.resumed": EventKind("downloader", "INFO", "`{filename}`: going on after {bytes_done}"),
    "download.progressed": EventKind("downloader", "DEBUG", "`{filename}`: {bytes_done}", logged=False),
    "download.retried": EventKind("downloader", "WARNING", "`{filename}`: attempt {attempt}: {why}"),
    "download.verified": EventKind("downloader", "INFO", "`{filename}`: SHA-256 {sha256} is as promised"),
    "download.set-aside": EventKind(
        "downloader", "WARNING", "`{filename}`: the file that had its name is broken ({why}), and kept as {path}"
    ),
    "download.finished": EventKind(
        "downloader", "INFO", "`{filename}`: placed at {path} after {seconds} s", more=("size_bytes",)
    ),
    "download.skipped": EventKind("downloader", "INFO", "`{filename}`: {why}"),
    "relink.done": EventKind("relinker", "INFO", "{way}: {source} -> {target}"),
    "relink.failed": EventKind("relinker", "ERROR", "{source}: {message} [{code}]"),
    "download.failed": EventKind(
        "downloader",
        "ERROR",
        "`{filename}`: {message} [{code}]",
        more=("hint", "size_bytes"),
    ),
    "hashing.started": EventKind("hasher", "INFO", "Files to hash: {files}, {size_bytes}"),
    "hash.started": EventKind("hasher", "DEBUG", "`{path}`: reading {size_bytes}"),
    "hash.progressed": EventKind("hasher", "DEBUG", "`{path}`: {bytes_done}", logged=False),
    "hash.finished": EventKind("hasher", "INFO", "`{path}`: SHA-256 {sha256} after {seconds} s"),
    "hash.failed": EventKind("hasher", "WARNING", "`{path}`: {message} [{code}]"),
}
"""Dotted, past tense. `details` may hold more than the message shows."""
