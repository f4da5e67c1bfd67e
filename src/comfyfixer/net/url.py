"""Addresses: read strictly, so that what is checked is what is asked."""

import re
from typing import Final, Self
from urllib.parse import quote, urljoin, urlsplit

import msgspec

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_CLIMBS: Final = re.compile(r"(?i)/(?:\.|%2e){1,2}(?:/|%2f|\Z)")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_CHARACTERS: Final = 8192
_KEPT: Final = "/%:@!$&'()*+,;=~-._"  # what may stand as it is; all else is percent-encoded


class Url(msgspec.Struct, frozen=True):
    """A http(s) address without user name, password and fragment.

    Attributes:
        host: Lower case; IPv6 in brackets.
        path: Percent-encoded, begins with a slash.
        query: Percent-encoded, without the question mark.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read an address; None for anything that two readers might understand differently."""
        if len(text) > _MAX_CHARACTERS or "\\" in text or any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
            return None
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError:
            return None
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
        if ":" in host:
            host = f"[{host}]"
        if scheme not in _DEFAULT_PORTS or "@" in parts.netloc or not _HOST.fullmatch(host) or port == 0:
            return None
        path = quote(parts.path or "/", safe=_KEPT)
        if _CLIMBS.search(path):
            return None
        return cls(scheme, host, port or _DEFAULT_PORTS[scheme], path, quote(parts.query, safe=_KEPT + "?"))

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what a key belongs to."""
        return self.scheme, self.host, self.port

    @property
    def bare_host(self) -> str:
        """The host without the brackets of IPv6."""
        return self.host.strip("[]")

    @property
    def shown_host(self) -> str:
        """The host as a person names it, with the port where it is not the usual one."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.shown_host}{self.path}" + (f"?{self.query}" if self.query else "")

    def joined(self, location: str) -> "Url | None":
        """Where a `Location` header leads to, None where it leads to no http(s) address."""
        try:
            return Url.parse(urljoin(str(self), location.strip()))
        except ValueError:
            return None
