"""Reading where other programs keep their ComfyUI: comfy-cli, Comfy Desktop 2, the older ComfyUI Desktop.

A settings file that is missing, broken or odd only means that it names nothing.
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import msgspec

from comfyfixer.inventory.places import Place

_MAX_BYTES: Final = 4 << 20


class Managed(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that another program takes care of.

    Attributes:
        path: The ComfyUI folder, the folder around it, or a base directory.
        kind: For `Installation.kind`; `git` for comfy-cli, which keeps an ordinary checkout.
        config_files: YAML files that the program hands to ComfyUI.
    """

    path: Path
    kind: str
    found_by: str
    settings_file: str
    config_files: tuple[str, ...] = ()

    def owns(self, base: Path) -> bool:
        """Whether `base` is this very folder, or the ComfyUI folder in it."""
        return self.kind != "git" and os.path.normcase(base) in (
            os.path.normcase(self.path),
            os.path.normcase(self.path / "ComfyUI"),
        )


class _Desktop2Record(msgspec.Struct):
    """One entry of `installations.json` (Desktop 2, `src/main/installations.ts`)."""

    installPath: str = ""  # noqa: N815  # the file's own key
    id: str = ""
    useSharedModels: bool = True  # noqa: N815  # the file's own key
    lastLaunchedAt: float = 0  # noqa: N815  # the file's own key


class _DesktopConfig(msgspec.Struct):
    """`config.json` of the older Desktop (`src/store/desktopSettings.ts`)."""

    basePath: str = ""  # noqa: N815  # the file's own key


def read_settings(place: Place) -> list[Managed]:
    """Every folder that the settings file at `place` names, the one used last first."""
    file = Path(place.path)
    try:
        if file.stat().st_size > _MAX_BYTES:
            return []
        data = file.read_bytes()
    except (OSError, ValueError):
        return []
    readers = {"comfy-cli": _comfy_cli, "desktop2": _desktop2, "desktop": _desktop}
    return [
        Managed(path=Path(path), kind=kind, found_by=place.found_by, settings_file=str(file), config_files=files)
        for path, kind, files in readers[place.reader](data, file.parent)
        if path and PurePath(path).is_absolute() and "\0" not in path
    ]


_Rows = Iterator[tuple[str, str, tuple[str, ...]]]


def _comfy_cli(data: bytes, _folder: Path) -> _Rows:
    """`[DEFAULT] default_workspace`, then `recent_workspace` (comfy-cli, `workspace_manager.py`)."""
    import configparser

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(data.decode("utf-8", "replace"))
    except configparser.Error:
        return
    for key in ("default_workspace", "recent_workspace"):
        yield parser.defaults().get(key, ""), "git", ()


def _desktop2(data: bytes, folder: Path) -> _Rows:
    try:
        raw = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return
    records = [record for row in raw if (record := _desktop2_record(row))]
    for record in sorted(records, key=lambda record: -record.lastLaunchedAt):
        own = folder / "instance-model-paths" / f"{record.id}.yaml"
        shared = folder / "shared_model_paths.yaml"
        used = shared if record.useSharedModels or PurePath(record.id).name != record.id else own
        yield record.installPath, "desktop2", (str(used),) if used.is_file() else ()


def _desktop2_record(row: msgspec.Raw) -> _Desktop2Record | None:
    try:
        return msgspec.json.decode(row, type=_Desktop2Record)
    except (msgspec.DecodeError, RecursionError):
        return None


def _desktop(data: bytes, folder: Path) -> _Rows:
    try:
        config = msgspec.json.decode(data, type=_DesktopConfig)
    except (msgspec.DecodeError, RecursionError):
        return
    file = folder / "extra_models_config.yaml"
    yield config.basePath, "desktop", (str(file),) if file.is_file() else ()
