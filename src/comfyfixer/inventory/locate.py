"""Finding the ComfyUI installation without being told where it is."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from comfyfixer.errors import UsageError
from comfyfixer.inventory.foreign_settings import Managed, read_settings
from comfyfixer.inventory.places import Place, places
from comfyfixer.model.inventory import Installation
from comfyfixer.paths import printable

_CODE_BESIDE_MAIN: Final = ("folder_paths.py", "nodes.py", "comfy", "comfy_extras", "execution.py")
_DATA_BESIDE_MODELS: Final = ("user", "custom_nodes", "output")
_PORTABLE_PYTHON: Final = ("python_embeded", "python_embedded", "python_standalone")


def find_installation(
    explicit: str | None, environ: Mapping[str, str], cwd: Path, home: Path, platform: str
) -> Installation:
    """The installation that was named, else the first that is found.

    Args:
        explicit: The ComfyUI folder, the folder around it (portable), its `main.py`, or a base directory.
        platform: As `sys.platform`.

    Raises:
        UsageError: `installation-invalid` when a named folder is none, `installation-not-found` when nothing is.
    """
    all_places = places(environ, cwd, home, platform)
    managed = [entry for place in all_places if place.reader != "folder" for entry in read_settings(place)]
    if explicit:
        return _named(explicit, cwd, home, "as configured", managed)
    if from_environment := environ.get("COMFYUI_PATH"):
        return _named(from_environment, cwd, home, "from COMFYUI_PATH", managed)
    for place in all_places:
        if found := next(_at(place, managed), None):
            return found
    raise UsageError(
        "No ComfyUI installation was found",
        code="installation-not-found",
        hint="Name its folder with `--comfyui-root DIR`, in `COMFYUI_PATH`, or as `comfyui_root` in `config.json`. "
        "Looked at the current folder and its parents, the settings of comfy-cli and Comfy Desktop, "
        f"and {_examples(all_places)}",
    )


def workflow_folders(installation: Installation) -> tuple[Path, ...]:
    """Where ComfyUI itself saves workflows, one folder a user; its system users (`__manager`) have none."""
    users = Path(installation.base_dir, "user")
    try:
        names = sorted(entry.name for entry in os.scandir(users) if not entry.name.startswith("__"))
    except OSError:
        return ()
    return tuple(folder for name in names if os.path.isdir(folder := users / name / "workflows"))


def _named(path: str, cwd: Path, home: Path, found_by: str, managed: list[Managed]) -> Installation:
    """The installation at a path that the user gave."""
    folder = _user_path(path, cwd, home)
    if found := _inspect(folder, found_by, managed, named=True):
        return found
    why = "has neither ComfyUI's `main.py` nor a `models` folder" if os.path.exists(folder) else "does not exist"
    raise UsageError(
        f"`{printable(folder)}` ({found_by}) {why}",
        code="installation-invalid",
        hint="Name the folder that holds ComfyUI's `main.py`, or the base directory that holds `models` and `user`",
    )


def _user_path(path: str, cwd: Path, home: Path) -> Path:
    if path == "~" or path.startswith(("~/", "~\\")):
        return home / path[2:]
    return cwd / path


def _at(place: Place, managed: list[Managed]) -> Iterator[Installation]:
    """The installations at one place: one at most for a folder, several where a settings file names several."""
    if place.reader == "folder":
        named = [(Path(place.path), place.found_by)]
    else:
        named = [(entry.path, entry.found_by) for entry in managed if entry.settings_file == str(place.path)]
    for folder, found_by in named:
        if found := _inspect(folder, found_by, managed, named=place.named or place.reader != "folder"):
            yield found


def _inspect(folder: Path, found_by: str, managed: list[Managed], *, named: bool) -> Installation | None:
    """What is at a path. Only a path that was named may also be around ComfyUI's folder, or hold data alone."""
    if folder.name == "main.py":
        folder = folder.parent
    for code in (folder, folder / "ComfyUI") if named else (folder,):
        if _has_code(code):
            return _installation(code, code, _kind_of_code(code), found_by, managed)
    if _has_data(folder, needed=1 if named else len(_DATA_BESIDE_MODELS)):
        return _installation(None, folder, "data", found_by, managed)
    return None


def _installation(code: Path | None, base: Path, kind: str, found_by: str, managed: list[Managed]) -> Installation:
    owner = next((entry for entry in managed if entry.owns(base)), None)
    return Installation(
        code_dir=str(code) if code else None,
        base_dir=str(base),
        extra_config_files=owner.config_files if owner else (),
        kind=owner.kind if owner else kind,
        found_by=found_by,
    )


def _has_code(folder: Path) -> bool:
    """`main.py` alone is any Python project's."""
    try:
        names = set(os.listdir(folder))
    except (OSError, ValueError):
        return False
    return "main.py" in names and (not names.isdisjoint(_CODE_BESIDE_MAIN) or {"models", "custom_nodes"} <= names)


def _has_data(folder: Path, needed: int) -> bool:
    """Whether `models` is there, and at least `needed` of the folders that ComfyUI keeps beside it."""
    beside = sum(os.path.isdir(folder / name) for name in _DATA_BESIDE_MODELS)
    return os.path.isdir(folder / "models") and beside >= needed


def _kind_of_code(code: Path) -> str:
    return "portable" if any(os.path.isdir(code.parent / name) for name in _PORTABLE_PYTHON) else "git"


def _examples(all_places: tuple[Place, ...]) -> str:
    usual = [f"`{printable(place.path)}`" for place in all_places if place.found_by.startswith("usual")]
    return ", ".join(usual[:3]) + f" and {len(usual) - 3} other usual places"
