"""Reading `status.json` back, truthfully: a run that was killed is not running."""

import msgspec

from comfyfixer.errors import EXIT_INTERRUPTED, UsageError
from comfyfixer.journal.runlock import is_held
from comfyfixer.model.problem import Problem
from comfyfixer.model.status import PHASES_RUNNING, Status
from comfyfixer.paths import Workdir


class CurrentStatus(Status, frozen=True, kw_only=True):
    """`data` of `status`: what `status.json` holds, for a run that was killed with phase `error` and its error.

    Attributes:
        running: A live process is at work.
        interrupted: The phase in which the last run was stopped or killed; None where it ended by itself.
    """

    running: bool = False
    interrupted: str | None = None


def current_status(workdir: Workdir) -> CurrentStatus:
    """What is going on in a working folder.

    Raises:
        UsageError: `state-unreadable`.
    """
    try:
        status = msgspec.json.decode(workdir.status.read_bytes(), type=Status)
    except FileNotFoundError:
        return CurrentStatus(timestamp="", phase="idle")
    except (OSError, msgspec.MsgspecError) as error:
        message = f"`{workdir.status}` can't be read: {error}"
        raise UsageError(message, code="state-unreadable", hint="The next run writes it anew") from error
    if status.exit_code is not None:
        stopped = status.exit_code == EXIT_INTERRUPTED
        return _current(status, interrupted=_stopped_in(status) if stopped else None)
    if is_held(workdir.run_lock):
        return _current(status, running=True)
    return _current(_killed(status), interrupted=_stopped_in(status))


def _current(status: Status, *, running: bool = False, interrupted: str | None = None) -> CurrentStatus:
    known = {name: getattr(status, name) for name in status.__struct_fields__}
    return CurrentStatus(**known, running=running, interrupted=interrupted)


def _stopped_in(status: Status) -> str:
    return status.phase if status.phase in PHASES_RUNNING else status.interrupted_phase or "starting"


def _killed(status: Status) -> Status:
    problem = Problem(
        code="run-interrupted",
        message=f"The run ended before it was done, while {_stopped_in(status)}",
        hint="`comfyfixer resume` goes on where it stopped",
    )
    return msgspec.structs.replace(
        status, phase="error", errors=(*status.errors, problem), downloads=(), waiting_until=None
    )
