"""`.comfyfixer/relinks.jsonl`: every mend, before it is done and after, so that it can be told and undone."""

import os
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import msgspec

from comfyfixer.errors import UsageError
from comfyfixer.model.problem import Problem
from comfyfixer.paths import openable
from comfyfixer.pipeline.session import Session

_COPY = "copy-workflow"
Act = dict[str, str]
"""`way`, `source`, `target`: what is done with which file, and what comes of it."""


class RelinkRecord:
    """The record of one working folder."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path = session.workdir.relinks

    def doing(self, act: Act, work: "partial[Any]") -> Problem | None:
        """Do one thing, recorded before and after; gives what went wrong.

        Args:
            work: May answer with the way that was taken in the end.

        Raises:
            UsageError: `workdir-unwritable`: what can't be recorded is not done.
        """
        identity = f"{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}"
        self._add({"id": identity, "state": "begun", **act})
        try:
            way = work()
        except OSError as error:
            problem = _failure(error, act)
            self._add({"id": identity, "state": "failed", "message": problem.message})
            self._session.emit("relink.failed", **act, code=problem.code, message=problem.message)
            return problem
        except BaseException:
            self._add({"id": identity, "state": "failed", "message": "stopped"})
            raise
        done = {**act, "way": way or act["way"]}
        self._add({"id": identity, "state": "done", **done})
        self._session.emit("relink.done", **done)
        return None

    @cached_property
    def copies(self) -> frozenset[str]:
        """Corrected copies that were made here."""
        return frozenset(self._copy_of.values())

    def newest_copy(self, workflow: str) -> str:
        """The last corrected copy of a workflow that is still there, or the workflow itself."""
        for _ in range(len(self._copy_of)):
            copy = self._copy_of.get(workflow)
            if copy is None or not os.path.exists(openable(copy)):
                break
            workflow = copy
        return workflow

    @cached_property
    def _copy_of(self) -> dict[str, str]:
        """Workflow to its last copy."""
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return {}
        done = (act for line in lines if (act := _decoded(line)) and act.get("state") == "done")
        return {
            act["source"]: act["target"]
            for act in done
            if act.get("way") == _COPY and act.keys() >= {"source", "target"}
        }

    def _add(self, line: Act) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            hint = "Name a folder that can be written with `--workdir DIR`"
            message = f"`{self._path}` can't be written: {error.strerror or error}"
            raise UsageError(message, code="workdir-unwritable", hint=hint) from error


def _decoded(line: bytes) -> Act | None:
    """None for a line that a crash cut off."""
    try:
        return msgspec.json.decode(line, type=Act)
    except msgspec.DecodeError:
        return None


def _failure(error: OSError, act: Act) -> Problem:
    hint = "Check that the folder can be written; for links to another disk or on Windows, see `--copy-workflow`"
    message = f"`{act['target']}` could not be made: {error.strerror or error}"
    return Problem(code="relink-failed", message=message, hint=hint, where=act["target"])
