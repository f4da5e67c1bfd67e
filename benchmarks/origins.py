"""Servers to measure downloads against: nginx where it is installed, else one of our own with `sendfile`.

Each gives the files of one folder on three ports: as fast as it can, with so many bytes a second per connection, and
behind a relay that answers later, with one window of bytes under way, as a far server does.
"""

import asyncio
import contextlib
import http.server
import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

PER_CONNECTION = 20_000_000
ROUND_TRIP_S = 0.03
WINDOW = 1 << 20

_NGINX = """
{user}
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{fast}; root {served}; }}
  server {{ listen 127.0.0.1:{slow}; root {served}; limit_rate {rate}; }}
}}
"""


class Origins(msgspec.Struct, frozen=True):
    """Addresses without a slash at the end, and who serves."""

    fast: str
    slow: str
    far: str
    server: str


@contextlib.contextmanager
def origins(served: Path, scratch: Path) -> Iterator[Origins]:
    """Serve a folder until the end."""
    fast, slow, far = (_free_port() for _ in range(3))
    own = multiprocessing.get_context("spawn")
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    relay = own.Process(target=_relay, args=(far, fast), daemon=True)
    server = None if nginx else own.Process(target=_serve, args=(served, fast, slow), daemon=True)
    process = _nginx(nginx, served, scratch, fast, slow) if nginx else None
    relay.start()
    if server is not None:
        server.start()
    try:
        for port in (fast, slow, far):
            _wait_for(port)
        told = "nginx" if nginx else "our own server (nginx is not installed)"
        addresses = [f"http://127.0.0.1:{port}" for port in (fast, slow, far)]
        yield Origins(addresses[0], addresses[1], addresses[2], told)
    finally:
        relay.terminate()
        if server is not None:
            server.terminate()
        if process is not None:
            process.terminate()
            process.wait()


def _nginx(nginx: str, served: Path, scratch: Path, fast: int, slow: int) -> "subprocess.Popen[bytes]":
    configuration = scratch / "nginx.conf"
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    configuration.write_text(
        _NGINX.format(user=user, folder=scratch, served=served, fast=fast, slow=slow, rate=PER_CONNECTION)
    )
    return subprocess.Popen([nginx, "-c", configuration, "-p", scratch])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


# --- our own server --------------------------------------------------------------------------------------------------


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Path
    slow_port: int

    def do_GET(self) -> None:
        with (self.served / self.path.lstrip("/")).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            start = int(asked[1]) if asked else 0
            end = int(asked[2]) + 1 if asked and asked[2] else size
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(end - start))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            self.end_headers()
            self.wfile.flush()
            self._send(file, start, end)

    def _send(self, file: Any, start: int, end: int) -> None:
        if self.connection.getsockname()[1] != self.slow_port:
            self.connection.sendfile(file, start, end - start)
            return
        step, began = PER_CONNECTION // 50, time.monotonic()
        for number, at in enumerate(range(start, end, step)):
            self.connection.sendfile(file, at, min(step, end - at))
            time.sleep(max(0.0, began + (number + 1) / 50 - time.monotonic()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Say nothing."""


def _serve(served: Path, fast: int, slow: int) -> None:
    _Handler.served, _Handler.slow_port = served, slow
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), _Handler) for port in (fast, slow)]
    threading.Thread(target=servers[0].serve_forever, daemon=True).start()
    servers[1].serve_forever()


# --- the relay -------------------------------------------------------------------------------------------------------


class _Half(asyncio.Protocol):
    """One end of a relayed connection: what it gets, its other half sends half a round trip later, and a window of
    bytes is under way at most for a whole one.
    """

    other: "_Half"
    transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._under_way = 0
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self.is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(WINDOW)

    def data_received(self, data: bytes) -> None:
        self._under_way += len(data)
        self._later(data)
        self.go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._later(None)

    def pause_writing(self) -> None:
        self.is_full = True
        self.other.go_on()

    def resume_writing(self) -> None:
        self.is_full = False
        self.other.go_on()

    def go_on(self) -> None:
        """Read only where there is room on the way."""
        if self._under_way >= WINDOW or self.other.is_full:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _later(self, data: bytes | None) -> None:
        self._queue.append((self._loop.time() + ROUND_TRIP_S / 2, data))
        if len(self._queue) == 1:
            self._loop.call_at(self._queue[0][0], self._deliver)

    def _deliver(self) -> None:
        while self._queue and self._queue[0][0] <= self._loop.time():
            _, data = self._queue.popleft()
            if data is None:
                self.other.transport.close()
            elif not self.other.transport.is_closing():
                self.other.transport.write(data)
                self._loop.call_later(ROUND_TRIP_S / 2, self._arrived, len(data))
        if self._queue:
            self._loop.call_at(self._queue[0][0], self._deliver)

    def _arrived(self, count: int) -> None:
        self._under_way -= count
        self.go_on()


class _Client(_Half):
    """The half that programs see."""

    def __init__(self, beyond: int) -> None:
        super().__init__()
        self._beyond = beyond

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._task = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        await asyncio.sleep(ROUND_TRIP_S)  # the handshake
        _, self.other = await self._loop.create_connection(_Half, "127.0.0.1", self._beyond)
        self.other.other = self
        self.go_on()


def _relay(port: int, beyond: int) -> None:
    asyncio.run(_relay_forever(port, beyond))


async def _relay_forever(port: int, beyond: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Client(beyond), "127.0.0.1", port)
    await server.serve_forever()
