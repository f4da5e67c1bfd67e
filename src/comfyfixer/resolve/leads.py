"""Indexes that name files with their addresses, read out of their documents; looked up by the exact name. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from comfyfixer.model.lead import Lead
from comfyfixer.redact import plain

INDEXES: Final = ("templates", "manager", "pack")
"""The most trusted first."""
_ODD: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAX_NAME: Final = 255
_MAX_URL: Final = 4096
_MAX_ROWS: Final = 20_000
_FOLDER_OF_TYPE: Final = {
    "checkpoint": "checkpoints", "checkpoints": "checkpoints", "unclip": "checkpoints", "clip": "text_encoders",
    "vae": "vae", "lora": "loras", "t2i-adapter": "controlnet", "t2i-style": "controlnet", "controlnet": "controlnet",
    "clip_vision": "clip_vision", "gligen": "gligen", "upscale": "upscale_models", "embedding": "embeddings",
    "embeddings": "embeddings", "unet": "diffusion_models", "diffusion_model": "diffusion_models",
}  # fmt: skip
"""Where ComfyUI-Manager 4.3 saves a file whose `save_path` is `default`, by its `type`."""


class Leads:
    """All indexes together, by exact file name.

    Args:
        leads: Repeats of the same file at the same address count once, for the most trusted index.
    """

    def __init__(self, leads: Iterable[Lead] = ()) -> None:
        self._by_name: dict[str, list[Lead]] = defaultdict(list)
        seen: set[tuple[str, str, str | None]] = set()
        for lead in sorted(leads, key=lambda lead: INDEXES.index(lead.index)):
            key = (lead.filename, lead.url.partition("?")[0].replace("/blob/", "/resolve/"), lead.folder)
            if key not in seen:
                seen.add(key)
                self._by_name[lead.filename].append(lead)

    def named(self, filename: str) -> list[Lead]:
        """Those of exactly this name, the most trusted index first."""
        return list(self._by_name.get(filename, ()))

    def __iter__(self) -> Iterator[Lead]:
        for leads in self._by_name.values():
            yield from leads


def of_workflow(document: bytes, named_by: str) -> list[Lead]:
    """The files that an official template declares, in `properties.models` of its nodes or at its top level."""
    return [lead for row in _declared(_decoded(document)) if (lead := _template_lead(row, named_by))]


def of_manager(document: bytes, named_by: str) -> list[Lead]:
    """The rows of ComfyUI-Manager's `model-list.json`."""
    root = _decoded(document)
    rows = root.get("models") if isinstance(root, dict) else None
    return [lead for row in _rows(rows) if (lead := _manager_lead(row, named_by))]


def of_pack(project: Any, named_by: str) -> list[Lead]:
    """`[tool.comfy] Models = [{location, model_url}]` of a node pack's `pyproject.toml`."""
    for part in ("tool", "comfy", "Models"):
        project = project.get(part) if isinstance(project, dict) else None
    return [lead for row in _rows(project) if (lead := _pack_lead(row, named_by))]


def _decoded(document: bytes) -> Any:
    try:
        return msgspec.json.decode(document)
    except _ODD:
        return None


def _rows(rows: Any) -> list[dict[str, Any]]:
    return [row for row in rows[:_MAX_ROWS] if isinstance(row, dict)] if isinstance(rows, list) else []


def _declared(root: Any) -> Iterator[dict[str, Any]]:
    """Rows of every list called `models`, however deep: subgraphs hold nodes too."""
    pending = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield from _rows(value.get("models"))
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _template_lead(row: dict[str, Any], named_by: str) -> Lead | None:
    is_sha256 = str(row.get("hash_type", "")).lower().replace("-", "") == "sha256"
    return _lead(
        row.get("name"),
        row.get("url"),
        row.get("directory"),
        index="templates",
        named_by=named_by,
        sha256=row.get("hash") if is_sha256 else None,
    )


def _manager_lead(row: dict[str, Any], named_by: str) -> Lead | None:
    """A `filename` such as `<huggingface>` stands for a whole repository."""
    place, kind = row.get("save_path"), row.get("type")
    if place == "default":
        place = _FOLDER_OF_TYPE.get(kind.lower()) if isinstance(kind, str) else None
    return _lead(row.get("filename"), row.get("url"), _first_part(place), index="manager", named_by=named_by)


def _pack_lead(row: dict[str, Any], named_by: str) -> Lead | None:
    """`location` is a path below ComfyUI or below its `models`: `models/checkpoints/x.safetensors`."""
    location = row.get("location")
    if not isinstance(location, str):
        return None
    parts = [part for part in location.replace("\\", "/").split("/") if part not in ("", ".")]
    parts = parts[1:] if parts[:1] == ["models"] else parts
    folder = parts[0] if len(parts) > 1 else None
    return _lead(parts[-1] if parts else None, row.get("model_url"), folder, index="pack", named_by=named_by)


def _first_part(place: Any) -> str | None:
    """The models folder of a place such as `checkpoints/FLUX1`; none for one inside a node pack."""
    first = place.replace("\\", "/").partition("/")[0] if isinstance(place, str) else ""
    return first if first not in ("", "custom_nodes", "etc") else None


def _lead(filename: Any, url: Any, folder: Any, *, index: str, named_by: str, sha256: Any = None) -> Lead | None:
    if not (isinstance(filename, str) and isinstance(url, str)) or len(url) > _MAX_URL:
        return None
    name = filename.replace("\\", "/").rpartition("/")[2]
    if not 0 < len(name) <= _MAX_NAME or not name.isprintable() or "<" in name:
        return None
    digest = sha256.lower() if isinstance(sha256, str) else ""
    return Lead(
        filename=name,
        url=url,
        folder=folder if isinstance(folder, str) and folder.isprintable() and folder else None,
        index=index,
        named_by=plain(named_by),
        sha256=digest if _SHA256.fullmatch(digest) else None,
    )
