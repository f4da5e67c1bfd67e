"""The beginning of a safetensors file on a hub, asked for and read as far as its header goes."""

from typing import Final

from comfyfixer.content.safetensors import LENGTH_BYTES, Header, parse
from comfyfixer.errors import DownloadError, SourceError
from comfyfixer.net.client import Client
from comfyfixer.net.transfer import Transfer

_MAX_HEADER: Final = 1 << 20
_LATER: Final = "Run the same command again later"


def read_remote_header(client: Client, url: str) -> Header | None:
    """The header; None where the file is not given, is no safetensors file, or its header exceeds 1 MiB.

    Raises:
        SourceError: The file could not be asked for now.
    """
    wanted = {"Range": f"bytes=0-{_MAX_HEADER - 1}"}
    try:
        with client.open(url, headers=wanted, origin_trusted=True) as transfer:
            if transfer.status == 429 or transfer.status >= 500:
                message = f"The beginning of the file could not be read (HTTP {transfer.status})"
                raise SourceError(message, code="hub-error", hint=_LATER, status=transfer.status)
            return parse(_header(transfer)) if transfer.status in (200, 206) else None
    except DownloadError as error:
        raise SourceError(error.message, code=error.code, hint=error.hint or _LATER) from error


def _header(transfer: Transfer) -> bytes:
    length = int.from_bytes(transfer.beginning(LENGTH_BYTES), "little")
    return transfer.beginning(length) if length <= _MAX_HEADER - LENGTH_BYTES else b""
