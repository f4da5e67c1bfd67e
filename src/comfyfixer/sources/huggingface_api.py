"""What Hugging Face's API answers, as values. Every answer is asked for once in a run."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.net.answer import Answer
from comfyfixer.net.client import Client
from comfyfixer.settings import Settings
from comfyfixer.sources.foreign import base_of, exact_size, known_hashes, readable
from comfyfixer.sources.header_kind import folders_of_tensors
from comfyfixer.sources.header_reading import read_tensor_names
from comfyfixer.sources.name_index import NameIndex, Place
from comfyfixer.sources.once import Once
from comfyfixer.sources.queries import resembles

MAIN: Final = "main"
_LISTING_PAGES: Final = 3
_SEARCH_PAGES: Final = 3
_LAST: Final = 10
_CARDS: Final = 20
_LISTING_AGES: Final = 7
"""A publisher's listing may be so many times older than another answer."""
_LATER: Final = "Try again later"
_ID: Final = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_NEXT: Final = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')
_FOLDERS_OF_TAGS: Final = {
    "lora": ("loras",),
    "controlnet": ("controlnet",),
    "textual_inversion": ("embeddings",),
    "textual-inversion": ("embeddings",),
}
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
    tags: list[str] | None = None


class _Piece(msgspec.Struct):
    text: str = ""


class _Formatted(msgspec.Struct, rename="camel"):
    """A hit as it is shown; the content comes in pieces, the found words highlighted."""

    file_content: list[_Piece] | None = None


class _Hit(msgspec.Struct, rename="camel"):
    repo_owner: str
    repo_name: str
    formatted: _Formatted | None = None


class _Hits(msgspec.Struct):
    hits: list[msgspec.Raw]


class Cards(msgspec.Struct, frozen=True, kw_only=True):
    """Repositories by their cards.

    Attributes:
        repo_ids: Those whose card may name the text, best first.
        lost: Hits that can't be read.
        cut: There may be more of them.
    """

    repo_ids: tuple[str, ...]
    lost: tuple[bytes, ...]
    cut: bool


class RepositoryFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file; size and hash are None where the hub does not tell (small files have no SHA-256)."""

    path: str
    size_bytes: int | None = None
    sha256: str | None = None


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """One repository at one revision.

    Attributes:
        id: The present one, also when it was asked for under a former one.
        folders: Where its files belong by its tags; empty where they tell nothing.
        lost: Files that can't be read.
    """

    id: str
    gated: bool
    files: dict[str, RepositoryFile]
    revision: str = MAIN
    folders: tuple[str, ...] = ()
    lost: tuple[bytes, ...] = ()

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
        self._heads: Once[tuple[str, ...]] = Once()

    def repository(self, repo_id: str, revision: str = MAIN) -> Repository:
        """A repository with its files, their sizes and hashes: one request.

        Raises:
            NotThere: It does not exist, is private, or has no such revision.
            SourceError: No answer came.
        """

        def ask() -> Repository:
            place = "" if revision == MAIN else f"/revision/{quote(revision, safe='')}"
            answer = self._get(_api_path(repo_id) + place, [("blobs", "true")], self._age_s)
            info = next(readable([answer.json(msgspec.Raw)], _Info, []), None)
            if info is None or info.siblings is None:
                message = f"Hugging Face described {repo_id} in a form that is not known"
                raise SourceError(message, code="hub-bad-answer", hint=_LATER)
            prefix = "datasets/" if repo_id.startswith("datasets/") else ""
            lost: list[bytes] = []
            return Repository(
                id=prefix + _checked_id(info.id),
                gated=info.gated not in (None, False, "false"),
                files={file.path: file for file in _files(info.siblings, lost)},
                revision=revision,
                folders=_folders_of_tags(info.tags or ()),
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
        body = urlencode([("paths", path)]).encode()
        answer = self._client.post(
            f"{self._endpoint}{_api_path(repository.id)}/paths-info/{quote(revision, safe='')}",
            body=body,
            content_type="application/x-www-form-urlencoded",
            max_age_s=self._age_s,
        )
        for file in _files(answer.json(list[msgspec.Raw]), []):
            if file.path == path:
                return file
        raise NotThere(f"{repository.id} has no file `{path}` at {revision}")

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
        rows = self._get("/api/search/full-text", params, self._age_s).json(_Hits).hits
        lost: list[bytes] = []
        hits = list(readable(rows, _Hit, lost))
        named = dict.fromkeys(f"{hit.repo_owner}/{hit.repo_name}" for hit in hits if _shows(hit, text))
        return Cards(
            repo_ids=tuple(repo_id for repo_id in named if _ID.fullmatch(repo_id)),
            lost=tuple(lost),
            cut=len(rows) >= _CARDS and bool(hits) and _shows(hits[-1], text),
        )

    def folders_by_content(self, candidate: Candidate) -> tuple[str, ...]:
        """Where a safetensors file belongs by the tensors that its beginning names; empty where that tells nothing.

        Raises:
            SourceError: The beginning could not be read.
        """
        url = candidate.download_url

        def look() -> bytes:
            return msgspec.json.encode(folders_of_tensors(read_tensor_names(self._client, url)))

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
            evidence=evidence,
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
            places += _places(rows, lost)
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


def _folders_of_tags(tags: Sequence[str]) -> tuple[str, ...]:
    adapter = any(tag.startswith("base_model:adapter:") for tag in tags)
    named = [_FOLDERS_OF_TAGS[tag] for tag in tags if tag in _FOLDERS_OF_TAGS]
    folders = tuple(dict.fromkeys(named + [("loras",)] * adapter))
    return folders[0] if len(folders) == 1 else ()


def _shows(hit: _Hit, text: str) -> bool:
    """Whether a card may hold a text: True also where the hub shows nothing of it."""
    content = hit.formatted.file_content if hit.formatted else None
    shown = "".join(piece.text for piece in content or ())
    return not shown or _letters(text) in _letters(shown)


def _letters(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())


def _places(rows: Sequence[msgspec.Raw], lost: list[bytes]) -> Iterator[Place]:
    for raw in rows:
        for row in readable([raw], _Info, lost):
            if row.siblings is None or not _ID.fullmatch(row.id):
                lost.append(bytes(raw))
            else:
                yield from (Place(row.id, file.path) for file in _files(row.siblings, lost))


def _files(siblings: Sequence[msgspec.Raw], lost: list[bytes]) -> Iterator[RepositoryFile]:
    for sibling in readable(siblings, _Sibling, lost):
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
