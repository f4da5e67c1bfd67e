"""A file server on loopback whose every answer can be told to go wrong in one way."""

import http.server
import re
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

Answer = Callable[["Exchange"], None]

_DROP = 1024
_DROP_EVERY_S = 0.005


class Exchange(http.server.BaseHTTPRequestHandler):
    """One connection; the origin is asked what to answer."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        self.server.origin.answer(self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Tests look at `Origin.requests` instead."""

    def head(self, status: int, **headers: str | int | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    origin: "Origin"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the game."""


class Origin:
    """Serves `body`, rightly, unless `script` has answers left: those come first, one a request.

    Attributes:
        requests: Header of each request, with lower-case names, and its `path`.
    """

    def __init__(self, body: bytes = b"", etag: str | None = '"v1"') -> None:
        self.body = body
        self.etag = etag
        self.script: list[Answer] = []
        self.requests: list[dict[str, str]] = []
        self._server = _Server(("127.0.0.1", 0), Exchange)
        self._server.origin = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def ranges(self) -> list[str | None]:
        """`Range` of each request."""
        return [request.get("range") for request in self.requests]

    def answer(self, exchange: Exchange) -> None:
        self.requests.append(
            {name.lower(): value for name, value in exchange.headers.items()} | {"path": exchange.path}
        )
        (self.script.pop(0) if self.script else serve())(exchange)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def serve(
    *,
    cut_after: int | None = None,
    ranges: bool = True,
    shift: int = 0,
    length: int | None = -1,
    body: bytes | None = None,
    hold_at: int | None = None,
    until: threading.Event | None = None,
    drips: bool = False,
    content_type: str = "application/octet-stream",
) -> Answer:
    """The file, or the range that is asked for.

    Args:
        cut_after: Hang up after so many bytes of this answer.
        ranges: False ignores `Range`.
        shift: A 206 begins so many bytes further than asked.
        length: The `Content-Length` to claim for a 200; None claims none.
        hold_at: Send so many bytes, and the rest only after `until`.
        drips: Meanwhile drops come: a client that looks at what comes goes on looking.
    """

    def answer(exchange: Exchange) -> None:
        origin = exchange.server.origin
        whole = origin.body if body is None else body
        start = _start(exchange, origin) if ranges else None
        if start is not None and start >= len(whole):
            exchange.head(416, Content_Range=f"bytes */{len(whole)}", Content_Length=0)
            return
        if start is None:
            sent = whole
            claimed = len(whole) if length == -1 else length
            close = "close" if claimed is None else None
            exchange.head(200, Content_Length=claimed, ETag=origin.etag, Content_Type=content_type, Connection=close)
        else:
            end = _end(exchange, len(whole))
            sent = whole[start + shift : end]
            told = f"bytes {start + shift}-{end - 1}/{len(whole)}"
            exchange.head(
                206, Content_Length=len(sent), Content_Range=told, ETag=origin.etag, Content_Type=content_type
            )
        if hold_at is not None and until is not None:
            exchange.wfile.write(sent[:hold_at])
            exchange.wfile.flush()
            sent = _held(exchange, sent[hold_at:], until, drips=drips)
        exchange.wfile.write(sent[:cut_after])
        if cut_after is not None or length != -1:
            exchange.hang_up()

    return answer


def _held(exchange: Exchange, rest: bytes, until: threading.Event, *, drips: bool) -> bytes:
    """Wait, and give what is left to send."""
    if not drips:
        until.wait(30)
        return rest
    while rest and not until.wait(_DROP_EVERY_S):
        exchange.wfile.write(rest[:_DROP])
        rest = rest[_DROP:]
    return rest


def status(code: int, body: bytes = b"", headers: Mapping[str, str] = {}) -> Answer:
    """An answer with this status, and nothing of the file."""

    def answer(exchange: Exchange) -> None:
        exchange.head(code, Content_Length=len(body), **headers)
        exchange.wfile.write(body)

    return answer


def redirect(url: str) -> Answer:
    """307, as the hubs send to their storages."""
    return status(307, headers={"Location": url})


def _start(exchange: Exchange, origin: Origin) -> int | None:
    """First byte of the range that is to be served, None for the whole file."""
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", exchange.headers.get("Range", ""))
    condition = exchange.headers.get("If-Range")
    if asked is None or (condition is not None and condition != origin.etag):
        return None
    return int(asked[1])


def _end(exchange: Exchange, size: int) -> int:
    last = exchange.headers.get("Range", "").rpartition("-")[2]
    return min(size, int(last) + 1) if last else size
