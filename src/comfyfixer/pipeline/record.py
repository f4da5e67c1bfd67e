"""The record of a working folder's last run: what `resume` goes on with."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from comfyfixer.files import write_whole
from comfyfixer.model.plan import NOTHING_LESS, Narrowing
from comfyfixer.model.run import STEPS, RunRecord
from comfyfixer.paths import Workdir


def new_record(
    command: str,
    steps: Sequence[str],
    targets: Sequence[str] = (),
    *,
    comfyui_root: str | None = None,
    workflow_directories: Sequence[str] = (),
    config: str | None = None,
    comfyui_url: str | None = None,
    offline: bool = False,
    refresh: bool = False,
    narrowing: Narrowing = NOTHING_LESS,
    download: Mapping[str, Any] = {},
    lock: str | None = None,
) -> RunRecord:
    """The record of a run that begins now; the rest is what was said on the command line."""
    now = datetime.now().astimezone()
    run_id = f"{now:%Y%m%d-%H%M%S}-{os.getpid()}"
    return RunRecord(
        run_id=run_id,
        command=command,
        steps=tuple(steps),
        targets=tuple(os.path.abspath(target) for target in targets),
        started=now.isoformat(timespec="seconds"),
        comfyui_root=comfyui_root,
        workflow_directories=tuple(workflow_directories),
        config=config,
        comfyui_url=comfyui_url,
        offline=offline,
        refresh=refresh,
        narrowing=narrowing,
        download=dict(download),
        lock=os.path.abspath(lock) if lock is not None else None,
    )


def last_record(workdir: Workdir) -> RunRecord | None:
    """The last run's record; None where there is none that can be read."""
    try:
        data = workdir.run_record.read_bytes()
        record = _decoded(data)
    except (OSError, ValueError, RecursionError):
        return None
    known = record.steps and {*record.steps, *record.done} <= set(STEPS) and record.command.replace("-", "").isalpha()
    return record if known and len(record.command) < 40 and b"\\u0000" not in data else None


def save_record(workdir: Workdir, record: RunRecord) -> None:
    """What only reads can be begun anew after a power cut; a run that downloads waits until this is on the disk."""
    write_whole(workdir.run_record, _encoded(record), durable="download" in record.steps)


def _encoded(record: RunRecord) -> bytes:
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:  # a path that is no UTF-8: the standard library's JSON keeps it
        import json

        return json.dumps(msgspec.to_builtins(record)).encode()


def _decoded(data: bytes) -> RunRecord:
    """Raises `ValueError` where it is no record."""
    try:
        return msgspec.json.decode(data, type=RunRecord)
    except msgspec.DecodeError:
        import json

        return msgspec.convert(json.loads(data), RunRecord)
