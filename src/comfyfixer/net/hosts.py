"""Which addresses may be asked: https, allowed hosts, no private networks; configured end points are exceptions."""

import ipaddress
from typing import Final

from comfyfixer.net.failures import Refused
from comfyfixer.net.url import Url
from comfyfixer.redact import plain
from comfyfixer.settings import Settings

CIVITAI_HOSTS: Final = ("civitai.com", "www.civitai.com", "api.civitai.com", "civitai.red")
HUGGINGFACE_HOSTS: Final = ("huggingface.co", "www.huggingface.co", "hf.co")
GITHUB_HOSTS: Final = (
    "github.com", "raw.githubusercontent.com", "objects.githubusercontent.com", "release-assets.githubusercontent.com",
)  # fmt: skip

# Proxies that intercept a whole machine answer every name with an address of this range: it is nobody's network.
_FAKE_ADDRESSES: Final = ipaddress.ip_network("198.18.0.0/15")
_TRANSLATED: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))
"""IPv6 addresses whose last four bytes are an IPv4 address, by RFC 6052, 8215, 4291 and 7915."""


def is_private(address: str) -> bool:
    """True for an address inside a machine or a local network, the clouds' metadata address included."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or _translated(ip)
        if inner is not None:
            return is_private(str(inner))
        if ip.is_site_local:
            return True
    elif ip in _FAKE_ADDRESSES:
        return False
    return not ip.is_global or ip.is_multicast


def _translated(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if any(ip in network for network in _TRANSLATED) else None


def is_loopback(url: Url) -> bool:
    """True when the host's own text says that it is this machine."""
    try:
        return url.bare_host == "localhost" or ipaddress.ip_address(url.bare_host).is_loopback
    except ValueError:
        return False


def _is_literal_private(url: Url) -> bool:
    """True where no name has to be resolved to know that the address is private."""
    host = url.bare_host
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    is_number = ":" in host or host.rpartition(".")[2].isdigit() or host.startswith("0x")
    return is_number and is_private(host)


class HostRules:
    """What the settings allow."""

    def __init__(self, settings: Settings) -> None:
        endpoints = settings.endpoints
        configured = (
            endpoints.civitai, endpoints.huggingface, endpoints.registry, endpoints.manager, endpoints.github,
            *(endpoints.openmodeldb,) * settings.asks("openmodeldb"),
            *(endpoints.modelscope,) * settings.asks("modelscope"),
        )  # fmt: skip
        self._origins = {url.origin for url in map(Url.parse, configured) if url is not None}
        self._running = Url.parse(settings.comfyui_url) if settings.comfyui_url else None
        allowed = (*CIVITAI_HOSTS, *HUGGINGFACE_HOSTS, *GITHUB_HOSTS, *settings.allowed_hosts)
        self._allowed = frozenset(host.strip().lower() for host in allowed)

    def is_endpoint(self, url: Url) -> bool:
        """True for the scheme, host and port of a configured end point: trusted wherever it is."""
        return url.origin in self._origins

    def is_running_comfyui(self, url: Url) -> bool:
        """True for the user's running ComfyUI, which is asked what it has, and for no file."""
        return self._running is not None and url.origin == self._running.origin and not self.is_endpoint(url)

    def reason_against(self, url: Url | None) -> str | None:
        """Why a URL out of a workflow is not fetched, as the end of a sentence; None when it may be."""
        if url is None:
            return "it is no plain https address"
        if self.is_endpoint(url):
            return None
        if url.scheme != "https":
            return "it is not https"
        if _is_literal_private(url):
            return f"{plain(url.host)} is a private address"
        if url.port != 443:
            return f"port {url.port} is unusual for https"
        if not self._is_allowed(url.host):
            return f"{plain(url.host)} is not on the list of allowed hosts"
        return None

    def _is_allowed(self, host: str) -> bool:
        """An entry `*.example.org` allows every host below example.org, and no other."""
        parents = (f"*.{'.'.join(host.split('.')[start:])}" for start in range(1, host.count(".") + 1))
        return host in self._allowed or any(parent in self._allowed for parent in parents)

    def is_free(self, url: Url, came_from: Url | None) -> bool:
        """True where http and private addresses are right: end points, and loopback behind a loopback end point."""
        from_loopback = came_from is not None and is_loopback(came_from) and self.is_endpoint(came_from)
        return self.is_endpoint(url) or (from_loopback and is_loopback(url)) or self._is_asked_itself(url, came_from)

    def _is_asked_itself(self, url: Url, came_from: Url | None) -> bool:
        """True for the running ComfyUI, when we ask it: nobody else may send us there, as packs give it addresses that
        do things when they are asked.
        """
        return self.is_running_comfyui(url) and url.origin == (came_from or url).origin

    def check_hop(self, url: Url, came_from: Url | None) -> None:
        """Look at an address before it is asked; the connection itself is looked at once more.

        Args:
            came_from: First address of a chain of redirects, None for the first itself.

        Raises:
            Refused: `host-not-allowed` or `address-not-allowed`.
        """
        if self.is_free(url, came_from):
            return
        if url.scheme != "https":
            hint = (
                "If it was found while another end point was configured, `comfyfixer resolve` finds it anew. "
                "Only https is used, but for an end point of your own (`endpoints` in config.json)"
            )
            raise Refused(f"{plain(url.host)} is not asked without encryption", hint=hint)
        if _is_literal_private(url):
            raise private_address(url.host)


def private_address(host: str) -> Refused:
    """The refusal of an address inside a local network."""
    hint = "If it is a mirror of yours, configure it under `endpoints`"
    message = f"{plain(host)} leads to a private address, which is not asked"
    return Refused(message, code="address-not-allowed", hint=hint)
