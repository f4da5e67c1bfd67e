"""What a run without a network says of itself."""

from comfyfixer.model.problem import Problem
from comfyfixer.pipeline.session import Session
from comfyfixer.report.words import plural

NOT_ASKED = "hub-not-asked"


def tell_offline(session: Session, still_open: int) -> None:
    """One line, where the run is offline, instead of one for each hub.

    Args:
        still_open: Missing files and node types that only a hub could settle.
    """
    if not session.settings.offline:
        return
    said = "no missing thing waits for a hub"
    if still_open:
        said = f"{plural(still_open, 'missing thing')} that only a hub can settle stay open"
    problem = Problem(
        code=NOT_ASKED,
        message=f"Offline, so that nobody was asked: {said}",
        hint="Run it again without `--offline`" if still_open else None,
        where="offline",
    )
    session.found_problem(problem)
