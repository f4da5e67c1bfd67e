"""The embedded hub's sockets: one listening port for each end point, a thread for each connection."""

import contextlib
import selectors
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from comfyfixer.demo.delivery import Delivery, altered, body_pieces
from comfyfixer.demo.exchange import Request, Response

LOOPBACK: Final = "127.0.0.1"
LARGEST_BODY_BYTES: Final = 1 << 20
DRIPS_PER_SECOND: Final = 20

Answer = Callable[[Request], tuple[Response, Delivery]]
PassGate = Callable[[str], None]


class EndPoint(ThreadingHTTPServer):
    """One port. Handler threads are remembered so that closing ends them all."""

    daemon_threads = True
    request_queue_size = 128
    timeout = 0

    def __init__(self, role: str, answer: Answer, pass_gate: PassGate, stopped: threading.Event) -> None:
        super().__init__((LOOPBACK, 0), Handler)
        self.role = role
        self.answer = answer
        self.pass_gate = pass_gate
        self.stopped = stopped
        self.failures: list[BaseException] = []
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name, which takes seconds on some systems."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """One thread for each connection."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """The connection is over."""
        super().shutdown_request(request)
        with self._lock:
            self._open.pop(request, None)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A client that went away is no error; anything else is one of the hub."""
        error = sys.exception()
        if error and not isinstance(error, (ConnectionError, TimeoutError)) and not self.stopped.is_set():
            self.failures.append(error)

    def end(self) -> None:
        """Close the port and every connection, and wait for their threads."""
        with self._lock:
            left = dict(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in left.values():
            thread.join(5)
        self.server_close()


class Acceptor:
    """One thread that accepts for all end points and stops at once."""

    def __init__(self, end_points: tuple[EndPoint, ...]) -> None:
        self._end_points = end_points
        self._waker, self._wakened = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="demo-hub", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def stop(self) -> None:
        """Accept no more."""
        self._waker.send(b"x")
        self._thread.join()
        self._waker.close()
        self._wakened.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakened, selectors.EVENT_READ)
            for end_point in self._end_points:
                selector.register(end_point, selectors.EVENT_READ, end_point)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    key.data.handle_request()


class Handler(BaseHTTPRequestHandler):
    """Reads one request after another of a connection, and sends what the hub answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: EndPoint

    def do_GET(self) -> None:
        """Answer; all methods go the same way."""
        request = self._request()
        response, delivery = self.server.answer(request)
        if delivery.down:
            self.close_connection = True
            return
        self._send_head(response, delivery)
        if self.command != "HEAD":
            self._send_body(response, delivery)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # names that http.server asks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Nothing: the hub keeps its own record."""

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        length = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY_BYTES)
        return Request(
            role=self.server.role,
            method=self.command,
            target=self.path,
            path=unquote(parts.path),
            query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            base=f"http://{self.headers.get('Host', self.server.url.removeprefix('http://'))}",
        )

    def _send_head(self, response: Response, delivery: Delivery) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if delivery.declared is not None:
            self.send_header("Content-Length", str(delivery.declared))
        elif delivery.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if (delivery.declared, delivery.chunked) != (response.length, False) and not delivery.chunked:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def _send_body(self, response: Response, delivery: Delivery) -> None:
        sent, stops = 0, list(delivery.stops)
        for piece in altered(body_pieces(response), delivery):
            left = piece
            while left:
                while stops and stops[0][0] <= sent:
                    self.server.pass_gate(stops.pop(0)[1])
                if delivery.cut_after is not None and sent >= delivery.cut_after:
                    self.close_connection = True
                    return
                part = left[: _room(sent, len(left), stops, delivery)]
                self._write(part, delivery)
                sent, left = sent + len(part), left[len(part) :]
        if delivery.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _write(self, part: memoryview, delivery: Delivery) -> None:
        if delivery.chunked:
            self.wfile.write(f"{len(part):x}\r\n".encode())
        self.wfile.write(part)
        if delivery.chunked:
            self.wfile.write(b"\r\n")
        if delivery.bytes_per_second:
            self.server.stopped.wait(len(part) / delivery.bytes_per_second)


def _room(sent: int, available: int, stops: list[tuple[int, str]], delivery: Delivery) -> int:
    """How many bytes may go in one piece: up to the next stop, the cut, or one drip."""
    room = available
    if stops:
        room = min(room, stops[0][0] - sent)
    if delivery.cut_after is not None:
        room = min(room, delivery.cut_after - sent)
    if delivery.bytes_per_second:
        room = min(room, max(delivery.bytes_per_second // DRIPS_PER_SECOND, 1))
    return room
