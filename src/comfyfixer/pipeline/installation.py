"""Where this run's ComfyUI lives, and where a file of each kind is placed."""

import os
import sys
from pathlib import Path

import msgspec

from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.locate import find_installation
from comfyfixer.model.inventory import Installation, ModelFolder
from comfyfixer.paths import inside
from comfyfixer.pipeline.session import Session
from comfyfixer.settings import Settings


def installation_of(settings: Settings) -> Installation:
    """The configured installation, or the one that is found.

    Raises:
        UsageError: `installation-not-found` or `installation-invalid`.
    """
    found = find_installation(settings.comfyui_root, os.environ, Path.cwd(), Path.home(), sys.platform)
    if settings.comfyui_root is None:
        return found
    return msgspec.structs.replace(found, found_by=f"from {settings.origins['comfyui_root']}")


class Places:
    """Where a new file goes."""

    def __init__(self, installation: Installation, folders: dict[str, ModelFolder]) -> None:
        self._models = Path(installation.base_dir, "models")
        self._folders = folders

    def roots(self, folder: str) -> tuple[str, ...]:
        """Every root that ComfyUI searches, in its order; empty for a pack's own folder."""
        known = self._folders.get(folder)
        return known.roots if known else ()

    def all_roots(self) -> tuple[str, ...]:
        """Every root of every folder."""
        return tuple(dict.fromkeys(root for folder in self._folders.values() for root in folder.roots))

    def root(self, folder: str) -> Path:
        """The folder ComfyUI itself would save to: the first root; for a pack's own folder, the one below `models`.

        Raises:
            UnsafeName: The folder's name is no safe path.
        """
        known = self._folders.get(folder)
        return Path(known.roots[0]) if known and known.roots else inside(self._models, folder)


def find_places(session: Session) -> Places:
    """The places of the session's installation."""
    installation = installation_of(session.settings)
    table, problems = read_folders(installation)
    for problem in problems:
        session.found_problem(problem)
    return Places(installation, table.model_folders())
