"""Connections: pools, proxies, certificates, and the look at the peer's address before anything is sent."""

import contextlib
import logging
import os
import socket
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any, ClassVar, Final
from weakref import WeakSet

import msgspec
import truststore
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from comfyfixer.errors import Interrupted
from comfyfixer.net.body import Body
from comfyfixer.net.failures import NoAnswer, network_errors, translated
from comfyfixer.net.hosts import is_private, private_address
from comfyfixer.net.patience import Patience
from comfyfixer.net.url import Url

_CONNECT_SECONDS: Final = 10.0
_POOLED_PER_HOST: Final = 16
_LONGER: Final = 2
"""A head, and whatever else is small, may take so many times as long as a server may be silent."""

# The library's own log lines hold whole addresses, signatures included.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def _checked(sock: socket.socket, host: str) -> socket.socket:
    """The same socket, when its peer is a public address.

    Looking at the peer, not at the name, leaves no moment in which the name could get another address.
    """
    if is_private(str(sock.getpeername()[0])):
        sock.close()
        raise private_address(host)
    return sock


def _shut(sock: Any) -> None:
    """End a connection, from any thread: who reads is told that it ended. TLS inside TLS has its socket within."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(getattr(sock, "socket", sock), socket.SHUT_RDWR)


class _Watch(msgspec.Struct, frozen=True):
    """What connections are watched by.

    Attributes:
        sockets: Where each one's is noted.
        guarded: Whether a peer with a private address is refused.
        patience: With the wait for a head.
    """

    sockets: "WeakSet[socket.socket]"
    guarded: bool
    patience: Patience


class _Connection(HTTPConnection):
    response_class = Body
    watch: ClassVar[_Watch]

    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host) if self.watch.guarded else super()._new_conn()

    def connect(self) -> None:
        super().connect()
        self.watch.sockets.add(self.sock)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in the base class itself
        with self.watch.patience.limit(partial(_shut, self.sock)):
            return super().getresponse()


class _SecureConnection(_Connection, HTTPSConnection):
    pass


def _pool_classes(watched_by: _Watch) -> dict[str, type[HTTPConnectionPool]]:
    class Connection(_Connection):
        watch = watched_by

    class SecureConnection(_SecureConnection):
        watch = watched_by

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}


def tls_context() -> ssl.SSLContext:
    """Certificates to trust: `SSL_CERT_FILE`, else the system's own store."""
    file = os.environ.get("SSL_CERT_FILE")
    if file:
        return ssl.create_default_context(cafile=file)
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that the environment (or the system) names for a host."""
    if urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get(scheme)
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class Transport:
    """Sends one request over a pooled connection; follows nothing, repeats nothing. Thread-safe."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout = urllib3.Timeout(connect=min(_CONNECT_SECONDS, timeout_s), read=timeout_s)
        self._managers: dict[tuple[str, str | None, bool], urllib3.PoolManager] = {}
        self._proxy = lru_cache(maxsize=256)(proxy_for)  # each question goes through the whole environment
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._lock = threading.Lock()
        self._interrupted = False
        self.patience = Patience(_LONGER * timeout_s)

    def send(
        self, method: str, url: Url, *, headers: Mapping[str, str], body: bytes | None, guarded: bool
    ) -> urllib3.BaseHTTPResponse:
        """Send, and give the answer as soon as its head is here.

        Args:
            guarded: Refuse a peer with a private address. Behind a proxy the peer is the proxy: it decides.

        Raises:
            NoAnswer: No HTTP answer came.
            Refused: `address-not-allowed`.
            Interrupted: Every connection was ended.
        """
        if self._interrupted:
            raise Interrupted("The run was stopped", hint="`comfyfixer resume` goes on")
        try:
            manager = self._manager(url, self._proxy(url.scheme, url.shown_host), guarded)
            return manager.urlopen(
                method, str(url), headers=headers, body=body, redirect=False, retries=False,
                preload_content=False, timeout=self._timeout,
            )  # fmt: skip
        except network_errors() as error:
            raise translated(error, url.shown_host) from error

    @staticmethod
    def body(response: urllib3.BaseHTTPResponse) -> Body | None:
        """The bytes beneath an answer, for who reads much; None where they come in chunks."""
        body = getattr(response, "_original_response", None)  # the library takes it by this name, and has no other
        return body if isinstance(body, Body) and not body.chunked else None

    def interrupt(self) -> None:
        """End every connection, also those that wait for a silent server: who reads is told that it ended, and who
        asks anew that the run is stopped.
        """
        self._interrupted = True
        for sock in list(self._sockets):
            _shut(sock)

    def close(self) -> None:
        """Close every idle connection."""
        for manager in self._managers.values():
            manager.clear()

    def _manager(self, url: Url, proxy: str | None, guarded: bool) -> urllib3.PoolManager:
        key = (url.scheme, proxy, guarded)
        with self._lock:
            if key not in self._managers:
                self._managers[key] = self._made(url.scheme, proxy, guarded)
            return self._managers[key]

    def _made(self, scheme: str, proxy: str | None, guarded: bool) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": _POOLED_PER_HOST, "num_pools": 32}
        if scheme == "https":
            options["ssl_context"] = _context()
        manager = _proxied(proxy, options) if proxy else urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = _pool_classes(_Watch(self._sockets, guarded and not proxy, self.patience))
        return manager


def _context() -> ssl.SSLContext:
    try:
        return tls_context()
    except (OSError, ssl.SSLError) as error:
        hint = "Let SSL_CERT_FILE name a file of certificates in PEM form, or unset it"
        raise NoAnswer(
            f"The certificates can't be read: {error}", code="hub-tls", hint=hint, retryable=False
        ) from error


def _proxied(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    """A manager behind a http(s) proxy; user name and password come out of its address."""
    parts = urllib3.util.parse_url(proxy)
    if parts.scheme not in ("http", "https"):
        hint = "Name a http or https proxy in HTTPS_PROXY, or unset it"
        message = f"Proxies of the kind `{parts.scheme}` are not spoken"
        raise NoAnswer(message, code="hub-unreachable", hint=hint, retryable=False, connected=False)
    headers = urllib3.make_headers(proxy_basic_auth=urllib.parse.unquote(parts.auth)) if parts.auth else None
    address = f"{parts.scheme}://{parts.netloc}"
    return urllib3.ProxyManager(address, proxy_headers=headers, **options)
