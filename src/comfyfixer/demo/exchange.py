"""A request and its answer as values, so that each hub is a function between them."""

import hashlib
import hmac
import re
import time
from typing import Any

import msgspec

from comfyfixer.demo.catalogue import Catalogue
from comfyfixer.demo.content import Content, size_of

Headers = tuple[tuple[str, str], ...]
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asked.

    Attributes:
        role: Which of the hub's end points was asked: a key of `Endpoints`.
        target: Path and query as sent.
        path: Percent-decoded, without the query.
        query: In order, decoded, repeats kept.
        headers: Lower-case names.
        base: `http://HOST` as the client sees this end point.
    """

    role: str
    method: str
    target: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = {}
    body: bytes = b""
    base: str = ""

    def value(self, name: str) -> str | None:
        """The last value of a query parameter, or None."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a repeated query parameter."""
        return tuple(value for key, value in self.query if key == name)

    @property
    def key(self) -> str | None:
        """The bearer key that came along, or None."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else None


class Stretch(msgspec.Struct, frozen=True):
    """A part of a file, streamed."""

    content: Content
    start: int
    length: int


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub answers; the length header is the server's business."""

    status: int = 200
    headers: Headers = ()
    body: bytes | Stretch = b""

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.length


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where each part of the hub listens, `http://127.0.0.1:PORT`."""

    civitai: str
    huggingface: str
    registry: str
    manager: str
    github: str
    openmodeldb: str
    modelscope: str
    storage: str
    cdn: str


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Signs the storage's URLs for a time, as the real ones are."""

    secret: bytes
    lifetime_seconds: int = 3600

    def expiry(self) -> int:
        """Until when, in seconds since 1970, a URL signed now is good."""
        return int(time.time()) + self.lifetime_seconds

    def signature(self, path: str, expires: int) -> str:
        """Binds a path to its expiry."""
        return hmac.new(self.secret, f"{path} {expires}".encode(), hashlib.sha256).hexdigest()

    def check(self, path: str, expires: str | None, signature: str | None) -> str | None:
        """None for a good URL, else `wrong` or `expired`."""
        if not (expires or "").isdecimal() or signature is None:
            return "wrong"
        moment = int(expires or 0)
        if not hmac.compare_digest(self.signature(path, moment), signature):
            return "wrong"
        return "expired" if moment <= time.time() else None


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer depends on beside the request.

    Attributes:
        stored: Path at the storage to the file that lies there.
        cached: The same for the CDN.
    """

    catalogue: Catalogue
    endpoints: Endpoints
    signer: Signer
    stored: dict[str, Content] = {}
    cached: dict[str, Content] = {}


def json_response(value: Any, status: int = 200, headers: Headers = ()) -> Response:
    """JSON as the hubs send it."""
    body = msgspec.json.encode(value)
    return Response(status=status, headers=(("Content-Type", "application/json; charset=utf-8"), *headers), body=body)


def text_response(text: str, status: int = 200, headers: Headers = (), kind: str = "text/plain") -> Response:
    """Text or HTML."""
    return Response(status=status, headers=(("Content-Type", f"{kind}; charset=utf-8"), *headers), body=text.encode())


def redirect(location: str, status: int, headers: Headers = ()) -> Response:
    """A redirect with the short text that real hubs put into it."""
    return text_response(f"Redirecting to {location}", status, (("Location", location), *headers))


def ranged(request: Request, content: Content, headers: Headers) -> Response:
    """The whole file or the range that was asked for: 200, 206 or 416. `headers` hold the entity tag."""
    size = size_of(content)
    tag = dict(headers).get("ETag")
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.headers.get("if-range", tag) != tag:
        return Response(headers=(*headers, ("Accept-Ranges", "bytes")), body=Stretch(content, 0, size))
    first, last = _bounds(asked[1], asked[2], size)
    if first >= size or first > last:
        return text_response("", 416, (("Content-Range", f"bytes */{size}"),))
    found = (*headers, ("Accept-Ranges", "bytes"), ("Content-Range", f"bytes {first}-{last}/{size}"))
    return Response(status=206, headers=found, body=Stretch(content, first, last - first + 1))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last or 0), 0), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
