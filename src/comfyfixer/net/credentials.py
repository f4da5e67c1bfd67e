"""Which key goes to which host: in a header, to the host it belongs to, and nowhere else."""

from typing import Final

import msgspec

from comfyfixer.model.secret import Secret
from comfyfixer.net.hosts import CIVITAI_HOSTS
from comfyfixer.net.url import Url
from comfyfixer.settings import Settings

FOREIGN_MIRRORS: Final = frozenset({"hf-mirror.com"})
"""Public copies of a hub in other hands: whoever moves an end point there does not mean to give them the key."""


class _Belonging(msgspec.Struct, frozen=True, kw_only=True):
    """A key and where it belongs.

    Attributes:
        hosts: Official API hosts, https on the usual port only. Never "and below": b2.civitai.com is storage.
        endpoint: The configured end point; its scheme, host, port and path prefix.
    """

    key: Secret | None
    variable: str
    hosts: tuple[str, ...]
    endpoint: Url | None

    def owns(self, url: Url) -> bool:
        if url.scheme == "https" and url.port == 443 and url.host in self.hosts:
            return True
        if self.endpoint is None or url.origin != self.endpoint.origin or url.host in FOREIGN_MIRRORS:
            return False
        return f"{url.path}/".startswith(f"{self.endpoint.path.rstrip('/')}/")


class Credentials:
    """The keys of a run."""

    def __init__(self, settings: Settings) -> None:
        endpoints = settings.endpoints
        rows = (
            (settings.civitai_key, "CIVITAI_API_KEY", CIVITAI_HOSTS, endpoints.civitai),
            (settings.huggingface_key, "HF_TOKEN", ("huggingface.co",), endpoints.huggingface),
        )
        self._belongings = tuple(
            _Belonging(key=key, variable=variable, hosts=hosts, endpoint=Url.parse(endpoint))
            for key, variable, hosts, endpoint in rows
        )

    def variable(self, url: Url) -> str | None:
        """Name of the environment variable whose key this address gets, None where it gets none."""
        owner = self._owner(url)
        return owner.variable if owner and owner.key else None

    def wanted_variable(self, url: Url) -> str | None:
        """Name of the environment variable whose key this address would get, whether there is one or not."""
        owner = self._owner(url)
        return owner.variable if owner else None

    def headers(self, url: Url) -> dict[str, str]:
        """The header with the key, empty where the address gets none."""
        owner = self._owner(url)
        return {"Authorization": f"Bearer {owner.key.reveal()}"} if owner and owner.key else {}

    def _owner(self, url: Url) -> _Belonging | None:
        return next((belonging for belonging in self._belongings if belonging.owns(url)), None)
