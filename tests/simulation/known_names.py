"""Real names of the ecosystem: what ComfyUI's templates link to, and what `names.json` lists. Facts, no files."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import msgspec

ADDRESS: Final = re.compile(r"https://huggingface.co/([^/]+/[^/]+)/(?:resolve|blob|raw)/[^/]+/([^?]+)")


class KnownNames(msgspec.Struct, frozen=True, kw_only=True):
    """What `names.json` holds.

    Attributes:
        repositories: Repository to models folder to paths.
        checkpoints: Civitai's models to their versions, whose files the site names itself.
        loras: Model, versions, file names.
        wild: Models folder to names that public workflows want, whose home is not known.
    """

    repositories: dict[str, dict[str, tuple[str, ...]]]
    checkpoints: dict[str, tuple[str, ...]]
    loras: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
    upscalers: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
    wild: dict[str, tuple[str, ...]]


def known_names() -> KnownNames:
    return msgspec.json.decode(Path(__file__).with_name("names.json").read_bytes(), type=KnownNames)


def template_files() -> Iterator[tuple[str, str, str]]:
    """Repository, path and models folder of every file that the official templates link to on Hugging Face."""
    folder = resources.files("comfyui_workflow_templates_json") / "templates"
    seen: set[tuple[str, str, str]] = set()
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".json"):
            seen.update(_linked(json.loads(file.read_bytes())))
    yield from sorted(seen)


def _linked(value: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, dict):
        url, name, directory = (value.get(key) for key in ("url", "name", "directory"))
        if isinstance(url, str) and isinstance(name, str) and isinstance(directory, str):
            match = ADDRESS.fullmatch(unquote(url.partition("?")[0]))
            if match and match[2].rpartition("/")[2] == name:
                yield match[1], match[2], directory
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _linked(inner)
