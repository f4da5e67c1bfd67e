"""Servers that send a byte now and then: never silent long enough for a socket, and never done."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from comfyfixer.errors import DownloadError, Interrupted, SourceError
from comfyfixer.net.client import Client, Timing, make_client
from comfyfixer.settings import Endpoints, Settings

_EVERY_S = 0.02
_SOON_S = 10
_REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 60000\r\n\r\n"
_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 60000\r\n\r\n"
_WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADS = {
    "a status": (b"", b"H"),
    "a head": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "informational answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@contextmanager
def dripping(start: bytes, drop: bytes) -> Iterator[str]:
    """The address of a server that sends `start`, and then `drop` again and again, until the client goes."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(start)
                while not over.wait(_EVERY_S):
                    connection.sendall(drop)
            except OSError:
                return

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


def client_of(url: str, timeout_s: float = 0.1) -> Client:
    settings = Settings(workdir="/", endpoints=Endpoints(github=url), timeout_seconds=timeout_s)
    at_once = Timing(sleep=lambda seconds: None)
    return make_client(settings, lambda action, **details: None, cache_path=None, timing=at_once)


def soon(work: Callable[[], object]) -> object:
    """What comes of it; it has to end long before the server does."""
    came: list[object] = []

    def run() -> None:
        try:
            came.append(work())
        except Exception as error:  # noqa: BLE001  # looked at by the test
            came.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_SOON_S)
    assert not thread.is_alive(), "it still waits"
    return came[0]


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_drips_is_given_up(name: str) -> None:
    with dripping(*HEADS[name]) as url, client_of(url) as client:
        error = soon(lambda: client.open(f"{url}/x", origin_trusted=True))
        assert isinstance(error, DownloadError)
        assert (error.code, error.retryable) == ("hub-timeout", True)


def test_the_line_before_a_chunk_that_drips_is_a_stall() -> None:
    with (
        dripping(_CHUNKS, b"0") as url, client_of(url) as client,
        client.open(f"{url}/x", origin_trusted=True) as transfer,
    ):  # fmt: skip
        error = soon(transfer.read)
        assert isinstance(error, DownloadError)
        assert (error.code, error.retryable) == ("download-stalled", True)


def test_a_refusal_that_drips_is_a_refusal() -> None:
    with (
        dripping(_REFUSED, b"no ") as url, client_of(url) as client,
        client.open(f"{url}/x", origin_trusted=True) as transfer,
    ):  # fmt: skip
        said = soon(transfer.error_body)
        assert isinstance(said, bytes)
        assert said.startswith(b"no no ")


def test_the_small_beginning_of_a_body_that_drips_is_given_up() -> None:
    with (
        dripping(_WHOLE, b"x") as url, client_of(url) as client,
        client.open(f"{url}/x", origin_trusted=True) as transfer,
    ):  # fmt: skip
        error = soon(lambda: transfer.beginning(50_000))
        assert isinstance(error, DownloadError)
        assert (error.code, error.retryable) == ("download-stalled", True)


@pytest.mark.parametrize("start", [_WHOLE, _CHUNKS, _REFUSED], ids=["body", "chunks", "refusal"])
def test_an_answer_that_drips_is_given_up(start: bytes) -> None:
    with dripping(start, b"0") as url, client_of(url) as client:
        error = soon(lambda: client.get(f"{url}/api"))
        assert isinstance(error, SourceError)
        assert error.code == "hub-timeout"


def test_redirects_whose_bodies_drip_are_not_read() -> None:
    with dripping(_REDIRECT, b"x") as url, client_of(url) as client:
        error = soon(lambda: client.open(f"{url}/x", origin_trusted=True))
        assert isinstance(error, DownloadError)
        assert error.code == "too-many-redirects"


@pytest.mark.parametrize(("start", "drop"), [*HEADS.values(), (_REDIRECT, b"x")], ids=[*HEADS, "redirects"])
def test_a_run_that_is_stopped_asks_nobody_anew(start: bytes, drop: bytes) -> None:
    with dripping(start, drop) as url, client_of(url, timeout_s=60) as client:
        client.stop()
        error = soon(lambda: client.open(f"{url}/x", origin_trusted=True))
        assert isinstance(error, Interrupted)
