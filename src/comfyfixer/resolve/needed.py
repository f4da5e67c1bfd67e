"""Which installed files a workflow may mean. In doubt it means them: nobody should delete a file for a doubt."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from comfyfixer.model.inventory import InstalledModel
from comfyfixer.model.reference import Workflow, base_name
from comfyfixer.resolve.names import split_extension

_SEPARATORS: Final = re.compile(r"[._-]")


class Needs:
    """What workflows name, muted and bypassed nodes too: by base name, whatever the case, the folder, the sub-folder.

    A name without a known extension stands for every file that begins with it: text tags leave the extension out, and
    some values (`taesd`) stand for several files.
    """

    def __init__(self, workflows: Iterable[Workflow]) -> None:
        self._names: set[str] = set()
        stems: set[str] = set()
        for workflow in workflows:
            for reference in workflow.models:
                for name in (reference.filename, base_name(reference.value)):
                    stem, extension = split_extension(name.casefold())
                    (self._names if extension else stems).add(name.casefold() if extension else stem)
        self._stems = frozenset(stems - {""})

    def name(self, model: InstalledModel) -> bool:
        """Whether some workflow names the file."""
        name = base_name(model.name).casefold()
        return name in self._names or not self._stems.isdisjoint(_beginnings(name))


def _beginnings(name: str) -> Iterator[str]:
    """The name, and what stands before each dot, hyphen and underscore."""
    yield name
    yield from (name[: sign.start()] for sign in _SEPARATORS.finditer(name))
