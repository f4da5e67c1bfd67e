"""ComfyUI's own Python, looked at from outside: where its packages lie and what is installed there. Nothing is run."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.model.inventory import Installation

_ENVIRONMENTS: Final = (".venv", "venv", "python_embeded", "python_embedded")
_DISTRIBUTION: Final = re.compile(r"(?P<name>[A-Za-z0-9][\w.]*?)-(?P<version>\d[^-]*)(?:-py[\d.]+)?\.(?:dist|egg)-info")
_EGG: Final = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*?)(?:-(?P<version>\d[^-]*))?(?:-py[\d.]+)?\.egg-(?:info|link)")


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed in the Python environments that belong to an installation.

    Attributes:
        site_packages: Absolute paths.
        python: `3.12`, None where it is not known.
        versions: Distribution name, as pip compares them, to version ("" where unknown).
        modules: Lower-case names that can be imported: some packages come without a distribution's name.
        closed: False where the system's packages are used too: what is not here may be there.
    """

    site_packages: tuple[str, ...]
    python: str | None
    versions: dict[str, str]
    modules: frozenset[str]
    closed: bool = True


def find_environment(installation: Installation) -> Environment | None:
    """The environments in the usual places beside ComfyUI: one's own venv, portable, Desktop; None without any."""
    homes = list(dict.fromkeys(_homes(installation)))
    folders = [folder for home in homes for folder in _site_packages(home)]
    if not folders:
        return None
    versions: dict[str, str] = {}
    modules: set[str] = set()
    for folder in folders:
        for name in _listed(folder):
            _note(folder, name, versions, modules)
    return Environment(
        site_packages=tuple(str(folder) for folder in folders),
        python=next(filter(None, map(_python, homes)), None),
        versions=versions,
        modules=frozenset(modules),
        closed=not any(_open(home) for home in homes),
    )


def site_packages(installation: Installation) -> list[str]:
    """Where the packages of those environments lie."""
    return [str(folder) for home in dict.fromkeys(_homes(installation)) for folder in _site_packages(home)]


def comparable(name: str) -> str:
    """A distribution's name as pip compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _homes(installation: Installation) -> Iterator[Path]:
    for place in (installation.code_dir, installation.base_dir):
        if place is not None:
            for parent in (Path(place), Path(place).parent):
                yield from (parent / name for name in _ENVIRONMENTS if (parent / name).is_dir())


def _site_packages(home: Path) -> list[Path]:
    on_windows = home / "Lib" / "site-packages"
    if on_windows.is_dir():
        return [on_windows]
    return [path for path in sorted((home / "lib").glob("python3*/site-packages")) if path.is_dir()]


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _note(folder: Path, name: str, versions: dict[str, str], modules: set[str]) -> None:
    """One entry of `site-packages`; the names of `.dist-info` folders say what their METADATA says (PEP 427)."""
    found = _DISTRIBUTION.fullmatch(name) or _EGG.fullmatch(name)
    if found:
        versions[comparable(found["name"])] = found["version"] or ""
        modules.update(_top_level(folder / name))
    else:
        modules.add(name.partition(".")[0].lower())


def _top_level(info: Path) -> list[str]:
    """What an editable installation, which lies elsewhere, lets import."""
    try:
        return [line.strip().lower() for line in (info / "top_level.txt").read_text("utf-8")[:4096].splitlines()]
    except (OSError, ValueError):
        return []


def _python(home: Path) -> str | None:
    """Of a venv from `pyvenv.cfg`, of an embedded Python from its `python312._pth`, else from the folder's name."""
    found = re.search(r"^version(?:_info)?\s*=\s*(3\.\d+)", _config(home), re.MULTILINE)
    if found:
        return found[1]
    for name in (*_listed(home), *_listed(home / "lib")):
        if match := re.fullmatch(r"python3\.?(\d+)(?:\._pth|\.dll|\.zip)?", name):
            return f"3.{match[1]}"
    return None


def _open(home: Path) -> bool:
    return bool(re.search(r"^include-system-site-packages\s*=\s*true", _config(home), re.MULTILINE | re.IGNORECASE))


def _config(home: Path) -> str:
    try:
        return (home / "pyvenv.cfg").read_text("utf-8")[:4096]
    except (OSError, ValueError):
        return ""
