"""Where the files of a lock file may be fetched from: by ids at the configured hubs, else from allowed hosts alone."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.lock import LockedModel, LockedSource
from comfyfixer.settings import Settings

if TYPE_CHECKING:
    from comfyfixer.net.client import Client

_REPOSITORY: Final = re.compile(r"(?:datasets/)?[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_MAX_ID: Final = 10**12


def candidates_of(row: LockedModel, settings: Settings, client: "Client") -> Iterator[Candidate]:
    """The sources that may be asked, each with the promised bytes."""
    for source in row.sources or ((LockedSource(source="url", url=row.url),) if row.url else ()):
        url = _hub_url(source, settings)
        is_hub = url is not None
        if url is None and client.allowed(source.url) is None:
            url = source.url
        if url is None:
            continue
        ids = {name: getattr(source, name) for name in ("model_id", "version_id", "file_id", "repo_id", "revision",
                                                        "repo_path")} if is_hub else {}  # fmt: skip
        yield Candidate(
            source=source.source if is_hub else "url", filename=row.name.rpartition("/")[2], download_url=url,
            size_bytes=row.size_bytes, hashes={"sha256": row.sha256}, access="unknown", found_by="lock",
            page_url=_page(source, settings) if is_hub else None, **ids,
        )  # fmt: skip


def _hub_url(source: LockedSource, settings: Settings) -> str | None:
    """The address at the configured end point, from the ids alone; None where they are not a hub's."""
    if source.source == "civitai" and _is_id(source.version_id):
        file = f"?fileId={source.file_id}" if _is_id(source.file_id) else ""
        return f"{settings.endpoints.civitai}/api/download/models/{source.version_id}{file}"
    if source.source == "huggingface" and source.repo_path and _REPOSITORY.fullmatch(source.repo_id or ""):
        parts = (source.revision or "main", source.repo_path)
        if any(".." in part.split("/") or not part.isprintable() or "\\" in part for part in parts):
            return None
        place = f"{quote(parts[0], safe='')}/{quote(parts[1])}"
        return f"{settings.endpoints.huggingface}/{source.repo_id}/resolve/{place}"
    return None


def _page(source: LockedSource, settings: Settings) -> str | None:
    """The page for a person, made like the address: a stranger's link is not told as one to click."""
    if source.source == "huggingface":
        return f"{settings.endpoints.huggingface}/{source.repo_id}"
    if not _is_id(source.model_id):
        return None
    return f"{settings.endpoints.civitai}/models/{source.model_id}?modelVersionId={source.version_id}"


def _is_id(number: int | None) -> bool:
    return number is not None and 0 < number < _MAX_ID
