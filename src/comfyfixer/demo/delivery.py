"""How faults change a request, its answer, and the way the bytes are sent."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import assert_never

import msgspec

from comfyfixer.demo import faults, storage
from comfyfixer.demo.content import Content, Plain, Weights, pieces, size_of
from comfyfixer.demo.exchange import Request, Response, Stretch, json_response
from comfyfixer.demo.faults import AnyFault


class Delivery(msgspec.Struct, kw_only=True):
    """How the body is sent.

    Attributes:
        declared: What Content-Length says; None: no such header.
        chunked: In HTTP's chunks, where no length is declared.
        stops: After so many bytes of the body, wait at the gate of this name.
        flipped: Offsets within the body whose byte is inverted.
    """

    declared: int | None
    chunked: bool = False
    cut_after: int | None = None
    bytes_per_second: int | None = None
    stops: list[tuple[int, str]] = []
    flipped: list[int] = []
    down: bool = False


def changed_request(request: Request, active: Sequence[AnyFault]) -> Request:
    """The request as a server with these faults understands it."""
    headers = dict(request.headers)
    for fault in active:
        if isinstance(fault, faults.IgnoreRange):
            headers.pop("range", None)
        elif isinstance(fault, faults.WrongOffset) and "range" in headers:
            first, _, last = headers["range"].removeprefix("bytes=").partition("-")
            headers["range"] = f"bytes={max(int(first or 0) + fault.shift_bytes, 0)}-{last}"
    return msgspec.structs.replace(request, headers=headers)


def changed_response(request: Request, response: Response, active: Sequence[AnyFault]) -> Response:
    """The answer as a server with these faults gives it."""
    for fault in active:
        match fault:
            case faults.Reply():
                response = Response(status=fault.status, headers=fault.headers, body=fault.body.encode())
            case faults.KeyRefused() if "authorization" in request.headers:
                response = json_response({"error": "Unauthorized", "message": "Invalid key"}, 401)
            case faults.Expired():
                response = storage.expired(request)
            case faults.Truncated():
                response = _truncated(response, fault.keep_bytes)
            case faults.OtherBytes():
                response = _replaced(response)
            case _:
                pass
    return response


def plan(response: Response, active: Sequence[AnyFault]) -> Delivery:
    """How to send the answer."""
    delivery = Delivery(declared=response.length)
    start = response.body.start if isinstance(response.body, Stretch) else 0
    for fault in active:
        match fault:
            case faults.Cut():
                delivery.cut_after = fault.after_bytes
            case faults.Hold():
                delivery.stops.append((fault.after_bytes, fault.gate))
            case faults.SlowDrip():
                delivery.bytes_per_second = fault.bytes_per_second
            case faults.FlippedByte():
                delivery.flipped.append(fault.at - start)
            case faults.WrongLength():
                delivery.declared = response.length + fault.extra_bytes
            case faults.MissingLength():
                delivery.declared, delivery.chunked = None, fault.chunked
            case faults.Down():
                delivery.down = True
            case (
                faults.IgnoreRange()
                | faults.WrongOffset()
                | faults.Reply()
                | faults.KeyRefused()
                | faults.Expired()
                | faults.Truncated()
                | faults.OtherBytes()
            ):
                pass
            case _:
                assert_never(fault)
    delivery.stops.sort()
    return delivery


def body_pieces(response: Response) -> Iterator[memoryview]:
    """The body's bytes, streamed."""
    if isinstance(response.body, bytes):
        return pieces(Plain(response.body))
    return pieces(response.body.content, response.body.start, response.body.length)


def altered(parts: Iterator[memoryview], delivery: Delivery) -> Iterator[memoryview]:
    """The same bytes with the flipped ones inverted."""
    at = 0
    for part in parts:
        inside = [offset - at for offset in delivery.flipped if at <= offset < at + len(part)]
        yield _flipped(part, inside) if inside else part
        at += len(part)


def _flipped(part: memoryview, offsets: Sequence[int]) -> memoryview:
    data = bytearray(part)
    for offset in offsets:
        data[offset] ^= 0xFF
    return memoryview(data)


def _truncated(response: Response, keep: int) -> Response:
    if isinstance(response.body, bytes):
        return msgspec.structs.replace(response, body=response.body[:keep])
    shorter = Stretch(response.body.content, response.body.start, min(keep, response.body.length))
    return msgspec.structs.replace(response, body=shorter)


def _replaced(response: Response) -> Response:
    if isinstance(response.body, bytes):
        return response
    other = Stretch(_other(response.body.content), response.body.start, response.body.length)
    headers = tuple((name, '"replaced"' if name == "ETag" else value) for name, value in response.headers)
    return msgspec.structs.replace(response, headers=headers, body=other)


def _other(content: Content) -> Content:
    if isinstance(content, Weights):
        return msgspec.structs.replace(content, seed=f"{content.seed} replaced")
    return Plain(hashlib.shake_256(content.data).digest(size_of(content)))
