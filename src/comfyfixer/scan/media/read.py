"""A file of any kind that can hold a workflow: which container it is, what it holds, what that needs."""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from comfyfixer.errors import WorkflowError
from comfyfixer.model.reference import Workflow
from comfyfixer.scan.knowledge import Knowledge
from comfyfixer.scan.media.a1111 import read_parameters
from comfyfixer.scan.media.boxes import is_box_file, is_still, movie_texts, still_texts
from comfyfixer.scan.media.id3 import MAGIC as ID3
from comfyfixer.scan.media.id3 import id3_texts, tag_end
from comfyfixer.scan.media.jpeg import MAGIC as JPEG
from comfyfixer.scan.media.jpeg import jpeg_texts
from comfyfixer.scan.media.matroska import MAGIC as MATROSKA
from comfyfixer.scan.media.matroska import matroska_texts
from comfyfixer.scan.media.png import MAGIC as PNG
from comfyfixer.scan.media.png import png_texts
from comfyfixer.scan.media.source import ReadAt, Source, Texts
from comfyfixer.scan.media.structured import (
    EXR,
    GLB,
    exr_texts,
    glb_texts,
    is_safetensors,
    is_svg,
    safetensors_texts,
    svg_texts,
)
from comfyfixer.scan.media.vorbis import FLAC, OGG, flac_texts, ogg_texts
from comfyfixer.scan.media.webp import is_webp, webp_texts
from comfyfixer.scan.raw import RawWorkflow
from comfyfixer.scan.read import describe
from comfyfixer.scan.recognise import Prompt, recognise

_HEAD: Final = 1024


def read_media(read_at: ReadAt, size: int, path: str, knowledge: Knowledge) -> Workflow | None:
    """What the workflow or prompt in a file of another kind needs; None where there is none.

    The workflow is read; the prompt where there is no workflow; other programs' parameters where there is neither.

    Args:
        read_at: Reads a range of the file; only the container's own parts are asked for.

    Raises:
        WorkflowError: There is a workflow or prompt in it, and it can't be read.
    """
    kind, texts = texts_of(Source(read_at, size), path)
    carried, error = first_usable(texts)
    if carried is not None:
        return describe(carried.found, path, kind, knowledge)
    for key, text in texts:
        if key == "parameters" and (made := read_parameters(text.decode("utf-8", "replace"), path, kind)):
            return made
    if error is not None:
        raise error
    return None


class Carried(NamedTuple):
    """What a container holds for ComfyUI, and the JSON text that it was read from."""

    found: RawWorkflow | Prompt
    text: bytes


def first_usable(texts: Texts) -> tuple[Carried | None, WorkflowError | None]:
    """The first workflow, else the first prompt, and why what there was could not be read."""
    prompt: Carried | None = None
    refused: WorkflowError | None = None
    for key, text in sorted(texts, key=lambda entry: entry[0] != "workflow"):
        if key == "parameters":
            continue
        plain = _as_utf8(text)
        try:
            found = recognise(plain)
        except WorkflowError as error:
            refused = refused or (error if key in ("workflow", "prompt") else None)
            continue
        if isinstance(found, RawWorkflow) and found.nodes:
            return Carried(found, plain), None
        if isinstance(found, dict):
            prompt = prompt or Carried(found, plain)
    return prompt, refused


def _as_utf8(text: bytes) -> bytes:
    """Texts are UTF-8 in fact, and Latin-1 where a writer kept to the letter of PNG; padding is cut off."""
    text = text.strip(b"\0 \t\r\n")
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1").encode()
    if text[:1] == b'"':  # some writers encode the JSON text once more
        try:
            return msgspec.json.decode(text, type=str).encode()
        except msgspec.DecodeError:
            return text
    return text


_BY_MAGIC: Final[tuple[tuple[bytes, str, Callable[[Source], Texts]], ...]] = (
    (PNG, "png", png_texts),
    (JPEG, "jpeg", jpeg_texts),
    (MATROSKA, "webm", matroska_texts),
    (OGG, "ogg", ogg_texts),
    (GLB, "glb", glb_texts),
    (EXR, "exr", exr_texts),
    (FLAC, "flac", lambda source: flac_texts(source, 0)),
)


def texts_of(source: Source, path: str) -> tuple[str, Texts]:
    """The container's kind by its first bytes, and the texts in it."""
    head = source.at(0, min(_HEAD, source.size))
    for magic, kind, reader in _BY_MAGIC:
        if head.startswith(magic):
            return "mkv" if kind == "webm" and path.lower().endswith(".mkv") else kind, reader(source)
    if is_webp(head):
        return "webp", webp_texts(source)
    if is_still(head):
        return "avif", still_texts(source)
    if is_box_file(head):
        return "mp4", movie_texts(source)
    if head.startswith(ID3):
        after = tag_end(source)
        if source.at(after, 4) == FLAC:
            return "flac", flac_texts(source, after)
        return "mp3", id3_texts(source)
    if is_svg(head):
        return "svg", svg_texts(source)
    if is_safetensors(head, source.size):
        return "latent" if path.lower().endswith(".latent") else "safetensors", safetensors_texts(source)
    return "", []
