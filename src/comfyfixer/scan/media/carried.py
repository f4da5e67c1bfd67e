"""The JSON text of the workflow, or else the prompt, that a picture or film carries."""

from comfyfixer.scan.media.read import first_usable, texts_of
from comfyfixer.scan.media.source import ReadAt, Source


def carried_json(read_at: ReadAt, size: int, path: str) -> bytes | None:
    """The text that `read_media` reads the needs from; None where it is no JSON (other programs' parameters)."""
    _, texts = texts_of(Source(read_at, size), path)
    carried, _ = first_usable(texts)
    return carried.text if carried else None
