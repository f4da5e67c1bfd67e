"""Beside a placed file, on request: the metadata that LoRA managers read, and a preview picture.

`NAME.civitai.info` is the version as Civitai's API tells it (Civitai Helper and those after it), `NAME.metadata.json`
what ComfyUI-Lora-Manager reads, `NAME.preview.png` (`.jpeg`, `.webp`) what most show. What is there already stays as it
is. A sidecar that can't be had is told, and is no failure of the file.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from comfyfixer.errors import ComfyFixerError, DownloadError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.outcome import Outcome
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.placing import Order
from comfyfixer.pipeline.session import Session
from comfyfixer.redact import redact

if TYPE_CHECKING:
    from comfyfixer.net.client import Client

_MAX_PREVIEW: Final = 8 * 1024 * 1024
_MAX_INFO: Final = 4 * 1024 * 1024
_AGE_S: Final = 24 * 3600.0
_MAX_IMAGES: Final = 50


class _Image(msgspec.Struct, rename="camel"):
    url: str = ""
    nsfw_level: int = 0
    type: str = "image"


class _Model(msgspec.Struct):
    name: str | None = None
    type: str | None = None
    tags: list[str] | None = None
    description: str | None = None


class _Version(msgspec.Struct, rename="camel"):
    """What is read out of the version that is kept as it came."""

    base_model: str | None = None
    model: _Model | None = None
    images: list[_Image] | None = None


def write_sidecars(session: Session, client: "Client", order: Order, outcome: Outcome) -> None:
    """Write what is not there yet beside a file that is in its place."""
    if not outcome.success or not outcome.path:
        return
    placed = Path(openable(outcome.path))
    candidate = next((one for one in order.request.candidates if one.source == "civitai"), None)
    try:
        if candidate is not None and candidate.version_id is not None:
            _of_civitai(session, client, candidate, placed, outcome)
        else:
            _write_metadata(session, placed, outcome, order.request.candidates[0], None, None)
    except (ComfyFixerError, OSError) as error:
        why = error.message if isinstance(error, ComfyFixerError) else str(error.strerror or error)
        session.note(f"No metadata could be written beside `{outcome.filename}`: {why}")


def _of_civitai(session: Session, client: "Client", candidate: Candidate, placed: Path, outcome: Outcome) -> None:
    url = f"{session.settings.endpoints.civitai}/api/v1/model-versions/{candidate.version_id}"
    raw = client.get(url, max_age_s=_AGE_S, max_bytes=_MAX_INFO).json(dict[str, Any])
    _write(session, placed.with_suffix(".civitai.info"), _indented(raw), outcome)
    version = _read(raw)
    preview = _preview(session, client, version, placed, outcome)
    _write_metadata(session, placed, outcome, candidate, raw, preview)


def _read(raw: dict[str, Any]) -> _Version:
    try:
        return msgspec.convert(raw, _Version, strict=False)
    except msgspec.ValidationError:
        return _Version()


def _preview(
    session: Session, client: "Client", version: _Version, placed: Path, outcome: Outcome
) -> tuple[Path, int] | None:
    """The tamest picture that really is one, and its level; the one that is there, where there is one."""
    for suffix in (".preview.png", ".preview.jpeg", ".preview.webp", ".png", ".jpg", ".jpeg", ".webp"):
        if (there := placed.with_suffix(suffix)).exists():
            return there, 0
    pictures = [image for image in (version.images or [])[:_MAX_IMAGES] if image.type == "image" and image.url]
    for image in sorted(pictures, key=lambda image: image.nsfw_level)[:2]:
        data = _picture(client, image.url)
        kind = image_suffix(data) if data is not None else None
        if data is not None and kind:
            path = placed.with_suffix(f".preview{kind}")
            _write(session, path, data, outcome)
            return path, image.nsfw_level
    return None


def _picture(client: "Client", url: str) -> bytes | None:
    """The bytes of a picture of a sensible size; None where they can't be had."""
    try:
        with client.open(url, origin_trusted=True) as answer:
            if answer.status != 200 or (answer.content_length or 0) > _MAX_PREVIEW:
                return None
            data = answer.beginning(_MAX_PREVIEW + 1)
    except DownloadError:
        return None
    return data if len(data) <= _MAX_PREVIEW else None


def image_suffix(data: bytes) -> str | None:
    """The ending that the first bytes of a picture ask for; None for what is no picture that a browser shows safely."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return ".png"
    if data.startswith(b"\xff\xd8\xff"):
        return ".jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return ".webp"
    return None


def _write_metadata(
    session: Session,
    placed: Path,
    outcome: Outcome,
    candidate: Candidate,
    raw: dict[str, Any] | None,
    preview: tuple[Path, int] | None,
) -> None:
    version = _read(raw or {})
    model = version.model or _Model()
    document = {
        "file_name": placed.stem,
        "model_name": model.name or candidate.model_name or candidate.repo_id or placed.stem,
        "file_path": printable(placed).replace(os.sep, "/"),
        "size": outcome.size_bytes,
        "modified": time.time(),
        "sha256": outcome.sha256,
        "base_model": version.base_model or candidate.base_model or "Unknown",
        "preview_url": printable(preview[0]).replace(os.sep, "/") if preview else "",
        "preview_nsfw_level": preview[1] if preview else 0,
        "notes": "",
        "from_civitai": raw is not None,
        "civitai": raw or {},
        "tags": model.tags or [],
        "modelDescription": model.description or "",
        "source_url": redact(candidate.page_url or candidate.download_url),
    }
    _write(session, placed.with_suffix(".metadata.json"), _indented(document), outcome)


def _indented(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _write(session: Session, path: Path, data: bytes, outcome: Outcome) -> None:
    """Write a file whole under a name that nothing has.

    Raises:
        OSError: It can't be written.
    """
    if os.path.lexists(path):
        return
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        with contextlib.suppress(FileExistsError):
            _take_name(temporary, path)
            session.emit("sidecar.written", filename=outcome.filename, path=printable(path))
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _take_name(temporary: Path, path: Path) -> None:
    """Windows' rename refuses an existing name by itself; elsewhere a link does, where the disk knows links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError from None
        temporary.rename(path)
