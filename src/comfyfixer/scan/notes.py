"""Links in notes to files: addresses that end with a name, and Markdown links that show it."""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from comfyfixer.scan.declared import LONGEST_URL
from comfyfixer.scan.graph import Graph

_NOTES: Final = frozenset({"Note", "MarkdownNote", "Note Plus (mtb)"})
_URL: Final = re.compile(r"https?://[^\s<>\"'`\])}|]{4,2000}")
_PLAIN: Final = re.compile(r"[\w.~-]+", re.ASCII)
_LONGEST_LABEL: Final = 400
_MAX_LINKS: Final = 64
_DECORATION: Final = " \t*_`~\"'“”"


class Link(msgspec.Struct, frozen=True):
    """An address behind which a note says a file is.

    Attributes:
        path: What says so, and ends with the file's name: the address's own path, or the text shown for it.
        shown: It is the text.
    """

    url: str
    path: str
    shown: bool


def note_texts(graph: Graph) -> list[str]:
    """Texts of all notes that hold an address."""
    if _NOTES.isdisjoint(graph.types):
        return []
    return [text for node in graph.nodes if node.type in _NOTES for text in _texts(node.values)]


def links_to(filename: str, texts: list[str]) -> list[Link]:
    """Links to files of exactly that base name."""
    found: dict[Link, None] = {}
    for name in (filename,) if _PLAIN.fullmatch(filename) else (filename, quote(filename)):
        for text in texts:
            for link in _links(name, text):
                if len(found) < _MAX_LINKS:
                    found[link] = None
    return list(found)


def url_path(url: str) -> str:
    """What an address names, decoded, without query and fragment."""
    return unquote(url.partition("#")[0].partition("?")[0])


def _texts(values: Any) -> list[str]:
    parts = values if isinstance(values, list) else values.values() if isinstance(values, dict) else ()
    return [part for part in parts if isinstance(part, str) and "http" in part]


def _links(name: str, text: str) -> Iterator[Link]:
    place = text.find(name)
    while place >= 0:
        end = place + len(name)
        link = _address(text, place, end) or _labelled(text, place, end)
        if link:
            yield link
        place = text.find(name, end)


def _address(text: str, place: int, end: int) -> Link | None:
    """The address of which the name is the last part."""
    start = text.rfind("http", max(0, place - LONGEST_URL), place) if place and text[place - 1] == "/" else -1
    match = _URL.match(text, start) if start >= 0 else None
    if match is None or match.end() < end:
        return None
    url = match[0].rstrip(".,;:!*_")
    is_last = url[end - start : end - start + 1] in ("", "?", "#") and "?" not in text[start:place]
    return Link(url, url_path(url), shown=False) if is_last else None


def _labelled(text: str, place: int, end: int) -> Link | None:
    """The address behind a Markdown link whose whole text is the name, with or without its folder.

    An address that itself ends with the name is `_address`'s, and says more.
    """
    close = end
    while text[close : close + 1] in tuple(_DECORATION):
        close += 1
    start = text.rfind("[", max(0, place - _LONGEST_LABEL), place) if text.startswith("](http", close) else -1
    match = _URL.match(text, close + 2) if start >= 0 else None
    if match is None or url_path(match[0]).endswith("/" + unquote(text[place:end])):
        return None
    label = text[start + 1 : end].strip(_DECORATION).replace("\\", "/")
    is_whole = label == text[place:end] or label.endswith("/" + text[place:end])
    return Link(match[0], label, shown=True) if is_whole else None
