"""Is it what its name says? Looks at first bytes and the container's own lengths; decodes no tensor, runs nothing."""

from pathlib import Path

from comfyfixer.content import gguf, safetensors
from comfyfixer.content.archives import archive_fault
from comfyfixer.content.first_bytes import HEAD_BYTES, page_kind
from comfyfixer.content.safetensors import SAFETENSORS
from comfyfixer.errors import DownloadError


def check_is_file(path: Path, suffix: str) -> None:
    """Refuse what is never a model, whatever was promised: nothing, a page, a pointer, an error in JSON.

    Raises:
        DownloadError: `not-a-model-file`.
        OSError: The file can't be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise not_a_model("nothing at all: 0 bytes")
    if kind := page_kind(head, suffix):
        raise not_a_model(kind)


def container_fault(path: Path, suffix: str) -> str | None:
    """Why a file is not what its suffix says, for a message; None where it is, or nothing is known of the suffix."""
    if suffix in SAFETENSORS:
        reason = safetensors.read(path).fault
        return f"no whole safetensors file: {reason}" if reason else None
    if suffix == ".gguf":
        reason = gguf.read(path).fault
        return f"no whole GGUF file: {reason}" if reason else None
    if suffix == ".zip":
        fault = archive_fault(path, suffix)
        return fault.text if fault else None
    return None


def speaks_format(path: Path, suffix: str) -> bool:
    """True where the file begins as files of its suffix do, whatever else is odd."""
    if suffix in SAFETENSORS:
        return safetensors.speaks_safetensors(path)
    with path.open("rb") as file:
        return suffix == ".gguf" and file.read(len(gguf.MAGIC)) == gguf.MAGIC


def not_a_model(what: str) -> DownloadError:
    """The error for bytes that are `what`."""
    return DownloadError(
        f"What came is {what}",
        code="not-a-model-file",
        hint="Open the file's page in a browser; the hub may ask for a log-in, or the link may be wrong",
    )
