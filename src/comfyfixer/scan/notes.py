"""Links in notes to files: addresses that end with a name, and Markdown links that show it."""

import re
from collections.abc import Container, Iterator
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from comfyfixer.model.reference import base_name
from comfyfixer.scan.graph import Graph

_NOTES: Final = frozenset({"Note", "MarkdownNote", "Note Plus (mtb)"})
_URL: Final = re.compile(r"https?://[^\s<>\"'`\])}|]{4,2000}")
_AFTER_URL: Final = ".,;:!*_"
_MORE_THAN_NAME: Final = re.compile(r"[?#%]|[.,;:!*_]$")
_LONGEST_LABEL: Final = 400
_DECORATION: Final = " \t*_`~\"'“”"
_MAX_LINKS: Final = 64


class Link(msgspec.Struct, frozen=True, gc=False):
    """An address behind which a note says a file is.

    Attributes:
        path: What says so, and ends with the file's name: the address's own path, or the text shown for it.
        shown: It is the text.
    """

    url: str
    path: str
    shown: bool


def links_by_name(graph: Graph, names: Container[str]) -> dict[str, list[Link]]:
    """The links in notes to files of these base names, each once."""
    table: dict[str, list[Link]] = {}
    if _NOTES.isdisjoint(graph.types):
        return table
    for node in graph.nodes:
        for text in _texts(node.values) if node.type in _NOTES else ():
            for name, link in _links(text, names):
                known = table.setdefault(name, [])
                if len(known) < _MAX_LINKS and link not in known:
                    known.append(link)
    return table


def url_path(url: str) -> str:
    """What an address names, decoded, without query and fragment."""
    return unquote(url.partition("#")[0].partition("?")[0])


def _texts(values: Any) -> list[str]:
    parts = values if isinstance(values, list) else values.values() if isinstance(values, dict) else ()
    return [part for part in parts if isinstance(part, str) and "http" in part]


def _links(text: str, names: Container[str]) -> Iterator[tuple[str, Link]]:
    """Addresses of which the last part is a name, and those behind a Markdown link whose whole text is one."""
    for match in _URL.finditer(text):
        url, start = match[0], match.start()
        name = url.rpartition("/")[2]
        if _MORE_THAN_NAME.search(url):
            url = url.rstrip(_AFTER_URL)
            name = base_name(url_path(url))
        if name in names:
            yield name, Link(url, url_path(url), shown=False)
        elif text[max(0, start - 2) : start] == "](":
            label = text[max(0, start - _LONGEST_LABEL) : start - 2].rpartition("[")[2]
            label = label.strip(_DECORATION).replace("\\", "/")
            if (name := base_name(label)) in names:
                yield name, Link(match[0], label, shown=True)
