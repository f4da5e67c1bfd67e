"""Links in notes to files: addresses that end with a name, and Markdown links that show it, also to an AIR."""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from comfyfixer.scan.graph import Graph
from comfyfixer.scan.namesakes import path_of

_NOTES: Final = frozenset({"Note", "MarkdownNote", "Note Plus (mtb)"})
_SPACES: Final = "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What `\\s` means, told one by one: then `re` looks each sign up in one table instead of trying all in turn."""

_URL: Final = re.compile(rf"https?://[^{_SPACES}<>\"'`\])}}|]{{4,2000}}")
_AIR: Final = re.compile(
    r"(?:urn:)?air:[\w.-]{0,40}:[\w.-]{0,40}:civitai:\d{1,12}@\d{1,12}(?:\+\d{1,12})?(?:\.\w{1,20})?(?=\)|\s)", re.ASCII
)
"""Civitai's short form of an address, as the target of a Markdown link: it holds no file name."""
_AFTER_URL: Final = (".", ",", ";", ":", "!", "*", "_")
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


def links_by_name(graph: Graph, names: Collection[str]) -> dict[str, list[Link]]:
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
    return [part for part in parts if isinstance(part, str) and ("http" in part or "air:" in part)]


def _links(text: str, names: Collection[str]) -> Iterator[tuple[str, Link]]:
    """Addresses of which the last part is a name, and those behind a Markdown link whose whole text is one."""
    for start, end in _naming(text, names):
        for match in _URL.finditer(text, start, end):
            url = path = match[0]
            if "?" in url or "%" in url or "#" in url or url.endswith(_AFTER_URL):
                url = url.rstrip("".join(_AFTER_URL))
                path = url_path(url)
            name = path.rpartition("/")[2]
            if name in names:
                yield name, Link(url, path, shown=False)
            elif shown := _shown(text, match.start(), names):
                yield shown.rpartition("/")[2], Link(match[0], shown, shown=True)
    for match in _AIR.finditer(text) if "air:" in text else ():
        if shown := _shown(text, match.start(), names):
            yield shown.rpartition("/")[2], Link(match[0], shown, shown=True)


def _naming(text: str, names: Collection[str]) -> list[tuple[int, int]]:
    """Where in a text the lines with a name begin and end: the only ones with an address that can mean one of them.

    Two of three addresses in notes stand elsewhere, and to look at one costs as much as to look for several names.
    """
    if "%" in text:  # signs of a name may be encoded, too
        return [(0, len(text))]
    lines: dict[int, int] = {}
    for name in names:
        found = text.find(name)
        while found >= 0:
            end = text.find("\n", found)
            end = len(text) if end < 0 else end
            lines[text.rfind("\n", 0, found) + 1] = end
            found = text.find(name, end + 1)
    return sorted(lines.items())


def _shown(text: str, start: int, names: Collection[str]) -> str | None:
    """The whole text of the Markdown link whose target begins there, where it is a name."""
    if text[start - 2 : start] != "](":
        return None
    opening = text.rfind("[", start - _LONGEST_LABEL if start > _LONGEST_LABEL else 0, start)
    label = text[opening + 1 : start - 2].strip(_DECORATION)
    if label in names:
        return label
    if "/" in label or "\\" in label:
        label = path_of(label)
        return label if label.rpartition("/")[2] in names else None
    return None
