"""Bytes into a buffer, from a socket whose other end the test holds."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException, IncompleteRead

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.net.body import Body

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
BUFFER = 1 << 20


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    server, client = socket.socketpair()
    client.settimeout(5)
    with server, client:
        yield server, client


@contextmanager
def _begun(client: socket.socket) -> Iterator[Body]:
    with closing(Body(client, method="GET")) as body:
        body.begin()
        yield body


def _gathered(body: Body, size: int = BUFFER) -> bytes:
    buffer = memoryview(bytearray(size))
    return bytes(buffer[: body.gather(buffer)])


def _all(body: Body, size: int = BUFFER) -> bytes:
    return b"".join(iter(lambda: _gathered(body, size), b""))


@pytest.mark.parametrize("count", [1, 100, 7_000])
def test_what_came_with_the_head_is_given_without_waiting_for_more(
    pair: tuple[socket.socket, socket.socket], count: int
) -> None:
    server, client = pair
    server.sendall(HEAD % 100_000 + b"x" * count)
    with _begun(client) as body:
        came = _gathered(body)
        while len(came) < count:
            came += _gathered(body)
        assert came == b"x" * count


def test_a_piece_is_given_when_no_more_comes_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    server.sendall(HEAD % 10)
    with _begun(client) as body:
        for piece in (b"ab", b"cde", b"fghij"):
            server.sendall(piece)
            assert _gathered(body) == piece
        assert _gathered(body) == b""
        assert body.isclosed()


@given(st.lists(st.integers(1, 40_000), max_size=6), st.integers(1, 100_000), st.booleans())
def test_every_byte_comes_once_and_in_order(pieces: list[int], size: int, endless: bool) -> None:
    data = bytes(number * 31 % 251 for number in range(sum(pieces)))
    server, client = socket.socketpair()
    client.settimeout(5)

    def send() -> None:
        server.sendall(ENDLESS if endless else HEAD % len(data))
        at = 0
        for count in pieces:
            server.sendall(data[at : at + count])
            at += count
        if endless:
            server.close()

    with server, client:
        thread = threading.Thread(target=send)
        thread.start()
        with _begun(client) as body:
            assert _all(body, size) == data
            assert body.isclosed()
            thread.join()


def test_what_came_with_the_first_lines_read_otherwise_is_not_lost(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    server.sendall(HEAD % 1000 + b"a" * 512 + b"b" * 488)
    with _begun(client) as body:
        assert body.read1(512) == b"a" * 512
        assert _all(body) == b"b" * 488


def test_an_early_end_is_told_after_every_byte_that_came(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    server.sendall(HEAD % 100 + b"abc")
    server.close()
    with _begun(client) as body:
        assert _gathered(body) == b"abc"
        with pytest.raises(IncompleteRead):
            _gathered(body)


def test_a_silence_is_a_time_out(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    server.sendall(HEAD % 100 + b"abc")
    client.settimeout(0.05)
    with _begun(client) as body:
        assert _gathered(body) == b"abc"
        with pytest.raises(TimeoutError):
            _gathered(body)


def test_a_reset_is_told_after_the_bytes_that_came_before_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        client.settimeout(5)
        server, _ = listener.accept()
        server.sendall(HEAD % 100)
        with _begun(client) as body:
            server.sendall(b"abc")
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.close()
            told: list[bytes] = []
            with pytest.raises(OSError, match="reset"):
                told.extend(iter(lambda: _gathered(body), b""))
            assert b"".join(told) in (b"abc", b"")  # some systems forget at a reset what was not read before


@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n"]
)
def test_interim_answers_are_passed_over(pair: tuple[socket.socket, socket.socket], interim: bytes) -> None:
    server, client = pair
    server.sendall(interim * 3 + HEAD % 3 + b"abc")
    with _begun(client) as body:
        assert (body.status, body.getheader("Link")) == (200, None)
        assert _all(body) == b"abc"


def test_interim_answers_without_end_are_none(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    server.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
    with pytest.raises(HTTPException), _begun(client):
        pass
