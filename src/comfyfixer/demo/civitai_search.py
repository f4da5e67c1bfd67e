"""How Civitai's search engine finds models: names, authors, hashes and trigger words, never file names."""

import re
from collections.abc import Iterable

from comfyfixer.demo.catalogue import PG, CivitaiModel
from comfyfixer.demo.civitai_shapes import hashes

ONE_TYPO_FROM = 12
TWO_TYPOS_FROM = 16


def search(models: Iterable[CivitaiModel], query: str) -> list[CivitaiModel]:
    """Models that have all words of the query; words are dropped from its end until something is found."""
    words = _words(query)
    known = [(model, _searched_words(model)) for model in models]
    for count in range(len(words), 0, -1):
        found = [model for model, has in known if all(_has(has, word) for word in words[:count])]
        if found:
            return sorted(found, key=lambda model: (-model.downloads, model.id))
    return [] if words else [model for model, _ in known]


def visible(model: CivitaiModel, nsfw: bool) -> bool:
    """Without `nsfw=true` only models with a PG picture are there."""
    return nsfw or bool(model.level & PG)


def distance(one: str, other: str) -> int:
    """Edits between two words."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        above, row = row, [at]
        for to, opposite in enumerate(other, 1):
            row.append(min(above[to] + 1, row[-1] + 1, above[to - 1] + (letter != opposite)))
    return row[-1]


def _searched_words(model: CivitaiModel) -> set[str]:
    words = _words(model.name) + _words(model.creator)
    for version in model.versions:
        for trained in version.trained_words:
            words += _words(trained)
        for file in version.files:
            words += [value.lower() for value in hashes(file).values()]
    return set(words)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _has(known: set[str], word: str) -> bool:
    allowed = 2 if len(word) >= TWO_TYPOS_FROM else 1 if len(word) >= ONE_TYPO_FROM else 0
    if any(has.startswith(word) for has in known):
        return True
    return allowed > 0 and any(abs(len(has) - len(word)) <= allowed and distance(has, word) <= allowed for has in known)
