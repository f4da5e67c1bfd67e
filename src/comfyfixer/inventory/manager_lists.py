"""The lists that ComfyUI-Manager keeps in an installation: which pack has which node type."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

_LARGEST: Final = 32 << 20
_CACHES: Final = ("user/__manager/cache", "user/default/ComfyUI-Manager/cache")


class ManagerLists(msgspec.Struct, frozen=True, kw_only=True):
    """The newest copy of each list; empty where there is none."""

    node_map: bytes
    node_list: bytes = b""
    stats: bytes = b""


def read_manager_lists(base_dir: str, custom_nodes: Iterable[str], site_packages: Iterable[str]) -> ManagerLists | None:
    """The newest copies that lie here; None without the one of node types.

    ComfyUI-Manager has brought them as a node pack, brings them as a Python package, and keeps in its cache what it
    fetched (`NUMBER_extension-node-map.json`).

    Args:
        custom_nodes: Folders of node packs.
        site_packages: Folders of the Python packages of ComfyUI's Python.
    """
    files = _all_files(base_dir, custom_nodes, site_packages)
    node_map = _newest(files, "extension-node-map.json")
    if not node_map:
        return None
    return ManagerLists(
        node_map=node_map,
        node_list=_newest(files, "custom-node-list.json"),
        stats=_newest(files, "github-stats.json"),
    )


def newest_list(base_dir: str, custom_nodes: Iterable[str], site_packages: Iterable[str], name: str) -> bytes:
    """The newest copy of one list of these places, such as `model-list.json`; empty without any."""
    return _newest(_all_files(base_dir, custom_nodes, site_packages), name)


def _all_files(base_dir: str, custom_nodes: Iterable[str], site_packages: Iterable[str]) -> list["os.DirEntry[str]"]:
    folders = [*_folders(base_dir, custom_nodes), *(Path(packages, "comfyui_manager") for packages in site_packages)]
    return [file for folder in folders for file in _files(folder)]


def _folders(base_dir: str, custom_nodes: Iterable[str]) -> Iterator[Path]:
    yield from (Path(base_dir, cache) for cache in _CACHES)
    for root in custom_nodes:
        for entry in _entries(Path(root)):
            if "comfyui-manager" in entry.name.lower():
                yield Path(entry.path)


def _files(folder: Path) -> list["os.DirEntry[str]"]:
    return [entry for entry in _entries(folder) if ".json" in entry.name]


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _newest(files: Iterable["os.DirEntry[str]"], name: str) -> bytes:
    """The content of the newest copy that can be read."""
    pattern = re.compile(rf"(?:-?\d+_)?{re.escape(name)}(?:\.json)?")
    copies = [(_time(file), file.path) for file in files if pattern.fullmatch(file.name)]
    for _, path in sorted(copies, reverse=True):
        try:
            if os.path.isfile(path) and 0 < os.path.getsize(path) <= _LARGEST:
                return Path(path).read_bytes()
        except OSError:
            continue
    return b""


def _time(file: "os.DirEntry[str]") -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
