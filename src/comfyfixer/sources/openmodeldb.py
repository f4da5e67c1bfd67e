"""OpenModelDB: the catalogue of upscalers, with sizes and hashes; one document has all of it."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel
from comfyfixer.net.client import Client
from comfyfixer.redact import plain
from comfyfixer.resolve.likeness import similarity
from comfyfixer.settings import Settings
from comfyfixer.sources import hub_urls
from comfyfixer.sources.failures import Failures
from comfyfixer.sources.foreign import base_of, exact_size, is_model_name, known_hashes, readable
from comfyfixer.sources.once import Once

_FOLDER: Final = "upscale_models"
_SIMILAR: Final = 3
_ADDRESSES: Final = 3


class _Resource(msgspec.Struct):
    """One file of a model, in one or several places."""

    type: str | None = None
    size: float | None = None
    sha256: str | None = None
    urls: list[str] = []


class _Model(msgspec.Struct):
    resources: list[msgspec.Raw]
    name: str | None = None
    license: str | None = None


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file.

    Attributes:
        names: As its addresses name it; empty where they don't, as on file lockers.
        shown: What it is called where no address tells.
    """

    model_id: str
    model_name: str | None
    licence: str | None
    names: tuple[str, ...]
    shown: str
    size_bytes: int | None
    sha256: str | None
    urls: tuple[str, ...]


class OpenModelDbSource:
    """`GET /api/v1/models.json`, asked for once a day and compared here; only for upscalers."""

    name = "openmodeldb"

    def __init__(self, settings: Settings, client: Client) -> None:
        self._client = client
        self._endpoint = settings.endpoints.openmodeldb
        self._github = settings.endpoints.github
        self._huggingface = settings.endpoints.huggingface
        self._own = hub_urls.OwnHosts(huggingface=self._huggingface, civitai=settings.endpoints.civitai)
        self._age_s = settings.cache_max_age_hours * 3600
        self._threshold = settings.fuzzy_threshold
        self._document: Once[tuple[list[_Entry], list[bytes]]] = Once()

    def concerns(self, missing: MissingModel) -> bool:
        """It has upscalers alone."""
        return missing.folder == _FOLDER

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """The file of an equal SHA-256, else those of exactly the name, else a few of similar names."""
        if not self.concerns(missing):
            return
        entries, lost = self._document.get("models", self._read)
        for entry in self._fitting(missing, entries):
            yield from self._candidates(entry)
        failures = Failures()
        failures.note_lost(lost, missing.filename, "OpenModelDB")
        failures.raise_first()

    def _fitting(self, missing: MissingModel, entries: list[_Entry]) -> list[_Entry]:
        digest = missing.hashes.get("sha256")
        equal = [entry for entry in entries if digest is not None and entry.sha256 == digest]
        exact = equal or [entry for entry in entries if missing.filename in entry.names]
        if exact:
            return exact
        scored = [(max(similarity(missing.filename, name) for name in _all_names(entry)), entry) for entry in entries]
        best = sorted(
            (item for item in scored if item[0] >= self._threshold), key=lambda item: (-item[0], item[1].shown)
        )
        return [entry for _, entry in best[:_SIMILAR]]

    def _read(self) -> tuple[list[_Entry], list[bytes]]:
        rows = self._client.get(f"{self._endpoint}/api/v1/models.json", max_age_s=self._age_s).json(
            dict[str, msgspec.Raw]
        )
        lost: list[bytes] = []
        entries: list[_Entry] = []
        for model_id, row in rows.items():
            for model in readable([row], _Model, lost):
                entries += (_entry(model_id, model, file) for file in readable(model.resources, _Resource, lost))
        return entries, lost

    def _candidates(self, entry: _Entry) -> Iterator[Candidate]:
        """The file at each address that may be fetched; where there is none, at the first, which is only told."""
        found = [candidate for url in entry.urls if (candidate := self._at(entry, url))]
        fetchable = [candidate for candidate in found if not self._client.allowed(candidate.download_url)]
        if fetchable:
            yield from {candidate.id: candidate for candidate in fetchable[:_ADDRESSES]}.values()
        for candidate in found[: 0 if fetchable else 1]:
            reason = self._client.allowed(candidate.download_url)
            refused = Evidence(kind="not-allowed-host", detail=f"It is not fetched: {reason}")
            yield msgspec.structs.replace(candidate, evidence=(*candidate.evidence, refused))

    def _at(self, entry: _Entry, url: str) -> Candidate | None:
        """The file at one of its addresses; None for an address that can't be one."""
        match hub_urls.understand(url, self._own):
            case hub_urls.HuggingFaceFile(repo_id=repo_id, revision=revision, path=path):
                place = f"{repo_id}/resolve/{quote(revision, safe='')}/{quote(path)}"
                candidate = self._candidate(entry, "huggingface", f"{self._huggingface}/{place}")
                return msgspec.structs.replace(candidate, repo_id=repo_id, revision=revision, repo_path=path)
            case hub_urls.GitHubFile(path=path):
                return self._candidate(entry, "url", f"{self._github}{path}")
            case hub_urls.PlainUrl(url=plain_url):
                return self._candidate(entry, "url", plain_url)
        return None

    def _candidate(self, entry: _Entry, source: str, url: str) -> Candidate:
        names = entry.names or (entry.shown,)
        licence = (Evidence(kind="licence", detail=f"Its licence: {entry.licence}"),) if entry.licence else ()
        return Candidate(
            source=source,
            filename=names[0],
            alternative_names=names[1:],
            download_url=url,
            size_bytes=entry.size_bytes,
            hashes={"sha256": entry.sha256} if entry.sha256 else {},
            kind="Upscaler",
            folders=(_FOLDER,),
            page_url=f"{self._endpoint}/models/{quote(entry.model_id, safe='')}",
            found_by=self.name,
            model_name=entry.model_name,
            evidence=(Evidence(kind="listed", detail=f"Listed by OpenModelDB as {entry.shown}"), *licence),
        )


def _entry(model_id: str, model: _Model, file: _Resource) -> _Entry:
    named = (base_of(unquote(_path(url))) for url in file.urls)
    shown_id = plain(model_id)
    return _Entry(
        model_id=shown_id,
        model_name=plain(model.name) if model.name else None,
        licence=plain(model.license) if model.license else None,
        names=tuple(dict.fromkeys(name for name in named if is_model_name(name))),
        shown=f"{shown_id}.{plain(file.type or 'pth')}",
        size_bytes=exact_size(file.size),
        sha256=known_hashes({"sha256": file.sha256}).get("sha256"),
        urls=tuple(file.urls),
    )


def _all_names(entry: _Entry) -> tuple[str, ...]:
    return (*entry.names, entry.shown)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
