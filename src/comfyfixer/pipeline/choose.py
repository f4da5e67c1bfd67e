"""Making, keeping and forgetting choices; they live in the working folder and are laid over what `resolve` decides."""

import threading
from collections.abc import Sequence
from datetime import datetime

import msgspec

from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.journal.runlock import held
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.choice import Choice, Choices
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.paths import printable
from comfyfixer.pipeline.session import Session, read_rows
from comfyfixer.resolve.choices import with_choice
from comfyfixer.resolve.ruled_out import all_refused, instead, refusal

SKIP = "skip"
Key = tuple[str, str, str]


class ChoiceBook:
    """The choices of a working folder. Safe to use from several threads."""

    def __init__(self, session: Session) -> None:
        self._path = session.workdir.choices
        self._lock = threading.Lock()
        self._readable = True
        self._changed = False
        self._choices: dict[Key, Choice] = {}
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Choices)
            self._choices = {choice.key: choice for choice in found.choices}
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError, RecursionError) as error:
            self._readable = False
            message = f"`{printable(self._path)}` can't be used, so no choice is known: {error}"
            hint = "Mend the file, or remove it and choose anew"
            session.found_problem(Problem(code="state-unreadable", message=message, hint=hint, where=self._path.name))

    def about(self, key: Key) -> Choice | None:
        """The choice about one file."""
        return self._choices.get(key)

    def left_out(self, missing: MissingModel) -> Resolution | None:
        """The row of a file that is to be left out: nobody needs to be asked about it."""
        choice = self._choices.get(missing.key)
        if choice is None or not choice.skip:
            return None
        undecided = msgspec.structs.replace(choice.undecided, workflows=missing.workflows)
        return with_choice(missing, undecided, choice, ())

    def applied(self, missing: MissingModel, row: Resolution, found: Sequence[Candidate]) -> Resolution:
        """The row with the choice about it, if there is one; what it is without is kept for `--forget`."""
        with self._lock:
            choice = self._choices.get(missing.key)
            if choice is None:
                return row
            if choice.undecided != row:
                self._choices[missing.key] = msgspec.structs.replace(choice, undecided=row)
                self._changed = True
        return with_choice(missing, row, choice, (*row.candidates, *found))

    def put(self, choice: Choice) -> None:
        """Take a choice, in the place of an earlier one about the same file."""
        self._choices[choice.key] = choice
        self._changed = True

    def forget(self, key: Key) -> Choice | None:
        """Drop the choice about a file; gives it back."""
        self._changed = self._changed or key in self._choices
        return self._choices.pop(key, None)

    def save(self) -> None:
        """Write what changed.

        Raises:
            UsageError: `state-unreadable`: what is there could not be read, and is not overwritten.
        """
        if not self._changed:
            return
        if not self._readable:
            hint = "Mend the file, or remove it and choose anew"
            raise UsageError(f"`{printable(self._path)}` can't be used", code="state-unreadable", hint=hint)
        document = Choices(choices=tuple(self._choices[key] for key in sorted(self._choices)))
        write_whole(self._path, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
        self._changed = False


def choose(session: Session, name: str, what: str, *, into: str | None = None) -> Key:
    """Take a candidate (its number or id) or `skip` for a file; gives the file's key.

    Raises:
        UsageError: `choice-unknown`, `choice-ambiguous`, `choice-refused`, `run-active`, `state-missing`.
    """
    return _Desk(session).choose(name, what, into)


def forget(session: Session, name: str) -> Key:
    """Give back what was decided without the choice.

    Raises:
        UsageError: As `choose`; `choice-unknown` too where nothing was chosen.
    """
    return _Desk(session).forget(name)


def row_named(rows: Sequence[Resolution], name: str) -> Resolution:
    """The one row that a name means: a file name, a value, or either after its models folder.

    Raises:
        UsageError: `choice-unknown`, `choice-ambiguous`.
    """
    wanted = name.replace("\\", "/")
    found = [row for row in rows if wanted in spellings(row)]
    if len(found) == 1:
        return found[0]
    shown = printable(name)[:200]
    if not found:
        hint = "`comfyfixer review --all` lists what can be named"
        raise UsageError(f"No missing file that was looked for is named `{shown}`", code="choice-unknown", hint=hint)
    names = ", ".join(f"`{spellings(row)[-1]}`" for row in found[:8])
    raise UsageError(f"`{shown}` may mean {len(found)} files", code="choice-ambiguous", hint=f"Say which one: {names}")


def spellings(row: Resolution) -> tuple[str, ...]:
    """What a row answers to, shortest first, with `/` for either slash."""
    folder = f"{row.folder or 'unknown'}/"
    names = [row.filename, row.value.replace("\\", "/")]
    return tuple(dict.fromkeys((*names, *(folder + name for name in names))))


class _Desk:
    """One look at the files of a working folder, and one change of them, under the run's lock."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def choose(self, name: str, what: str, into: str | None) -> Key:
        with held(self._session.workdir.run_lock):
            self._open()
            missing, row = self._named(name)
            candidate = None if what == SKIP else _candidate(row, what)
            if candidate is not None:
                into = _place(row, candidate, into)
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            choice = Choice(
                filename=row.filename,
                value=row.value,
                folder=row.folder,
                made=now,
                skip=candidate is None,
                candidate=candidate,
                wanted=missing.hashes,
                into=into,
                undecided=row,
            )
            self._book.put(choice)
            self._replaced(with_choice(missing, row, choice, row.candidates))
            return row.key

    def forget(self, name: str) -> Key:
        with held(self._session.workdir.run_lock):
            self._open()
            _, row = self._named(name)
            if self._book.forget(row.key) is None:
                hint = "`comfyfixer review --all` shows what was chosen"
                raise UsageError(f"Nothing was chosen for `{row.filename}`", code="choice-unknown", hint=hint)
            self._replaced(row)
            return row.key

    def _open(self) -> None:
        workdir = self._session.workdir
        self._missing = {row.key: row for row in read_rows(workdir.missing_models, MissingModel, step="scan")}
        self._rows = read_rows(workdir.resolutions, Resolution, step="resolve")
        self._book = ChoiceBook(self._session)

    def _named(self, name: str) -> tuple[MissingModel, Resolution]:
        """What is missing, and its row as it is without a choice."""
        row = row_named([row for row in self._rows if row.key in self._missing], name)
        earlier = self._book.about(row.key)
        return self._missing[row.key], earlier.undecided if earlier else row

    def _replaced(self, row: Resolution) -> None:
        self._book.save()
        rows = [row if other.key == row.key else other for other in self._rows]
        self._session.write(self._session.workdir.resolutions, rows)


def _candidate(row: Resolution, what: str) -> Candidate:
    """The candidate of a number or id.

    Raises:
        UsageError: `choice-unknown`, `choice-refused`.
    """
    if row.decision == "accepted":
        hint = f"`comfyfixer choose '{row.filename}' skip` leaves it out"
        raise UsageError(f"`{row.filename}` is proven: there is nothing to choose", code="choice-refused", hint=hint)
    by_id = {candidate.id: candidate for candidate in row.candidates}
    numbered = int(what) if what.isascii() and what.isdigit() and len(what) < 5 else 0
    found = by_id.get(what) or (row.candidates[numbered - 1] if 0 < numbered <= len(row.candidates) else None)
    if found is None:
        count = len(row.candidates)
        hint = f"A number from 1 to {count}, an id of `comfyfixer review --json`, or `skip`" if count else "Only `skip`"
        raise UsageError(
            f"`{row.filename}` has no candidate `{printable(what)[:200]}`", code="choice-unknown", hint=hint
        )
    if why := refusal(found):
        hint = instead(row) if all_refused(row) else "Choose another one, or `skip`"
        raise UsageError(f"`{found.filename}` can't be chosen: {why}", code="choice-refused", hint=hint)
    return found


def _place(row: Resolution, candidate: Candidate, into: str | None) -> str | None:
    """The models folder, where the workflows tell none: the one that was named, else the only one that its hub names.

    Raises:
        UsageError: `choice-refused`.
    """
    if row.folder is not None or candidate.source == "local":
        return None
    if into is None and len(candidate.folders) != 1:
        message = f"Nothing tells into which models folder `{row.filename}` belongs"
        hint = "Say it with `--into FOLDER` (`loras`, `checkpoints`...); or install its node's pack, and scan again"
        raise UsageError(message, code="choice-refused", hint=hint)
    return into or candidate.folders[0]
