"""What this room needs of the HTTP client: `net.client.Client` fits it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self


class Answer(Protocol):
    """An open answer of whatever status, read while it comes.

    Attributes:
        status: HTTP status of the last hop.
        headers: Names in lower case.
        url: Address of the last hop, without secrets.
        key_variable: Environment variable of the key that was sent along, None where none was.
    """

    status: int
    headers: Mapping[str, str]
    url: str
    key_variable: str | None

    @property
    def content_length(self) -> int | None:
        """Bytes that the body is said to have, None where the server does not say."""
        ...

    def read(self, amount: int) -> bytes:
        """At least one and at most `amount` bytes; `b""` at the end.

        Raises:
            DownloadError: `download-interrupted` or `download-stalled`, both retryable.
        """
        ...

    def read_into(self, buffer: memoryview) -> int:
        """At least one byte, and as many as are here and fit; 0 at the end.

        Raises:
            DownloadError: Like `read`.
        """
        ...

    def error_body(self) -> bytes:
        """The beginning of an answer that is no file."""
        ...

    def abort(self) -> None:
        """End the connection, from any thread: who reads is told that it ended."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class Opener(Protocol):
    """Opens addresses: follows redirects, sends keys only where they belong, refuses hosts that are not allowed."""

    def open(self, url: str, *, headers: Mapping[str, str], origin_trusted: bool) -> Answer:
        """Ask, and give the answer as soon as its head is here; 4xx and 5xx are given, not raised.

        Raises:
            DownloadError: No answer came, or the address is refused.
        """
        ...
