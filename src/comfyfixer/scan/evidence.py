"""What a workflow itself says about its files: `properties.models`, top-level `models`, links in notes."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from comfyfixer.model.reference import base_name
from comfyfixer.scan.graph import Node
from comfyfixer.scan.needs import Need

_NOTES: Final = frozenset({"Note", "MarkdownNote", "Note Plus (mtb)"})
_URL: Final = re.compile(r"https?://[^\s<>\"'`\])}|]{4,2000}")
_MARKDOWN_LINK: Final = re.compile(r"\[([^\]\n]{1,400})\]\((https?://[^\s)]{4,2000})\)")
_HEX: Final = re.compile(r"[0-9a-f]{8,128}")
_LEGACY: Final = {"unet": "diffusion_models", "clip": "text_encoders"}
_MAX_URLS: Final = 16


class Declared(msgspec.Struct, frozen=True):
    """One entry of a `models` list.

    Attributes:
        holder: `id()` of the node's raw data that declares it, None at the top level.
    """

    name: str
    url: str | None
    directory: str | None
    hashes: dict[str, str]
    origin: str
    holder: int | None


class Evidence:
    """All that one workflow says about files, found by their names."""

    def __init__(self, nodes: Iterable[Node], top_level: Any) -> None:
        self._nodes = nodes
        self._top_level = top_level
        self._declared: dict[str, list[Declared]] | None = None
        self._links: dict[str, list[str]] | None = None

    def declared(self, need: Need) -> list[Declared]:
        """Entries of that name that may mean this need's file: its own node's first, then those for its folder."""
        if self._declared is None:
            self._declared = _by_name(self._nodes, self._top_level)
        entries = self._declared.get(base_name(need.value))
        if not entries:
            return []
        own = [entry for entry in entries if entry.holder == id(need.node.raw)]
        others = [entry for entry in entries if entry not in own and _same_folder(entry, need)]
        return own + others

    def links(self, filename: str) -> list[str]:
        """Links in notes to a file of exactly that name."""
        if self._links is None:
            self._links = _note_links(self._nodes)
        return self._links.get(filename, [])


def _same_folder(entry: Declared, need: Need) -> bool:
    return need.folder is None or need.known_by not in ("builtin", "pack") or entry.directory in (None, need.folder)


def settled_folder(need: Need, declared: list[Declared]) -> tuple[str | None, str | None]:
    """Folder and how it is known, now that the workflow's own word is heard; see `knowledge` for the order of trust."""
    if need.known_by in ("builtin", "pack"):
        return need.folder, need.known_by
    directories = {entry.directory for entry in declared if entry.directory}
    own = [entry.directory for entry in declared if entry.directory and entry.holder == id(need.node.raw)]
    if own:
        return own[0], "properties"
    if len(directories) == 1:
        return directories.pop(), "properties"
    return need.folder, need.known_by


def urls_of(need: Need, declared: list[Declared], evidence: Evidence) -> dict[str, str]:
    """URL to origin, best first: the node's own declaration, others, the top level, notes."""
    ordered = sorted(declared, key=lambda entry: entry.origin == "models")
    found = {entry.url: entry.origin for entry in reversed(ordered) if entry.url}
    urls = {entry.url: found[entry.url] for entry in ordered if entry.url}
    for url in evidence.links(base_name(need.value)):
        urls.setdefault(url, "note")
    return dict(list(urls.items())[:_MAX_URLS])


def hashes_of(declared: list[Declared]) -> dict[str, str]:
    """Algorithm to hex; the first entry wins."""
    hashes: dict[str, str] = {}
    for entry in declared:
        for algorithm, value in entry.hashes.items():
            hashes.setdefault(algorithm, value)
    return hashes


def _by_name(nodes: Iterable[Node], top_level: Any) -> dict[str, list[Declared]]:
    table: dict[str, list[Declared]] = {}
    for entry in _entries(nodes, top_level):
        known = table.setdefault(base_name(entry.name), [])
        if entry not in known:
            known.append(entry)
    return table


def _entries(nodes: Iterable[Node], top_level: Any) -> Iterator[Declared]:
    for node in nodes:
        raw = node.raw
        if raw is not None and raw.properties is not None and raw.properties.models:
            yield from _read(raw.properties.models, "properties", id(raw))
    yield from _read(top_level, "models", None)


def _read(models: Any, origin: str, holder: int | None) -> Iterator[Declared]:
    for entry in models if isinstance(models, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"]:
            yield Declared(
                entry["name"],
                _url(entry.get("url")),
                _directory(entry.get("directory")),
                _hashes(entry),
                origin,
                holder,
            )


def _url(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and _URL.fullmatch(value.strip()) else None


def _directory(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return None
    name = value.replace("\\", "/").strip().strip("/").removeprefix("models/")
    return _LEGACY.get(name, name)


def _hashes(entry: dict[str, Any]) -> dict[str, str]:
    value = entry.get("hash")
    if not isinstance(value, str) or not _HEX.fullmatch(value.strip().lower()):
        return {}
    algorithm = entry.get("hash_type")
    value = value.strip().lower()
    if isinstance(algorithm, str) and algorithm.strip():
        return {algorithm.strip().lower().replace("-", ""): value}
    return {"sha256": value} if len(value) == 64 else {}


def _note_links(nodes: Iterable[Node]) -> dict[str, list[str]]:
    links: dict[str, list[str]] = {}
    for node in nodes:
        if node.type in _NOTES:
            for text in _texts(node.values):
                for name, url in _named_links(text):
                    known = links.setdefault(name, [])
                    if url not in known:
                        known.append(url)
    return links


def _texts(values: Any) -> list[str]:
    parts = values if isinstance(values, list) else values.values() if isinstance(values, dict) else ()
    return [part for part in parts if isinstance(part, str) and "http" in part]


def _named_links(text: str) -> Iterator[tuple[str, str]]:
    """File name and URL: the name is the URL's last part, or the text of a Markdown link."""
    for match in _URL.finditer(text):
        url = match[0].rstrip(".,;:!*_")
        yield unquote(url.partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2]), url
    for match in _MARKDOWN_LINK.finditer(text):
        yield match[1].strip(" *`_"), match[2]
