"""A body that is read while it comes: one download."""

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

import msgspec

from comfyfixer.errors import DownloadError
from comfyfixer.net.failures import network_errors, translated
from comfyfixer.net.hops import end
from comfyfixer.net.patience import Patience
from comfyfixer.redact import Secrets, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse

    from comfyfixer.net.body import Body

MAX_READ: Final = 1024 * 1024
_MAX_ERROR_BODY: Final = 64 * 1024


class Transfer:
    """An open answer, of whatever status. What it tells beside the file itself comes without the run's keys.

    Args:
        body: The bytes beneath the answer, where they can be read without the HTTP library.

    Attributes:
        status: HTTP status of the last hop; 4xx and 5xx are told here, not raised.
        headers: Names in lower case.
        url: Address of the last hop, without secrets.
        key_variable: Environment variable of the key that the answering host got, None where it got none.
    """

    def __init__(
        self,
        response: "BaseHTTPResponse",
        url: str,
        secrets: Secrets,
        patience: Patience,
        *,
        body: "Body | None" = None,
        key_variable: str | None = None,
    ) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = lower_headers(response, secrets)
        self.url = redact(secrets.hidden(url))
        self._host = urlsplit(self.url).netloc
        self.key_variable = key_variable
        self._response = response
        self._body = body
        self._patience = patience
        self._secrets = secrets

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
            if self._body is None:  # in chunks: the line before a chunk is read to its end, byte by byte
                with self._patience.limit(self.abort):
                    return self._response.read1(min(amount, MAX_READ), decode_content=False)
            return self._response.read1(min(amount, MAX_READ), decode_content=False)
        except network_errors() as error:
            raise self._broken_off(error) from error

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer with what is here, at least one byte; 0 at the end.

        Raises:
            DownloadError: Like `read`.
        """
        if self._body is None:
            chunk = self.read(len(buffer))
            buffer[: len(chunk)] = chunk
            return len(chunk)
        try:
            return self._body.gather(buffer)
        except network_errors() as error:
            raise self._broken_off(error) from error

    def beginning(self, amount: int) -> bytes:
        """The next `amount` bytes, fewer only where the body ends: for what is small, and has to come within a while.

        Raises:
            DownloadError: Like `read`.
        """
        data = bytearray()
        try:
            with self._patience.limit(self.abort):
                while len(data) < amount and (chunk := self.read(amount - len(data))):
                    data += chunk
        except TimeoutError as error:
            raise self._broken_off(error) from error
        return bytes(data)

    def error_body(self) -> bytes:
        """The beginning (64 KiB) of an answer that is no file; empty where it can't be read."""
        body = bytearray()
        try:
            with self._patience.limit(self.abort):
                while len(body) < _MAX_ERROR_BODY and (chunk := self.read(_MAX_ERROR_BODY - len(body))):
                    body += chunk
        except (DownloadError, TimeoutError):
            pass
        return without_keys(bytes(body), self._secrets)

    def abort(self) -> None:
        """End the connection, from any thread: who reads is told that it ended."""
        end(self._response)

    def close(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        left = self._response.length_remaining if self._body is None else self._body.length
        if not self._response.closed and left != 0:
            self._response.close()
        self._response.release_conn()

    def _broken_off(self, error: Exception) -> DownloadError:
        failure = translated(error, self._host)
        code = "download-stalled" if failure.code == "hub-timeout" else "download-interrupted"
        return DownloadError(failure.message, code=code, hint="`comfyfixer resume` goes on from here", retryable=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def lower_headers(response: "BaseHTTPResponse", secrets: Secrets) -> dict[str, str]:
    """Header names in lower case; of a repeated one the values are joined by a comma."""
    headers: dict[str, str] = {}
    for name, shown in response.headers.items():
        value = secrets.hidden(shown)
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    return headers


def without_keys(body: bytes, secrets: Secrets) -> bytes:
    """The same body, or one with `***` where it held a key, also one written in JSON's escapes."""
    if secrets.are_in(body):
        body = secrets.hidden(body.decode(errors="replace")).encode()
    if b"\\u00" not in body:
        return body
    try:
        value = msgspec.json.decode(body)
        return msgspec.json.encode(secrets.hidden_deep(value)) if secrets.are_in(msgspec.json.encode(value)) else body
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return body
