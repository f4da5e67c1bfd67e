"""What a workflow itself says about its files, and for which of them: `properties.models`, `models`, notes."""

from collections.abc import Sequence
from typing import Any

from comfyfixer.scan.declared import (
    MAX_ENTRIES,
    Declared,
    Entries,
    Entry,
    directory_of,
    entries_by_name,
    entries_named,
    only_folder,
    read_entry,
    url_of,
)
from comfyfixer.scan.graph import Graph
from comfyfixer.scan.namesakes import File, Namesakes, certain_folder, file_of, is_generic, path_of, singles_out
from comfyfixer.scan.needs import Need
from comfyfixer.scan.notes import Link, links_by_name, url_path


class Evidence:
    """All that one workflow says about files, found by their names."""

    def __init__(self, graph: Graph, top_level: Any, needs: list[Need]) -> None:
        self._namesakes = Namesakes(needs)
        self._entries = entries_by_name(graph.declaring, top_level, self._namesakes.names)
        self._links = links_by_name(graph, self._namesakes.names)

    def of(self, need: Need, name: str) -> tuple[Sequence[Declared], Sequence[str]]:
        """Entries that mean this need's file, or tell at least its folder, and links in notes that mean it.

        Its own node's entries come first, also those that tell its folder only.
        """
        entries, links = self._entries.get(name, ()), self._links.get(name, ())
        if not entries and not links:
            return (), ()
        shared = self._namesakes.share(name)
        own = _own(entries, need, name)
        declared = [
            read_entry(entry, "properties", own=True)
            if (not shared and entry["name"] == name) or self._own_means(entry, need, name, shared)
            else only_folder(entry)
            for entry in own
        ]
        if (len(entries) <= len(own) and not links) or is_generic(name) or (shared and self._namesakes.too_many(name)):
            return declared, ()  # nobody but the node itself can say which of so many files is meant
        if len(entries) > len(own):
            declared += self._of_others(entries, need, name, shared)
        if not links:
            return declared, ()
        return declared, [
            link.url for link in links if not (shared or link.shown) or self._link_means(link, need, name, shared)
        ]

    def _of_others(self, entries: Entries, need: Need, name: str, shared: bool) -> list[Declared]:
        raw = need.node.raw
        return [
            read_entry(entry, "models" if holder is None else "properties", own=False)
            for entry, holder in entries
            if (holder is not raw or raw is None) and self._other_means(entry, need, name, shared)
        ]

    def _own_means(self, entry: Entry, need: Need, name: str, shared: bool) -> bool:
        """Among namesakes elsewhere, the node's own word counts where it is the whole value."""
        named = path_of(entry["name"])
        if "/" in named or not shared:
            return "/" not in named or named == path_of(need.value)
        file, directory = file_of(need), directory_of(entry)
        elsewhere = _is_elsewhere(directory, need)
        if self._namesakes.too_many(name):
            return False
        others = self._namesakes.rivals(file, name, None if elsewhere else directory)
        if not others or elsewhere:
            return not others
        alone = not self._namesakes.at_node(need.node.raw, name, others)
        return (alone and named == file.path) or _url_singles_out(entry, file, others)

    def _other_means(self, entry: Entry, need: Need, name: str, shared: bool) -> bool:
        named, directory = path_of(entry["name"]), directory_of(entry)
        if _is_elsewhere(directory, need) or ("/" in named and named != path_of(need.value)):
            return False
        if not shared:
            return True
        file = file_of(need)
        others = self._namesakes.rivals(file, name, directory)
        return not others or singles_out(named, file, others) or _url_singles_out(entry, file, others)

    def _link_means(self, link: Link, need: Need, name: str, shared: bool) -> bool:
        if link.shown and "/" in link.path and link.path != path_of(need.value):
            return False
        if not shared:
            return True
        file = file_of(need)
        others = self._namesakes.rivals(file, name, None)
        return not others or singles_out(link.path, file, others)


def _own(entries: Entries, need: Need, name: str) -> list[Entry]:
    """What the need's own node declares; a table that is full may lack it."""
    raw = need.node.raw
    if raw is None:
        return []
    if len(entries) < MAX_ENTRIES:
        return [entry for entry, holder in entries if holder is raw]
    return entries_named(raw.properties.models if raw.properties is not None else None, name)


def _is_elsewhere(directory: str | None, need: Need) -> bool:
    folder = certain_folder(need)
    return directory is not None and folder is not None and directory != folder


def _url_singles_out(entry: Entry, file: File, others: list[File]) -> bool:
    url = url_of(entry)
    return url is not None and singles_out(url_path(url), file, others)
