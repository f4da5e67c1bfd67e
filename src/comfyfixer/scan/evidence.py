"""What a workflow itself says about its files: `properties.models`, top-level `models`, links in notes."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

import msgspec

from comfyfixer.model.reference import base_name
from comfyfixer.redact import redact
from comfyfixer.scan.graph import Graph
from comfyfixer.scan.needs import Need
from comfyfixer.scan.raw import RawNode

_NOTES: Final = frozenset({"Note", "MarkdownNote", "Note Plus (mtb)"})
_URL: Final = re.compile(r"https?://[^\s<>\"'`\])}|]{4,2000}")
_LONGEST_URL: Final = 2_000
_PLAIN: Final = re.compile(r"[\w.~-]+", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-f]{8,128}")
_LEGACY: Final = {"unet": "diffusion_models", "clip": "text_encoders"}
_MAX_LISTED: Final = 1_000
_MAX_ENTRIES: Final = 64
_MAX_URLS: Final = 16


class Declared(msgspec.Struct, frozen=True):
    """One entry of a `models` list.

    Attributes:
        own: The node that needs the file declares it itself.
    """

    url: str | None
    directory: str | None
    hashes: dict[str, str]
    origin: str
    own: bool


class Evidence:
    """All that one workflow says about files, found by their names."""

    def __init__(self, graph: Graph, top_level: Any) -> None:
        self._graph = graph
        self._top_level = top_level
        self._entries: dict[str, list[tuple[dict[str, Any], RawNode | None]]] | None = None
        self._notes: list[str] | None = None
        self._links: dict[str, list[str]] = {}

    def declared(self, need: Need, name: str) -> list[Declared]:
        """Entries of that name that may mean this need's file: its own node's first, then those for its folder."""
        if self._entries is None:
            self._entries = _by_name(self._graph.declaring, self._top_level)
        raw = need.node.raw
        own = [_read(entry, "properties", own=True) for entry in _own_entries(raw, name)]
        entries = self._entries.get(name, ())
        if len(entries) <= len(own):
            return own
        return own + [
            _read(entry, "models" if holder is None else "properties", own=False)
            for entry, holder in entries
            if (holder is not raw or raw is None) and _may_mean(entry, need)
        ]

    def links(self, filename: str) -> list[str]:
        """Links in notes to a file of exactly that name."""
        if self._notes is None:
            self._notes = _notes(self._graph)
        if not self._notes:
            return []
        if filename not in self._links:
            self._links[filename] = self._find_links(filename, self._notes)
        return self._links[filename]

    def _find_links(self, filename: str, notes: list[str]) -> list[str]:
        found: dict[str, None] = {}
        for name in (filename,) if _PLAIN.fullmatch(filename) else (filename, quote(filename)):
            for text in notes:
                found.update(dict.fromkeys(_links_to(name, text)))
        return list(found)


def _own_entries(raw: RawNode | None, name: str) -> list[dict[str, Any]]:
    models = raw.properties.models if raw is not None and raw.properties is not None else None
    return [entry for entry in _entries(models) if base_name(entry["name"]) == name] if models else []


def _entries(models: Any) -> list[dict[str, Any]]:
    """Entries with a name; a list that no program writes is cut."""
    listed = models[:_MAX_LISTED] if type(models) is list else ()
    return [entry for entry in listed if type(entry) is dict and type(entry.get("name")) is str]


def _may_mean(entry: dict[str, Any], need: Need) -> bool:
    """An entry for another folder is another file, where the need's folder is certain."""
    if need.folder is None or need.known_by not in ("builtin", "pack"):
        return True
    return _directory(entry.get("directory")) in (None, need.folder)


def settled_folder(need: Need, declared: list[Declared]) -> tuple[str | None, str | None]:
    """Folder and how it is known, now that the workflow's own word is heard; see `knowledge` for the order of trust."""
    if need.known_by in ("builtin", "pack"):
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


def urls_of(declared: list[Declared], links: list[str]) -> dict[str, str]:
    """URL to origin, best first: the node's own declaration, others, the top level, notes; authors' keys left out."""
    urls: dict[str, str] = {}
    for origin in ("properties", "models") if declared else ():
        for entry in declared:
            if entry.url and entry.origin == origin:
                urls.setdefault(redact(entry.url), origin)
    for url in links:
        urls.setdefault(redact(url), "note")
    return dict(list(urls.items())[:_MAX_URLS]) if len(urls) > _MAX_URLS else urls


def hashes_of(declared: list[Declared]) -> dict[str, str]:
    """Algorithm to hex; the first entry wins."""
    hashes: dict[str, str] = {}
    for entry in declared:
        if not entry.hashes:
            continue
        for algorithm, value in entry.hashes.items():
            hashes.setdefault(algorithm, value)
    return hashes


def _notes(graph: Graph) -> list[str]:
    if _NOTES.isdisjoint(graph.types):
        return []
    return [text for node in graph.nodes if node.type in _NOTES for text in _texts(node.values)]


def _by_name(declaring: Iterable[RawNode], top_level: Any) -> dict[str, list[tuple[dict[str, Any], RawNode | None]]]:
    """Entries by base name, each with the node that declares it (None: the top level)."""
    table: dict[str, list[tuple[dict[str, Any], RawNode | None]]] = {}
    lists: list[tuple[Any, RawNode | None]] = [(raw.properties.models, raw) for raw in declaring if raw.properties]
    for models, holder in [*lists, (top_level, None)]:
        for entry in _entries(models):
            known = table.setdefault(base_name(entry["name"]), [])
            if len(known) < _MAX_ENTRIES:
                known.append((entry, holder))
    return table


def _read(entry: dict[str, Any], origin: str, *, own: bool) -> Declared:
    return Declared(_url(entry.get("url")), _directory(entry.get("directory")), _hashes(entry), origin, own)


def _url(value: Any) -> str | None:
    url = value.strip() if type(value) is str else ""
    is_url = url.startswith(("https://", "http://")) and len(url) <= _LONGEST_URL
    return url if is_url and url.isprintable() and " " not in url else None


def _directory(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return None
    name = value.replace("\\", "/").strip(" /").removeprefix("models/")
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


def _texts(values: Any) -> list[str]:
    parts = values if isinstance(values, list) else values.values() if isinstance(values, dict) else ()
    return [part for part in parts if isinstance(part, str) and "http" in part]


def _links_to(filename: str, text: str) -> Iterator[str]:
    """URLs whose last part is the name, and those behind a Markdown link that shows it."""
    place = text.find(filename)
    while place >= 0:
        end = place + len(filename)
        if place and text[place - 1] == "/":
            start = text.rfind("http", max(0, place - _LONGEST_URL), place)
            match = _URL.match(text, start) if start >= 0 else None
            if match and match.end() >= end:
                url = match[0].rstrip(".,;:!*_")
                if url[end - start : end - start + 1] in ("", "?", "#"):
                    yield url
        elif text.startswith("](http", end) and (match := _URL.match(text, end + 2)):
            yield match[0]
        place = text.find(filename, end)
