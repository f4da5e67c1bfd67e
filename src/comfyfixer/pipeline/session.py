"""What every step of a run is handed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from comfyfixer.errors import Interrupted, UsageError
from comfyfixer.files import write_if_changed
from comfyfixer.model.event import Emit
from comfyfixer.model.plan import NOTHING_LESS, Narrowing, OpenFile
from comfyfixer.model.problem import Problem
from comfyfixer.paths import Workdir, printable
from comfyfixer.settings import Settings

Row = TypeVar("Row")


def silent(_action: str, **_details: Any) -> None:
    """An `Emit` for looking without a run."""


class Session:
    """One run: its settings, its folder, its event stream, and whether the user wants it to stop.

    Attributes:
        targets: Paths named on the command line.
        narrowing: What of the plan is wanted.
        problems: What went wrong with one thing among many; told when it happens and summed up at the end.
        notes: Sentences that may surprise; nothing is outstanding because of them.
        left_out: Proven files that the narrowing keeps from being fetched.
    """

    def __init__(
        self,
        settings: Settings,
        emit: Emit,
        cancelled: Callable[[], bool],
        targets: Sequence[str] = (),
        narrowing: Narrowing = NOTHING_LESS,
    ) -> None:
        self.settings = settings
        self.workdir = Workdir(Path(settings.workdir))
        self.cancelled = cancelled
        self.targets = tuple(targets)
        self.narrowing = narrowing
        self.problems: list[Problem] = []
        self._written: dict[Path, tuple[Any, ...]] = {}
        self.notes: list[str] = []
        self.left_out: list[OpenFile] = []
        self._emit = emit

    def emit(self, action: str, **details: Any) -> None:
        """Tell the journal."""
        self._emit(action, **details)

    def found_problem(self, problem: Problem) -> None:
        """Tell and remember what went wrong with one thing; the rest goes on."""
        self.problems.append(problem)
        details = {"code": problem.code, "message": problem.message, "hint": problem.hint, "where": problem.where}
        self._emit("problem.found", **details)

    def warn_of_settings(self) -> None:
        """Tell what the settings say that means nothing: it was meant to change this run."""
        for problem in self.settings.problems:
            self.found_problem(problem)

    def note(self, sentence: str) -> None:
        """Tell and remember what is worth knowing and no problem."""
        self.notes.append(sentence)
        self._emit("note.made", message=sentence)

    def check_stop(self) -> None:
        """Raise `Interrupted` when the user asked to stop."""
        if self.cancelled():
            raise Interrupted("Stopped at your request", hint="`comfyfixer resume` goes on where it stopped")

    def write(self, path: Path, rows: Sequence[Any]) -> None:
        """Write a step's result as indented JSON, whole or not at all, and tell."""
        self.save(path, rows)
        self._written[path] = tuple(rows)
        self._emit("file.written", path=printable(path))

    def written(self, path: Path) -> tuple[Any, ...] | None:
        """The rows that this run itself wrote there last, None where it did not: they need not be read again."""
        return self._written.get(path)

    def save(self, path: Path, value: Any) -> None:
        """Write what is still growing, without telling each time.

        Whole or not at all for every reader; not waited for until it is on the disk itself, as a step can be repeated.
        """
        write_if_changed(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_rows(path: Path, row: type[Row], *, step: str) -> tuple[Row, ...]:
    """The rows that an earlier step wrote.

    Raises:
        UsageError: `state-missing` when that step has not run here, `state-unreadable`.
    """
    hint = f"Run `comfyfixer {step}` first"
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[row, ...])  # type: ignore[valid-type]
    except FileNotFoundError as error:
        raise UsageError(f"`{path}` does not exist", code="state-missing", hint=hint) from error
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        message = f"`{path}` can't be used: {error}"
        raise UsageError(message, code="state-unreadable", hint=f"Run `comfyfixer {step}` again") from error


def read_rows_if_there(session: Session, path: Path, row: type[Row]) -> tuple[Row, ...]:
    """Like `read_rows`, but a step that has not run here has no rows; a damaged file is told once, and has none."""
    if (rows := session.written(path)) is not None:
        return rows
    if not path.exists():
        return ()
    try:
        return read_rows(path, row, step="auto")
    except UsageError as error:
        if all(problem.where != path.name for problem in session.problems):
            session.found_problem(Problem.of(error, where=path.name))
        return ()
