"""Who knows node packs: the Comfy Registry, and the lists that ComfyUI-Manager publishes."""

from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.missing import PackReference
from comfyfixer.net.client import Client
from comfyfixer.resolve.pack_lists import PackLists
from comfyfixer.resolve.pack_names import shown_address, shown_text
from comfyfixer.settings import Settings
from comfyfixer.sources.once import Once

_LONGEST_NAME: Final = 300


class PackSource(Protocol):
    """A catalogue of node packs. Thread-safe.

    Attributes:
        name: For people, and for `MissingNode.unanswered`.
        found_by: Of the packs that it names.
    """

    @property
    def name(self) -> str: ...

    @property
    def found_by(self) -> str: ...

    def packs_with(self, node_type: str) -> tuple[PackReference, ...]:
        """The packs that have a node type; none means that it knows none.

        Raises:
            SourceError: No answer came.
        """
        ...

    def about(self, pack: PackReference) -> PackReference | None:
        """What it knows of a pack, None where it does not know it.

        Raises:
            SourceError: No answer came.
        """
        ...


def make_pack_sources(settings: Settings, client: Client) -> tuple[PackSource, ...]:
    """All of them, from the configured end points."""
    return ComfyRegistry(settings, client), ManagerChannel(settings, client)


class _Version(msgspec.Struct):
    version: Any = None


class _Node(msgspec.Struct):
    """A pack as api.comfy.org describes it."""

    id: str
    name: Any = None
    repository: Any = None
    status: Any = None
    downloads: Any = None
    github_stars: Any = None
    latest_version: Any = None


class ComfyRegistry:
    """`GET /comfy-nodes/{type}/node` names one pack, although several may have the type; `GET /nodes/{id}`."""

    name = "Comfy Registry"
    found_by = "registry"

    def __init__(self, settings: Settings, client: Client) -> None:
        self._client = client
        self._endpoint = settings.endpoints.registry
        self._age_s = settings.cache_max_age_hours * 3600

    def packs_with(self, node_type: str) -> tuple[PackReference, ...]:
        """See `PackSource`."""
        pack = self._asked(f"/comfy-nodes/{quote(node_type, safe='')}/node") if _can_be_asked(node_type) else None
        return (pack,) if pack else ()

    def about(self, pack: PackReference) -> PackReference | None:
        """See `PackSource`."""
        return self._asked(f"/nodes/{quote(pack.id, safe='')}") if pack.id and _can_be_asked(pack.id) else None

    def _asked(self, path: str) -> PackReference | None:
        try:
            node = self._client.get(self._endpoint + path, max_age_s=self._age_s).json(_Node)
        except NotThere:
            return None
        if node.status in ("NodeStatusDeleted", "NodeStatusBanned") or not shown_text(node.id):
            return None
        latest = msgspec.convert(node.latest_version, _Version) if isinstance(node.latest_version, dict) else _Version()
        return PackReference(
            id=shown_text(node.id),
            title=shown_text(node.name),
            repository=shown_address(node.repository),
            found_by=self.found_by,
            latest=shown_text(latest.version),
            stars=_count(node.github_stars),
            downloads=_count(node.downloads),
        )


class ManagerChannel:
    """The lists of ComfyUI-Manager's repository, fetched once and asked for again with their ETag."""

    name = "ComfyUI-Manager's lists"
    found_by = "manager-list"

    def __init__(self, settings: Settings, client: Client) -> None:
        self._client = client
        self._endpoint = settings.endpoints.manager
        self._age_s = settings.cache_max_age_hours * 3600
        self._lists: Once[PackLists] = Once()

    def packs_with(self, node_type: str) -> tuple[PackReference, ...]:
        """See `PackSource`."""
        return self._lists.get("lists", self._fetched).packs_with(node_type)

    def about(self, pack: PackReference) -> PackReference | None:
        """See `PackSource`."""
        return self._lists.get("lists", self._fetched).about(pack_id=pack.id, repository=pack.repository)

    def _fetched(self) -> PackLists:
        node_map = self._body("extension-node-map.json")
        try:
            return PackLists(
                node_map,
                self._beside("custom-node-list.json"),
                self._beside("github-stats.json"),
                found_by=self.found_by,
            )
        except ValueError as error:
            hint = "Check `endpoints.manager`; ComfyUI-Manager's repository has to be behind it"
            raise SourceError(
                f"Its list of node types can't be used: {error}", code="hub-bad-answer", hint=hint
            ) from error

    def _beside(self, name: str) -> bytes:
        """A list of which only titles, ids and stars come: without it those stay unknown."""
        try:
            return self._body(name)
        except SourceError:
            return b""

    def _body(self, name: str) -> bytes:
        return self._client.get(f"{self._endpoint}/{name}", max_age_s=self._age_s).body


def _can_be_asked(name: str) -> bool:
    """`.` and `..` would lead to another address."""
    return name.strip() not in ("", ".", "..") and len(name) <= _LONGEST_NAME


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None
