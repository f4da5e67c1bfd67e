"""What GitHub's API tells of a release's file: size, and since 2025 its SHA-256. An extra, never needed."""

import re
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.net.client import Client
from comfyfixer.settings import Endpoints, Settings
from comfyfixer.sources.foreign import exact_size, known_hashes, readable

_RELEASE_FILE: Final = re.compile(r"/([\w.-]+)/([\w.-]+)/releases/download/([^/]+)/([^/?#]+)", re.ASCII)
_PUBLIC_API: Final = "https://api.github.com"


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a release; None where nothing is told."""

    size_bytes: int | None = None
    sha256: str | None = None


UNKNOWN: Final = Asset()


class _Row(msgspec.Struct):
    name: str
    size: float | None = None
    digest: str | None = None


class _Release(msgspec.Struct):
    assets: list[msgspec.Raw] = []


class GitHubReleases:
    """`GET /repos/OWNER/NAME/releases/tags/TAG` at api.github.com; below `/api/v3` of an end point of one's own."""

    def __init__(self, settings: Settings, client: Client) -> None:
        github = settings.endpoints.github
        self._api = _PUBLIC_API if github == Endpoints().github else f"{github}/api/v3"
        self._age_s = settings.cache_max_age_hours * 3600
        self._client = client
        self._silent = False

    def asset(self, path: str) -> Asset:
        """What is known of `/owner/name/releases/download/tag/file`; without an answer the file can be had as well.

        The API takes few questions an hour of who has no account: once it gives no answer, it is left alone.
        """
        found = _RELEASE_FILE.fullmatch(path)
        if found is None or self._silent or not all(part.strip(".") for part in found.groups()):
            return UNKNOWN
        owner, name, tag, file = found.groups()
        url = f"{self._api}/repos/{owner}/{name}/releases/tags/{quote(unquote(tag), safe='')}"
        try:
            release = self._client.get(url, max_age_s=self._age_s).json(_Release)
        except NotThere:
            return UNKNOWN
        except SourceError:
            self._silent = True
            return UNKNOWN
        rows = readable(release.assets, _Row, [])
        row = next((row for row in rows if row.name == unquote(file)), None)
        return _asset(row) if row else UNKNOWN


def _asset(row: _Row) -> Asset:
    algorithm, _, digest = (row.digest or "").partition(":")
    return Asset(size_bytes=exact_size(row.size), sha256=known_hashes({algorithm: digest}).get("sha256"))
