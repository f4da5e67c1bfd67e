"""ModelScope, as a mirror: only for files whose SHA-256 is known, and only where it is switched on."""

from collections.abc import Iterator
from functools import partial
from typing import Final
from urllib.parse import quote

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel
from comfyfixer.net.client import Client
from comfyfixer.settings import Settings
from comfyfixer.sources import hub_urls
from comfyfixer.sources.failures import Failures
from comfyfixer.sources.foreign import base_of, exact_size, is_model_name, known_hashes, readable
from comfyfixer.sources.huggingface_shapes import REPOSITORY_ID, folders_of
from comfyfixer.sources.lead_book import LeadBook
from comfyfixer.sources.queries import parts_of_repositories

_REPOSITORIES: Final = 3
_REVISION: Final = "master"


class _File(msgspec.Struct, rename="pascal"):
    path: str
    size: float | None = None
    sha256: str | None = None
    type: str | None = None


class _Row(msgspec.Struct, rename="pascal"):
    """A repository: `Path` is its owner."""

    path: str
    name: str


class _Models(msgspec.Struct, rename="pascal"):
    models: list[msgspec.Raw] = []


class _Found(msgspec.Struct, rename="pascal"):
    """The list is told in one of two places."""

    models: list[msgspec.Raw] | None = None
    model: _Models | None = None


class _Files(msgspec.Struct, rename="pascal"):
    files: list[msgspec.Raw] | None = None


class _FoundAnswer(msgspec.Struct, rename="pascal"):
    data: _Found | None = None


class _FilesAnswer(msgspec.Struct, rename="pascal"):
    data: _Files | None = None


class ModelScopeSource:
    """Many repositories of Hugging Face are there under the same id, with the SHA-256 of every file."""

    name = "modelscope"

    def __init__(self, settings: Settings, client: Client, book: LeadBook) -> None:
        self._client = client
        self._endpoint = settings.endpoints.modelscope
        self._own = hub_urls.OwnHosts(huggingface=settings.endpoints.huggingface, civitai=settings.endpoints.civitai)
        self._age_s = settings.cache_max_age_hours * 3600
        self._book = book

    def concerns(self, missing: MissingModel) -> bool:
        """A name proves nothing here."""
        return "sha256" in missing.hashes

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """Files of an equal SHA-256, in repositories that are named for the file, then in those that a search gives."""
        digest = missing.hashes.get("sha256")
        if digest is None:
            return
        failures = Failures()
        asked: set[str] = set()
        for repo_id in self._repositories(missing, failures):
            if repo_id in asked or len(asked) >= _REPOSITORIES:
                continue
            asked.add(repo_id)
            files = failures.caught(partial(self._files, repo_id)) or []
            equal = [file for file in files if known_hashes({"sha256": file.sha256}).get("sha256") == digest.lower()]
            yield from (self._candidate(repo_id, file) for file in equal if is_model_name(base_of(file.path)))
            if equal:
                break
        failures.raise_first()

    def _repositories(self, missing: MissingModel, failures: Failures) -> Iterator[str]:
        """Lazily: the search is made only when no named repository has the file."""
        urls = (*missing.urls, *(lead.url for lead in self._book.leads.named(missing.filename)))
        for url in urls:
            place = hub_urls.understand(url, self._own)
            if isinstance(place, (hub_urls.HuggingFaceFile, hub_urls.HuggingFaceRepository)):
                yield place.repo_id
        for part in parts_of_repositories(missing.filename)[:1]:
            yield from failures.caught(partial(self._searched, part)) or ()

    def _searched(self, words: str) -> list[str]:
        body = msgspec.json.encode({"Name": words, "PageSize": 10, "PageNumber": 1})
        url = f"{self._endpoint}/api/v1/models"
        answer = self._client.post(url, body=body, content_type="application/json", max_age_s=self._age_s)
        found = answer.json(_FoundAnswer).data or _Found()
        rows = readable(found.models or (found.model or _Models()).models, _Row, [])
        return [repo_id for row in rows if REPOSITORY_ID.fullmatch(repo_id := f"{row.path}/{row.name}")]

    def _files(self, repo_id: str) -> list[_File]:
        url = f"{self._endpoint}/api/v1/models/{quote(repo_id)}/repo/files"
        params = (("Revision", _REVISION), ("Recursive", "true"))
        data = self._client.get(url, params=params, max_age_s=self._age_s).json(_FilesAnswer).data or _Files()
        return [file for file in readable(data.files or [], _File, []) if file.type != "tree"]

    def _candidate(self, repo_id: str, file: _File) -> Candidate:
        page = f"{self._endpoint}/models/{quote(repo_id)}"
        fact = Evidence(kind="mirror", detail=f"ModelScope has the very bytes in {repo_id}, by their SHA-256")
        return Candidate(
            source="url",
            filename=base_of(file.path),
            download_url=f"{page}/resolve/{_REVISION}/{quote(file.path)}",
            size_bytes=exact_size(file.size),
            hashes=known_hashes({"sha256": file.sha256}),
            folders=folders_of(file.path),
            page_url=page,
            found_by=self.name,
            repo_id=repo_id,
            revision=_REVISION,
            repo_path=file.path,
            evidence=(fact,),
        )
