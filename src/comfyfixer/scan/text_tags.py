"""Models named inside prompt text: `embedding:NAME` by ComfyUI's own grammar, `<lora:NAME:weight>` by the packs'."""

import re
from collections.abc import Iterator
from typing import Final

EMBEDDING: Final = "embedding:"
LORA: Final = "<lora:"

_NAME: Final = re.compile(r"(?:^|(?<=[\s(),|]))embedding:((?:\\[()]|[^\s<\[()|])+)")
_WEIGHT: Final = re.compile(r":-?\d*\.?\d*$")
_LORA: Final = re.compile(r"<(?:lora|lyco|wanlora):([^<>\n:]{1,300})(?=[:>])[^<>\n]*>", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\([()])")
_LONGEST: Final = 300


def embeddings(text: str) -> Iterator[str]:
    """Names behind `embedding:` that stand at the start of a weighted part or after white space, each once.

    A name ends at white space, `<`, `[` or an unescaped parenthesis; its weight and commas after it are no part of it.
    """
    seen: set[str] = set()
    for match in _NAME.finditer(text):
        name = match[1].split(",", 1)[0]
        if len(name) > _LONGEST:
            continue
        name = _WEIGHT.sub("", name).strip(".;:'\"")
        name = _ESCAPED.sub(r"\1", name)
        if name and name not in seen:
            seen.add(name)
            yield name


def lora_tags(text: str) -> Iterator[str]:
    """Names in `<lora:NAME:weight>`, each once; `$NAME` is a variable that a pack fills in."""
    seen: set[str] = set()
    for match in _LORA.finditer(text):
        name = match[1].strip()
        if name and not name.startswith("$") and name not in seen:
            seen.add(name)
            yield name
