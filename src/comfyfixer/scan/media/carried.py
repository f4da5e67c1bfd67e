"""The JSON text of the workflow, or else the prompt, that a picture or film carries."""

from comfyfixer.errors import WorkflowError
from comfyfixer.scan.media.read import _as_utf8, _texts
from comfyfixer.scan.media.source import ReadAt, Source
from comfyfixer.scan.raw import RawWorkflow
from comfyfixer.scan.recognise import recognise


def carried_json(read_at: ReadAt, size: int, path: str) -> bytes | None:
    """The text that `read_media` reads the needs from; None where it is no JSON (other programs' parameters).

    Raises:
        WorkflowError: The container can't be read.
    """
    _, texts = _texts(Source(read_at, size), path)
    prompt: bytes | None = None
    for key, text in sorted(texts, key=lambda entry: entry[0] != "workflow"):
        if key == "parameters":
            continue
        plain = _as_utf8(text)
        try:
            found = recognise(plain)
        except WorkflowError:
            continue
        if isinstance(found, RawWorkflow) and found.nodes:
            return plain
        if isinstance(found, dict):
            prompt = prompt or plain
    return prompt
