"""The model folders of an installation: ComfyUI's own, then the YAML files', then its output folders."""

import os
from pathlib import Path

from comfyfixer.inventory.comfyui_version import comfyui_version
from comfyfixer.inventory.extra_paths import add_extra_paths
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.model.inventory import Installation
from comfyfixer.model.problem import Problem
from comfyfixer.paths import printable


def read_folders(installation: Installation) -> tuple[FolderTable, list[Problem]]:
    """The table as it is when ComfyUI begins to load node packs, in `main.py`'s order."""
    table = FolderTable(installation.base_dir, comfyui_version(installation.code_dir))
    problems: list[Problem] = []
    for file in _yaml_files(installation):
        problems += add_extra_paths(table, file)
    table.add_output_roots()
    return table, problems + _missing(installation, table)


def _yaml_files(installation: Installation) -> list[Path]:
    own = [Path(installation.code_dir, "extra_model_paths.yaml")] if installation.code_dir else []
    return [file for file in (*own, *map(Path, installation.extra_config_files)) if os.path.isfile(file)]


def _missing(installation: Installation, table: FolderTable) -> list[Problem]:
    """An installation without `models` has no place for a download; a missing folder below it is nothing unusual."""
    if os.path.isdir(table.models_dir):
        return []
    return [
        Problem(
            code="folder-missing",
            message=f"The installation at `{printable(installation.base_dir)}` has no `models` folder",
            hint="Start ComfyUI once, or create the folder",
            where=printable(table.models_dir),
        )
    ]
