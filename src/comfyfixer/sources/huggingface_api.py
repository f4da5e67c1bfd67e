"""What Hugging Face's API answers, as values. Every answer is asked for once in a run."""

import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.net.answer import Answer
from comfyfixer.net.client import Client
from comfyfixer.settings import Settings
from comfyfixer.sources.foreign import base_of, exact_size, known_hashes, readable
from comfyfixer.sources.name_index import NameIndex, Place
from comfyfixer.sources.once import Once

MAIN: Final = "main"
_LISTING_PAGES: Final = 3
_LISTING_AGES: Final = 7
"""A publisher's listing may be so many times older than another answer."""
_LATER: Final = "Try again later"
_ID: Final = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_NEXT: Final = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')
_FOLDERS: Final = frozenset(
    {
        "audio_encoders", "checkpoints", "clip", "clip_vision", "controlnet", "diffusion_models", "embeddings",
        "gligen", "hypernetworks", "latent_upscale_models", "loras", "model_patches", "photomaker", "style_models",
        "text_encoders", "unet", "upscale_models", "vae", "vae_approx",
    }
)  # fmt: skip


class _Lfs(msgspec.Struct):
    """Of a large file; the tree calls its SHA-256 `oid`."""

    sha256: str | None = None
    oid: str | None = None
    size: float | None = None


class _Sibling(msgspec.Struct):
    rfilename: str = ""
    path: str = ""
    size: float | None = None
    lfs: _Lfs | None = None


class _Info(msgspec.Struct):
    id: str
    gated: bool | str | None = None
    siblings: list[msgspec.Raw] | None = None


class _Hit(msgspec.Struct, rename="camel"):
    repo_owner: str
    repo_name: str


class _Hits(msgspec.Struct):
    hits: list[msgspec.Raw] | None = None


class RepositoryFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file; size and hash are None where the hub does not tell (small files have no SHA-256)."""

    path: str
    size_bytes: int | None = None
    sha256: str | None = None


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """One repository at its main revision.

    Attributes:
        id: The present one, also when it was asked for under a former one.
    """

    id: str
    gated: bool
    files: dict[str, RepositoryFile]

    def named(self, filename: str) -> list[RepositoryFile]:
        """Files of exactly this base name, in any folder."""
        return [file for file in self.files.values() if base_of(file.path) == filename]


class HuggingFaceApi:
    """Questions to the configured end point. Thread-safe."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._client = client
        self._endpoint = settings.endpoints.huggingface
        self._age_s = settings.cache_max_age_hours * 3600
        self._repositories: Once[Repository] = Once()
        self._indexes: Once[NameIndex] = Once()

    def repository(self, repo_id: str) -> Repository:
        """A repository with its files, their sizes and hashes: one request.

        Raises:
            NotThere: It does not exist, or is private.
            SourceError: No answer came.
        """

        def ask() -> Repository:
            answer = self._get(_api_path(repo_id), [("blobs", "true")], self._age_s)
            info = answer.json(_Info)
            prefix = "datasets/" if repo_id.startswith("datasets/") else ""
            return Repository(
                id=prefix + _checked_id(info.id),
                gated=info.gated not in (None, False, "false"),
                files={file.path: file for file in _files(info.siblings or ())},
            )

        return self._repositories.get(repo_id, ask)

    def file(self, repository: Repository, revision: str, path: str) -> RepositoryFile:
        """One file at one revision, with what is known of it.

        Raises:
            NotThere: The repository has no such file there.
        """
        known = repository.files.get(path) if revision == MAIN else None
        if known is not None and known.size_bytes is not None:
            return known
        if known is None and revision == MAIN:
            raise NotThere(f"{repository.id} has no file `{path}` any more")
        body = urlencode([("paths", path)]).encode()
        answer = self._client.post(
            f"{self._endpoint}{_api_path(repository.id)}/paths-info/{quote(revision, safe='')}",
            body=body,
            content_type="application/x-www-form-urlencoded",
            max_age_s=self._age_s,
        )
        for file in _files(answer.json(list[msgspec.Raw])):
            if file.path == path:
                return file
        raise NotThere(f"{repository.id} has no file `{path}` at {revision}")

    def by_author(self, author: str) -> NameIndex:
        """All files of all repositories of a publisher."""
        params = [("author", author), ("full", "true"), ("limit", "1000")]
        return self._index(params, _LISTING_PAGES, self._age_s * _LISTING_AGES)

    def by_part_of_id(self, part: str) -> NameIndex:
        """All files of the 50 most fetched repositories whose id holds this text."""
        params = [("search", part), ("full", "true"), ("sort", "downloads"), ("limit", "50")]
        return self._index(params, 1, self._age_s)

    def by_card(self, text: str) -> list[str]:
        """Ids of repositories whose card holds this text, best first."""
        params = [("q", text), ("type", "model"), ("limit", "20")]
        answer = self._get("/api/search/full-text", params, self._age_s)
        hits = readable(answer.json(_Hits).hits or (), _Hit)
        named = dict.fromkeys(f"{hit.repo_owner}/{hit.repo_name}" for hit in hits)
        return [repo_id for repo_id in named if _ID.fullmatch(repo_id)]

    def candidate(
        self,
        repository: Repository,
        file: RepositoryFile,
        *,
        revision: str = MAIN,
        found_by: str,
        evidence: tuple[Evidence, ...] = (),
    ) -> Candidate:
        """A file as other rooms know it."""
        page = f"{self._endpoint}/{repository.id}"  # here a licence is accepted
        place = f"{quote(revision, safe='')}/{quote(file.path)}"
        return Candidate(
            source="huggingface",
            filename=base_of(file.path),
            download_url=f"{page}/resolve/{place}",
            size_bytes=file.size_bytes,
            hashes={"sha256": file.sha256} if file.sha256 else {},
            folders=folders_of(file.path),
            access="gated" if repository.gated else "open",
            page_url=page if repository.gated else f"{page}/blob/{place}",
            found_by=found_by,
            repo_id=repository.id,
            revision=revision,
            repo_path=file.path,
            evidence=evidence,
        )

    def _index(self, params: Sequence[tuple[str, str]], pages: int, age_s: float) -> NameIndex:
        return self._indexes.get(tuple(params), lambda: NameIndex(self._listed(params, pages, age_s)))

    def _listed(self, params: Sequence[tuple[str, str]], pages: int, age_s: float) -> Iterator[Place]:
        cursor: str | None = None
        for _ in range(pages):
            more = [("cursor", cursor)] if cursor else []
            answer = self._get("/api/models", [*params, *more], age_s)
            for row in readable(answer.json(list[msgspec.Raw]), _Info):
                if _ID.fullmatch(row.id):
                    yield from (Place(row.id, file.path) for file in _files(row.siblings or ()))
            following = _next_cursor(answer)
            if following is None or following == cursor:
                return
            cursor = following

    def _get(self, path: str, params: Sequence[tuple[str, str]], age_s: float) -> Answer:
        return self._client.get(self._endpoint + path, params=params, max_age_s=age_s)


def folders_of(path: str) -> tuple[str, ...]:
    """The models folder after which the file's own folder is named, as in `split_files/vae/x.safetensors`."""
    parent = base_of(path.rpartition("/")[0])
    return (parent,) if parent in _FOLDERS else ()


def _checked_id(repo_id: str) -> str:
    if not _ID.fullmatch(repo_id):
        raise SourceError("Hugging Face named a repository in a way that is none", code="hub-bad-answer", hint=_LATER)
    return repo_id


def _api_path(repo_id: str) -> str:
    return f"/api/{repo_id}" if repo_id.startswith("datasets/") else f"/api/models/{repo_id}"


def _files(siblings: Sequence[msgspec.Raw]) -> Iterator[RepositoryFile]:
    for sibling in readable(siblings, _Sibling):
        lfs = sibling.lfs or _Lfs()
        hashes = known_hashes({"sha256": lfs.sha256 or lfs.oid})
        size = lfs.size if lfs.size is not None else sibling.size
        if path := sibling.rfilename or sibling.path:
            yield RepositoryFile(path=path, size_bytes=exact_size(size), sha256=hashes.get("sha256"))


def _next_cursor(answer: Answer) -> str | None:
    """Where the next page begins. Only that is taken from the link: its host may be another than the one we ask."""
    match = _NEXT.search(answer.headers.get("link", ""))
    try:
        return parse_qs(urlsplit(match[1]).query).get("cursor", [None])[0] if match else None
    except ValueError:
        return None
