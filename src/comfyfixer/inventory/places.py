"""Where a ComfyUI may be: a pure list, so that every system's list can be read and tested on any other."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One path worth a look.

    Attributes:
        path: A folder, or a settings file of another program that names folders.
        found_by: Sentence part for `Installation.found_by`.
        reader: `folder`, or whose settings file it is: `comfy-cli`, `desktop`, `desktop2`.
        named: The user or another program named it, so that a base directory without ComfyUI's code counts too.
    """

    path: PurePath
    found_by: str
    reader: str = "folder"
    named: bool = False


def places(environ: Mapping[str, str], cwd: PurePath, home: PurePath, platform: str) -> tuple[Place, ...]:
    """Every place in asking order; `platform` as in `sys.platform`.

    `COMFYUI_PATH` is not here: who sets it wants this very folder, and gets an error where it is none.
    """
    return (
        *_around(cwd),
        *_settings_files(environ, home, platform),
        *(Place(path=path, found_by="usual place") for path in _usual(environ, home, platform)),
        Place(path=home / "Documents" / "ComfyUI", found_by="usual place of ComfyUI Desktop", named=True),
    )


def _around(cwd: PurePath) -> Iterator[Place]:
    yield Place(path=cwd, found_by="current folder")
    yield Place(path=cwd / "ComfyUI", found_by="in the current folder")
    yield Place(path=cwd / "ComfyUI_windows_portable" / "ComfyUI", found_by="in the current folder")
    for parent in cwd.parents:
        yield Place(path=parent, found_by="parent of the current folder")
        yield Place(path=parent / "ComfyUI", found_by="beside a parent of the current folder")


def _settings_files(environ: Mapping[str, str], home: PurePath, platform: str) -> Iterator[Place]:
    """Settings of comfy-cli (`constants.py` DEFAULT_CONFIG), Comfy Desktop 2 (`lib/paths.ts`) and the older Desktop.

    comfy-cli ignores XDG and `%LOCALAPPDATA%`, Desktop 2 obeys XDG, and both Desktops are Electron programs.
    """
    if platform == "win32":
        cli, roaming = home / "AppData" / "Local", _folder(environ, "APPDATA", home / "AppData" / "Roaming")
        desktop2 = [roaming / "Comfy Desktop"]
    elif platform == "darwin":
        cli = roaming = home / "Library" / "Application Support"
        desktop2 = [roaming / "Comfy Desktop"]
    else:
        cli, roaming = home / ".config", _folder(environ, "XDG_CONFIG_HOME", home / ".config")
        data = _folder(environ, "XDG_DATA_HOME", home / ".local" / "share")
        desktop2 = [data / "comfyui-desktop-2", roaming / "comfyui-desktop-2"]
    yield Place(path=cli / "comfy-cli" / "config.ini", found_by="from comfy-cli's settings", reader="comfy-cli")
    for folder in desktop2:
        yield Place(path=folder / "installations.json", found_by="from Comfy Desktop's settings", reader="desktop2")
    yield Place(path=roaming / "ComfyUI" / "config.json", found_by="from ComfyUI Desktop's settings", reader="desktop")


def _usual(environ: Mapping[str, str], home: PurePath, platform: str) -> Iterator[PurePath]:
    for parts in (
        ("ComfyUI",),
        ("comfyui",),
        ("comfy", "ComfyUI"),
        ("Documents", "comfy", "ComfyUI"),
        ("ai", "ComfyUI"),
    ):
        yield home.joinpath(*parts)
    yield home / "pinokio" / "api" / "comfy.git" / "app"
    yield from _usual_on_windows(environ, home) if platform == "win32" else _usual_on_unix(home, platform)


def _usual_on_windows(environ: Mapping[str, str], home: PurePath) -> Iterator[PurePath]:
    roaming = _folder(environ, "APPDATA", home / "AppData" / "Roaming")
    yield roaming / "StabilityMatrix" / "Packages" / "ComfyUI"
    drives = [type(home)(f"{letter}:\\") for letter in "CDE"]
    for folder in (*drives, home, home / "Desktop", home / "Downloads", home / "Documents"):
        yield folder / "ComfyUI"
        yield folder / "ComfyUI_windows_portable" / "ComfyUI"
    for drive in drives:
        yield drive / "StabilityMatrix" / "Data" / "Packages" / "ComfyUI"
        yield drive / "pinokio" / "api" / "comfy.git" / "app"


def _usual_on_unix(home: PurePath, platform: str) -> Iterator[PurePath]:
    yield home / "StabilityMatrix" / "Packages" / "ComfyUI"
    if platform == "darwin":
        yield home / "Library" / "Application Support" / "StabilityMatrix" / "Packages" / "ComfyUI"
        return
    yield home / ".local" / "share" / "StabilityMatrix" / "Packages" / "ComfyUI"
    root = type(home)("/")
    for parts in (("workspace",), ("opt",), ("content",), ("content", "drive", "MyDrive"), ("app",), ("data",), ()):
        yield root.joinpath(*parts, "ComfyUI")
    yield root / "opt" / "comfyui"


def _folder(environ: Mapping[str, str], name: str, otherwise: PurePath) -> PurePath:
    """The folder that a variable names, in the flavour of `otherwise`; empty and relative values don't count."""
    named = type(otherwise)(environ.get(name, ""))
    return named if named.is_absolute() else otherwise
