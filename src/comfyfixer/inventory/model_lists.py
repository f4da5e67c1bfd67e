"""Lists of models that lie in an installation: official templates, ComfyUI-Manager's list, what node packs name."""

import contextlib
import os
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer import __version__
from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.inventory.manager_lists import newest_list
from comfyfixer.model.lead import Lead
from comfyfixer.resolve.leads import of_manager, of_pack, of_workflow

_LARGEST_TEMPLATE: Final = 8 << 20
_LARGEST_PROJECT: Final = 1 << 18
_MAX_TEMPLATES: Final = 5000
_MAX_PACKS: Final = 5000
_MAX_CACHE: Final = 64 << 20
_OF_COMFYUI: Final = "comfyui_frontend_package"
"""ComfyUI requires it: an environment that has it is one that ComfyUI runs in."""


class _Entry(msgspec.Struct, frozen=True):
    stamp: str
    leads: list[Lead]


def read_leads(
    base_dir: str, custom_nodes: Iterable[str], site_packages: Iterable[str], cache: Path | None
) -> list[Lead]:
    """All that these lists name. What can't be read names nothing.

    Args:
        custom_nodes: Folders of node packs.
        site_packages: Folders of the Python packages of ComfyUI's Python.
        cache: File that keeps what was read of folders and files that did not change since.
    """
    packages, nodes = list(dict.fromkeys(site_packages)), list(dict.fromkeys(custom_nodes))
    kept = _Kept(cache)
    leads: list[Lead] = []
    for folder in _template_folders(packages):
        leads += kept.get(folder, _listing(folder), _templates)
    for file in _projects(nodes):
        leads += kept.get(file, _stamp(file), _project)
    document = newest_list(base_dir, nodes, packages, "model-list.json")
    leads += of_manager(document, "ComfyUI-Manager's model list")
    kept.save()
    return leads


def environments_of_comfyui(environ: Mapping[str, str]) -> list[str]:
    """Package folders of our own and of the active environment, as far as ComfyUI runs in them too."""
    homes = dict.fromkeys([sys.prefix, *(environ.get(name, "") for name in ("VIRTUAL_ENV", "CONDA_PREFIX"))])
    found = [str(folder) for home in homes if home for folder in _package_folders(Path(home))]
    return [folder for folder in found if os.path.isdir(os.path.join(folder, _OF_COMFYUI))]


def _package_folders(home: Path) -> list[Path]:
    return [home / "Lib" / "site-packages", *sorted((home / "lib").glob("python3*/site-packages"))]


def _template_folders(packages: Iterable[str]) -> Iterator[str]:
    """`comfyui_workflow_templates*/templates` of every distribution: they were one package once, and are several."""
    for folder in packages:
        for name in sorted(_names(folder)):
            templates = os.path.join(folder, name, "templates")
            if name.startswith("comfyui_workflow_templates") and os.path.isdir(templates):
                yield templates


def _projects(custom_nodes: Iterable[str]) -> Iterator[str]:
    for root in custom_nodes:
        for name in sorted(_names(root))[:_MAX_PACKS]:
            file = os.path.join(root, name, "pyproject.toml")
            if not name.startswith(".") and not name.endswith(".disabled") and os.path.isfile(file):
                yield file


def _templates(folder: str) -> list[Lead]:
    """Each file once for each address, however many templates name it."""
    found: dict[tuple[str, str, str | None], Lead] = {}
    for name in sorted(name for name in _names(folder) if name.endswith(".json"))[:_MAX_TEMPLATES]:
        document = _bytes(os.path.join(folder, name), _LARGEST_TEMPLATE)
        if b'"models"' in document:
            for lead in of_workflow(document, f"The official template `{name[:-5]}`"):
                found.setdefault((lead.filename, lead.url, lead.folder), lead)
    return list(found.values())


def _project(file: str) -> list[Lead]:
    document = _bytes(file, _LARGEST_PROJECT)
    if b"Models" not in document:
        return []
    try:
        project = tomllib.loads(document.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return []
    return of_pack(project, f"The node pack `{os.path.basename(os.path.dirname(file))}`")


class _Kept:
    """What was read before, by the place that it was read from."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._before = _loaded(file) if file else {}
        self._now: dict[str, _Entry] = {}

    def get(self, place: str, stamp: str, read: Callable[[str], list[Lead]]) -> list[Lead]:
        """What `read(place)` gives, or gave when the stamp was the same."""
        key, stamp = os.fsencode(place).decode("utf-8", "backslashreplace"), f"{__version__} {stamp}"
        entry = self._before.get(key)
        if entry is None or entry.stamp != stamp:
            entry = _Entry(stamp, read(place))
        self._now[key] = entry
        return entry.leads

    def save(self) -> None:
        """Write it; a place that can't be written only costs the next run's time."""
        if self._file is not None and self._now != self._before:
            with contextlib.suppress(UsageError, UnicodeEncodeError):
                write_whole(self._file, msgspec.msgpack.encode(self._now), durable=False)


def _loaded(file: Path) -> dict[str, _Entry]:
    try:
        if file.stat().st_size > _MAX_CACHE:
            return {}
        return msgspec.msgpack.decode(file.read_bytes(), type=dict[str, _Entry])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _listing(folder: str) -> str:
    """Changes with the name, size or time of any file in a folder."""
    import hashlib

    digest = hashlib.blake2b(digest_size=16)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            with contextlib.suppress(OSError):
                status = entry.stat()
                digest.update(f"{entry.name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "replace"))
    return digest.hexdigest()


def _stamp(file: str) -> str:
    try:
        status = os.stat(file)
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _bytes(path: str, most: int) -> bytes:
    """The content; nothing where it can't be read, is larger, or no plain file."""
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > most:
            return b""
        return Path(path).read_bytes()
    except OSError:
        return b""
