"""What Hugging Face's API answers, as values. Every answer is asked for once in a run."""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec

from comfyfixer.content.kinds import kind_of
from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.content import PICKLE_SUFFIXES
from comfyfixer.net.answer import Answer
from comfyfixer.net.client import Client
from comfyfixer.resolve.safer_twins import twin_told
from comfyfixer.settings import Settings
from comfyfixer.sources.foreign import base_of, readable
from comfyfixer.sources.header_reading import read_remote_header
from comfyfixer.sources.huggingface_shapes import (
    MAIN,
    REPOSITORY_ID,
    Cards,
    Hit,
    Hits,
    Info,
    Repository,
    RepositoryFile,
    Scanned,
    files_in,
    folders_of,
    folders_of_tags,
    places_in,
    scan_warnings,
    shows,
)
from comfyfixer.sources.name_index import NameIndex, Place
from comfyfixer.sources.once import Once
from comfyfixer.sources.queries import resembles

_LISTING_PAGES: Final = 3
_SEARCH_PAGES: Final = 3
_LAST: Final = 10
_CARDS: Final = 20
_LISTING_AGES: Final = 7
"""A publisher's listing may be so many times older than another answer."""
_LATER: Final = "Try again later"
_NEXT: Final = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


class HuggingFaceApi:
    """Questions to the configured end point. Thread-safe."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._client = client
        self._endpoint = settings.endpoints.huggingface
        self._age_s = settings.cache_max_age_hours * 3600
        self._repositories: Once[Repository] = Once()
        self._indexes: Once[NameIndex] = Once()
        self._heads: Once[tuple[str, ...]] = Once()
        self._scans: Once[tuple[Evidence, ...]] = Once()

    def repository(self, repo_id: str, revision: str = MAIN) -> Repository:
        """A repository with its files, their sizes and hashes: one request.

        Raises:
            NotThere: It does not exist, is private, or has no such revision.
            SourceError: No answer came.
        """

        def ask() -> Repository:
            place = "" if revision == MAIN else f"/revision/{quote(revision, safe='')}"
            answer = self._get(_api_path(repo_id) + place, [("blobs", "true")], self._age_s)
            info = next(readable([answer.json(msgspec.Raw)], Info, []), None)
            if info is None or info.siblings is None:
                message = f"Hugging Face described {repo_id} in a form that is not known"
                raise SourceError(message, code="hub-bad-answer", hint=_LATER)
            prefix = "datasets/" if repo_id.startswith("datasets/") else ""
            lost: list[bytes] = []
            return Repository(
                id=prefix + _checked_id(info.id),
                gated=info.gated not in (None, False, "false"),
                files={file.path: file for file in files_in(info.siblings, lost)},
                revision=revision,
                folders=folders_of_tags(info.tags or ()),
                lost=tuple(lost),
            )

        return self._repositories.get((repo_id, revision), ask)

    def file(self, repository: Repository, revision: str, path: str) -> RepositoryFile:
        """One file at one revision, with what is known of it.

        Raises:
            NotThere: The repository has no such file there.
        """
        known = repository.files.get(path) if revision == repository.revision else None
        if known is not None and known.size_bytes is not None:
            return known
        if known is None and revision == repository.revision:
            raise NotThere(f"{repository.id} has no file `{path}` any more")
        answer = self._paths_info(repository, revision, [("paths", path)])
        for file in files_in(answer.json(list[msgspec.Raw]), []):
            if file.path == path:
                return file
        raise NotThere(f"{repository.id} has no file `{path}` at {revision}")

    def scan_of(self, repository: Repository, revision: str, path: str) -> tuple[Evidence, ...]:
        """What the hub's own scans say against a file that can hold code; empty where they say nothing, or not now.

        Our own look at the bytes follows in any case, so no answer is no reason to wait.
        """
        if PurePosixPath(path).suffix.lower() not in PICKLE_SUFFIXES:
            return ()

        def ask() -> tuple[Evidence, ...]:
            answer = self._paths_info(repository, revision, [("paths", path), ("expand", "true")])
            rows = readable(answer.json(list[msgspec.Raw]), Scanned, [])
            return tuple(fact for row in rows if row.path == path for fact in scan_warnings(row))

        try:
            return self._scans.get((repository.id, revision, path), ask)
        except SourceError:
            return ()

    def _paths_info(self, repository: Repository, revision: str, fields: Sequence[tuple[str, str]]) -> Answer:
        return self._client.post(
            f"{self._endpoint}{_api_path(repository.id)}/paths-info/{quote(revision, safe='')}",
            body=urlencode(fields).encode(),
            content_type="application/x-www-form-urlencoded",
            max_age_s=self._age_s,
        )

    def by_author(self, author: str) -> NameIndex:
        """All files of all repositories of a publisher."""
        params = [("author", author), ("full", "true"), ("limit", "1000")]
        age_s = self._age_s * _LISTING_AGES
        return self._indexes.get(author, lambda: self._listed(params, _LISTING_PAGES, age_s, bool))

    def by_part_of_id(self, part: str, words: tuple[str, ...]) -> NameIndex:
        """All files of the most fetched repositories whose id holds this text.

        Args:
            words: The listing is read on, for some pages, while its last repositories resemble these.
        """
        params = [("search", part), ("full", "true"), ("sort", "downloads"), ("limit", "50")]

        def go_on(last: Sequence[str]) -> bool:
            return any(resembles(text, words) for text in last)

        return self._indexes.get((part, words), lambda: self._listed(params, _SEARCH_PAGES, self._age_s, go_on))

    def by_card(self, text: str) -> Cards:
        """Repositories whose card holds this text, as far as the hub shows what the card holds."""
        params = [("q", text), ("type", "model"), ("limit", str(_CARDS))]
        rows = self._get("/api/search/full-text", params, self._age_s).json(Hits).hits
        lost: list[bytes] = []
        hits = list(readable(rows, Hit, lost))
        named = dict.fromkeys(f"{hit.repo_owner}/{hit.repo_name}" for hit in hits if shows(hit, text))
        return Cards(
            repo_ids=tuple(repo_id for repo_id in named if REPOSITORY_ID.fullmatch(repo_id)),
            lost=tuple(lost),
            cut=len(rows) >= _CARDS and bool(hits) and shows(hits[-1], text),
        )

    def folders_by_content(self, candidate: Candidate) -> tuple[str, ...]:
        """Where a safetensors file belongs by the tensors that its beginning names; empty where that tells nothing.

        Raises:
            SourceError: The beginning could not be read.
        """
        url = candidate.download_url

        def look() -> bytes:
            header = read_remote_header(self._client, url)
            return msgspec.json.encode(kind_of(header.shapes, header.metadata).folders if header else ())

        def known() -> tuple[str, ...]:
            name = f"folders {candidate.sha256} {url}"
            return tuple(msgspec.json.decode(self._client.kept(name, look, max_age_s=self._age_s), type=list[str]))

        return self._heads.get(url, known)

    def candidate(
        self,
        repository: Repository,
        file: RepositoryFile,
        *,
        revision: str = MAIN,
        found_by: str,
        evidence: tuple[Evidence, ...] = (),
        workflow_urls: tuple[str, ...] = (),
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
            folders=folders_of(file.path) or repository.folders,
            access="gated" if repository.gated else "open",
            page_url=page if repository.gated else f"{page}/blob/{place}",
            found_by=found_by,
            repo_id=repository.id,
            revision=revision,
            repo_path=file.path,
            workflow_urls=workflow_urls,
            evidence=(*evidence, *self.scan_of(repository, revision, file.path), *_twin(repository, file, page)),
        )

    def _listed(
        self, params: Sequence[tuple[str, str]], pages: int, age_s: float, go_on: Callable[[Sequence[str]], bool]
    ) -> NameIndex:
        """The listing, page by page, while `go_on` says so of the last repositories and their files."""
        places: list[Place] = []
        lost: list[bytes] = []
        cursor: str | None = None
        last: list[str] = []
        for _ in range(pages):
            answer = self._get("/api/models", [*params, *([("cursor", cursor)] if cursor else [])], age_s)
            rows = answer.json(list[msgspec.Raw])
            places += places_in(rows, lost)
            last = [bytes(row).decode(errors="replace") for row in rows[-_LAST:]]
            following = _next_cursor(answer)
            if following is None:
                return NameIndex(places, lost=lost)
            if following == cursor or not go_on(last):
                break
            cursor = following
        return NameIndex(places, lost=lost, last=last)

    def _get(self, path: str, params: Sequence[tuple[str, str]], age_s: float) -> Answer:
        return self._client.get(self._endpoint + path, params=params, max_age_s=age_s)


def _twin(repository: Repository, file: RepositoryFile, page: str) -> tuple[Evidence, ...]:
    """The same model beside it in a format that holds no code."""
    path = PurePosixPath(file.path)
    twin = path.with_suffix(".safetensors")
    if path.suffix.lower() not in PICKLE_SUFFIXES or str(twin) not in repository.files:
        return ()
    return (twin_told(twin.name, page),)


def _checked_id(repo_id: str) -> str:
    if not REPOSITORY_ID.fullmatch(repo_id):
        raise SourceError("Hugging Face named a repository in a way that is none", code="hub-bad-answer", hint=_LATER)
    return repo_id


def _api_path(repo_id: str) -> str:
    return f"/api/{repo_id}" if repo_id.startswith("datasets/") else f"/api/models/{repo_id}"


def _next_cursor(answer: Answer) -> str | None:
    """Where the next page begins. Only that is taken from the link: its host may be another than the one we ask."""
    match = _NEXT.search(answer.headers.get("link", ""))
    try:
        return parse_qs(urlsplit(match[1]).query).get("cursor", [None])[0] if match else None
    except ValueError:
        return None
