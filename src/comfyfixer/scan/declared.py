"""Entries of `models` lists, as nodes and the top level of a workflow declare them."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from comfyfixer.model.reference import base_name
from comfyfixer.redact import redact
from comfyfixer.scan.needs import Need
from comfyfixer.scan.raw import RawNode

_ADDRESSES: Final = ("https://", "http://", "hf://", "urn:air:", "air:")
_LONGEST_URL: Final = 2_000
_HEX: Final = re.compile(r"[0-9a-f]{8,128}")
_LEGACY: Final = {"unet": "diffusion_models", "clip": "text_encoders"}
_MAX_LISTED: Final = 1_000
MAX_ENTRIES: Final = 64
_MAX_URLS: Final = 16

Entry = dict[str, Any]
Entries = Sequence[tuple[Entry, RawNode | None]]
"""Entries of one base name, each with the node that declares it (None: the top level)."""


class Declared(msgspec.Struct, frozen=True, gc=False):
    """One entry of a `models` list, as far as it is evidence for one need.

    Attributes:
        url: None too where the entry tells no more than the folder.
        own: The node that needs the file declares it itself.
    """

    url: str | None
    directory: str | None
    hashes: dict[str, str]
    origin: str
    own: bool


def entries_named(models: Any, name: str) -> list[Entry]:
    """The entries of one list with that base name."""
    if not models:
        return []
    return [entry for entry in _entries(models) if entry["name"] == name or base_name(entry["name"]) == name]


def entries_by_name(declaring: Iterable[RawNode], top_level: Any, names: Container[str]) -> Mapping[str, Entries]:
    """The entries of a workflow that have one of these base names."""
    table: dict[str, list[tuple[Entry, RawNode | None]]] = {}
    for raw in declaring:
        if raw.properties:
            _add(table, raw.properties.models, raw, names)
    if top_level:
        _add(table, top_level, None, names)
    return table


def _add(
    table: dict[str, list[tuple[Entry, RawNode | None]]], models: Any, holder: RawNode | None, names: Container[str]
) -> None:
    for entry in _entries(models):
        name = base_name(entry["name"])
        if name in names:
            known = table.setdefault(name, [])
            if len(known) < MAX_ENTRIES:
                known.append((entry, holder))


def _entries(models: Any) -> list[Entry]:
    """Entries with a name; a list that no program writes is cut."""
    listed = models[:_MAX_LISTED] if type(models) is list else ()
    return [entry for entry in listed if type(entry) is dict and type(entry.get("name")) is str]


def read_entry(entry: Entry, origin: str, *, own: bool) -> Declared:
    """All that an entry says."""
    return Declared(url_of(entry), directory_of(entry), _hashes(entry), origin, own)


def only_folder(entry: Entry) -> Declared:
    """A node's own entry of which nothing tells that it means this very file: it still tells the kind of file."""
    return Declared(None, directory_of(entry), {}, "properties", own=True)


def settled_folder(need: Need, declared: Sequence[Declared]) -> tuple[str | None, str | None]:
    """Folder and how it is known, now that the workflow's own word is heard; see `knowledge` for the order of trust."""
    if need.known_by in ("builtin", "pack", "object_info"):
        return need.folder, need.known_by
    if not declared:
        return need.folder, need.known_by
    directories = {entry.directory for entry in declared if entry.directory}
    own = [entry.directory for entry in declared if entry.directory and entry.own]
    if own:
        return own[0], "properties"
    if len(directories) == 1:
        return directories.pop(), "properties"
    return need.folder, need.known_by


def urls_of(declared: Sequence[Declared], links: Sequence[str]) -> dict[str, str]:
    """URL to origin, best first: the node's own declaration, others, the top level, notes; authors' keys left out."""
    urls: dict[str, str] = {}
    for origin in ("properties", "models") if declared else ():
        for entry in declared:
            if entry.url and entry.origin == origin:
                urls.setdefault(redact(entry.url), origin)
    for url in links:
        urls.setdefault(redact(url), "note")
    return dict(list(urls.items())[:_MAX_URLS]) if len(urls) > _MAX_URLS else urls


def hashes_of(declared: Sequence[Declared]) -> dict[str, str]:
    """Algorithm to hex; the first entry wins."""
    hashes: dict[str, str] = {}
    for entry in declared:
        if not entry.hashes:
            continue
        for algorithm, value in entry.hashes.items():
            hashes.setdefault(algorithm, value)
    return hashes


def url_of(entry: Entry) -> str | None:
    """The entry's web address, or a hub's short form of one; None where it has none that could be one."""
    value = entry.get("url")
    url = value.strip() if type(value) is str else ""
    is_url = url.startswith(_ADDRESSES) and len(url) <= _LONGEST_URL
    return url if is_url and url.isprintable() and " " not in url else None


def directory_of(entry: Entry) -> str | None:
    """ComfyUI's name of the entry's models folder."""
    value = entry.get("directory")
    if not isinstance(value, str) or not value.strip():
        return None
    return _folder_called(value)


@lru_cache(maxsize=1024)
def _folder_called(directory: str) -> str:
    name = directory.replace("\\", "/").strip(" /").removeprefix("models/")
    return _LEGACY.get(name, name)


def _hashes(entry: Entry) -> dict[str, str]:
    value = entry.get("hash")
    if not isinstance(value, str) or not _HEX.fullmatch(value.strip().lower()):
        return {}
    algorithm = entry.get("hash_type")
    value = value.strip().lower()
    if isinstance(algorithm, str) and algorithm.strip():
        return {algorithm.strip().lower().replace("-", ""): value}
    return {"sha256": value} if len(value) == 64 else {}
