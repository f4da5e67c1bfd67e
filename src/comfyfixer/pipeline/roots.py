"""Which of the roots that ComfyUI searches takes a new file: its own choice, or the user's."""

import os
from collections.abc import Iterable
from pathlib import Path

from comfyfixer.errors import UsageError
from comfyfixer.paths import printable
from comfyfixer.pipeline.installation import Places
from comfyfixer.settings import Settings


class Roots:
    """`download.folders` weighs more than `--to` (`download.to`), and that more than ComfyUI's own order."""

    def __init__(self, places: Places, settings: Settings) -> None:
        self._places = places
        self._folders = settings.folders
        self._to = settings.to

    def root(self, folder: str) -> Path:
        """Where a new file of this folder goes. A pack's own folder has one place only.

        Raises:
            UsageError: `root-not-searched`: a file there would be of no use.
            UnsafeName: The folder's name is no safe path.
        """
        searched = self._places.roots(folder)
        if folder in self._folders:
            return _first_same(self._folders[folder], searched) or _refuse(self._folders[folder], folder, searched)
        if self._to is not None and searched:
            return _first_below(self._to, searched) or _refuse(self._to, folder, searched)
        return self._places.root(folder)


def _first_same(wanted: str, roots: Iterable[str]) -> Path | None:
    return next((Path(root) for root in roots if _real(root) == _real(wanted)), None)


def _first_below(wanted: str, roots: Iterable[str]) -> Path | None:
    """The first root that is this folder, or lies below it."""
    above = Path(_real(wanted))
    return next((Path(root) for root in roots if Path(_real(root)).is_relative_to(above)), None)


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))


def _refuse(wanted: str, folder: str, searched: tuple[str, ...]) -> Path:
    known = ", ".join(f"`{printable(root)}`" for root in searched) or "nothing"
    raise UsageError(
        f"ComfyUI does not search `{printable(wanted)}` for `{folder}`: a file there would not be found",
        code="root-not-searched",
        hint=f"Add the folder to extra_model_paths.yaml, or choose one of those that are searched: {known}",
    )
