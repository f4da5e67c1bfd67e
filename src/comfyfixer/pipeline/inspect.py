"""What workflows need, without looking at the installation."""

from collections.abc import Callable, Iterator, Sequence

from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import Workflow
from comfyfixer.pipeline.discover import workflow_files
from comfyfixer.pipeline.installation import installation_of
from comfyfixer.pipeline.library import scan_targets
from comfyfixer.pipeline.reading.many import read_many
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.settings import Settings


def inspected(
    settings: Settings, targets: Sequence[str], found_problem: Callable[[Problem], None]
) -> Iterator[Workflow | None]:
    """Each file's needs in path order; None for a file that is no workflow.

    Raises:
        UsageError: Nothing was named and no installation was found, or nothing that was named is there.
    """
    session = Session(settings, silent, lambda: False, targets)
    named = bool(targets or settings.workflow_directories)
    folders = scan_targets(session, None if named else installation_of(settings))
    for problem in session.problems:
        found_problem(problem)
    yield from read_many(workflow_files(folders, found_problem), {})
