"""A real server on loopback that answers as a test tells it, and remembers what it was asked."""

import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `promised` is the Content-Length where it is not the truth."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"{}"
    promised: int | None = None


class Loopback:
    """Serves from `__enter__` to `__exit__`; one connection may carry many requests.

    Args:
        tls: Speak https, with this certificate.
    """

    def __init__(self, answer: Callable[[Seen], Given], *, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def setup(self) -> None:
                loopback.connections += 1
                super().setup()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
                """Say nothing."""

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(method=self.command, target=self.path, headers=headers, body=body)
                loopback.seen.append(seen)
                self._send(answer(seen))

            do_POST = do_GET  # noqa: N815  # the base class's name

            def _send(self, given: Given) -> None:
                length = len(given.body) if given.promised is None else given.promised
                self.send_response(given.status)
                for name, value in given.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                try:
                    self.wfile.write(given.body)
                except OSError:
                    self.close_connection = True
                if length != len(given.body):
                    self.close_connection = True

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that goes away early is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        if tls is not None:
            # the handshake in the thread of the connection: one that fails must not end the server
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
            self.url = self.url.replace("http:", "https:")
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def redirect(location: str, status: int = 302) -> Given:
    return Given(status=status, headers=(("Location", location),), body=b"")


def json(text: str, status: int = 200, *headers: tuple[str, str]) -> Given:
    return Given(status=status, headers=(("Content-Type", "application/json"), *headers), body=text.encode())


class FakeTime:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
