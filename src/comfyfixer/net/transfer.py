"""A body that is read while it comes: one download."""

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from comfyfixer.errors import DownloadError
from comfyfixer.net.failures import network_errors, translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse

MAX_READ: Final = 1024 * 1024
_MAX_ERROR_BODY: Final = 64 * 1024


class Transfer:
    """An open answer, of whatever status.

    Attributes:
        status: HTTP status of the last hop; 4xx and 5xx are told here, not raised.
        headers: Names in lower case.
        url: Address of the last hop, without secrets.
    """

    def __init__(self, response: "BaseHTTPResponse", url: str) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = lower_headers(response)
        self.url = url
        self._response = response

    @property
    def content_length(self) -> int | None:
        """Bytes that this answer's body has, None where the server does not say."""
        text = self.headers.get("content-length", "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None

    def read(self, amount: int = MAX_READ) -> bytes:
        """The bytes that are here, at least one and at most `amount` or 1 MiB; `b""` at the end.

        Raises:
            DownloadError: `download-interrupted` (the connection ended too early) or `download-stalled` (no byte came
                for the configured time); both retryable.
        """
        try:
            return self._response.read1(min(amount, MAX_READ), decode_content=False)
        except network_errors() as error:
            failure = translated(error, self.url)
            code = "download-stalled" if failure.code == "hub-timeout" else "download-interrupted"
            raise DownloadError(
                failure.message, code=code, hint="`comfyfixer resume` goes on from here", retryable=True
            ) from error

    def error_body(self) -> bytes:
        """The beginning (64 KiB) of an answer that is no file; empty where it can't be read."""
        body = bytearray()
        try:
            while len(body) < _MAX_ERROR_BODY and (chunk := self.read(_MAX_ERROR_BODY - len(body))):
                body += chunk
        except DownloadError:
            return bytes(body)
        return bytes(body)

    def close(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        if not self._response.closed and self._response.length_remaining != 0:
            self._response.close()
        self._response.release_conn()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def lower_headers(response: "BaseHTTPResponse") -> dict[str, str]:
    """Header names in lower case; of a repeated one the values are joined by a comma."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    return headers
