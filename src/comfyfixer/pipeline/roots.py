"""Which of the roots that ComfyUI searches takes a new file: its own choice, or the user's."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from comfyfixer.errors import UsageError
from comfyfixer.inventory.folder_table import LEGACY_NAMES
from comfyfixer.inventory.folders import read_folders
from comfyfixer.paths import printable
from comfyfixer.pipeline.installation import Places, installation_of
from comfyfixer.settings import Settings


class _Wish(NamedTuple):
    """A folder that the user named, and where that was said."""

    path: str
    said: str


class Roots:
    """`download.folders` weighs more than `--to` (`download.to`), and that more than ComfyUI's own order."""

    def __init__(self, places: Places, settings: Settings) -> None:
        self._places = places
        self._folders = {
            LEGACY_NAMES.get(name, name): _Wish(path, _said(settings, "download.folders", f".{name}"))
            for name, path in settings.folders.items()
        }
        self._to = _Wish(settings.to, _said(settings, "download.to")) if settings.to is not None else None

    def root(self, folder: str) -> Path:
        """Where a new file of this folder goes. A pack's own folder has one place only.

        Raises:
            UsageError: `root-not-searched`: a file there would be of no use.
            UnsafeName: The folder's name is no safe path.
        """
        searched = self._places.roots(folder)
        if folder in self._folders:
            wish = self._folders[folder]
            return _first_same(wish.path, searched) or _refuse(wish, f"`{folder}`", searched)
        if self._to is not None and searched:
            return _first_below(self._to.path, searched) or _refuse(self._to, f"`{folder}`", searched)
        return self._places.root(folder)

    def check(self) -> None:
        """Look at what the user wants before anything is asked or fetched.

        Raises:
            UsageError: `root-not-searched`: also for a folder that no file of this run needs.
        """
        for folder in self._folders:
            self.root(folder)
        if self._to is not None and _first_below(self._to.path, searched := self._places.all_roots()) is None:
            _refuse(self._to, "any folder", searched)


def check_roots(settings: Settings) -> None:
    """The same for a run that has read no installation yet.

    Raises:
        UsageError: Also `installation-not-found` or `installation-invalid`.
    """
    if settings.to is not None or settings.folders:
        installation = installation_of(settings)
        table, _ = read_folders(installation)
        Roots(Places(installation, table.model_folders()), settings).check()


def _first_same(wanted: str, roots: Iterable[str]) -> Path | None:
    return next((Path(root) for root in roots if _real(root) == _real(wanted)), None)


def _first_below(wanted: str, roots: Iterable[str]) -> Path | None:
    """The first root that is this folder, or lies below it."""
    above = Path(_real(wanted))
    return next((Path(root) for root in roots if Path(_real(root)).is_relative_to(above)), None)


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))


def _said(settings: Settings, key: str, name: str = "") -> str:
    """How the user can find it again."""
    origin = settings.origins[key]
    return "`--to`" if (key, origin) == ("download.to", "flag") else f"`{key}{name}` in {origin}"


def _refuse(wish: _Wish, folder: str, searched: tuple[str, ...]) -> Path:
    known = ", ".join(f"`{printable(root)}`" for root in searched) or "nothing"
    raise UsageError(
        f"ComfyUI does not search `{printable(wish.path)}` for {folder} ({wish.said}): a file there would not be found",
        code="root-not-searched",
        hint=f"Add the folder to extra_model_paths.yaml, or choose one of those that are searched: {known}",
    )
