"""What the embedded hub has: models of Civitai, repositories of Hugging Face, packs of the registry, as values."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from comfyfixer.demo.content import Content, Plain, Weights, gguf

CIVITAI_KEY: Final = "demo-civitai-key"
HUGGINGFACE_KEY: Final = "hf_demoToken"
PG: Final = 1
"""Civitai's level bits: PG 1, PG-13 2, R 4, X 8, XXX 16."""


class CivitaiFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a version.

    Attributes:
        name: As it was uploaded; what the API shows is derived from it (`civitai_shapes.shown_name`).
        override_name: Wins over the derived name.
        listed_sha256: What the API claims, where that is not the truth.
        scanned: False while no hash is known.
        pickle_scan: What the site's scan of its code says: `Success`, `Danger`, `Error`; `virus_scan` likewise.
        storage: `r2` refuses an Authorization header and HEAD; `b2` is a sub-domain of the site in reality.
    """

    id: int
    name: str
    content: Content
    type: str = "Model"
    format: str = "SafeTensor"
    size: str | None = None
    fp: str | None = None
    quant_type: str | None = None
    primary: bool = False
    override_name: str | None = None
    listed_sha256: str | None = None
    scanned: bool = True
    pickle_scan: str = "Success"
    virus_scan: str = "Success"
    storage: str = "r2"


class CivitaiVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model.

    Attributes:
        images: Previews: a picture's bytes, and its level.
        access: `open`, `login` (a key is needed), `early-access` or `disabled` (no download at all).
    """

    id: int
    name: str
    files: tuple[CivitaiFile, ...]
    base_model: str = "SDXL 1.0"
    trained_words: tuple[str, ...] = ()
    access: str = "open"
    images: tuple[tuple[Plain, int], ...] = ()
    published: str = "2026-05-01T12:00:00.000Z"


class CivitaiModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model page.

    Attributes:
        level: Sum of the level bits of its pictures; without PG in it the model is hidden unless `nsfw=true`.
        mode: None, `Archived` or `TakenDown`.
        downloads: Ranks a search.
    """

    id: int
    name: str
    type: str
    versions: tuple[CivitaiVersion, ...]
    level: int = PG
    creator: str = "northern_light"
    user_id: int = 40417
    tags: tuple[str, ...] = ()
    mode: str | None = None
    downloads: int = 100


class RepoFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repository.

    Attributes:
        lfs: False for small files that live in git itself.
        security: What the hub's scan of it says: `safe`, `unsafe`, `suspicious`, `queued`.
    """

    path: str
    content: Content
    lfs: bool = True
    security: str = "safe"


class HuggingFaceRepo(msgspec.Struct, frozen=True, kw_only=True):
    """One model repository.

    Attributes:
        gated: None, `auto` or `manual`.
        granted: Keys on a gated repository's list.
        private: Looks like "not there" without a key.
        former_ids: Answered with a redirect to `id`.
        revisions: Branches and tags; each of them, and the commit itself, leads to the same files.
    """

    id: str
    files: tuple[RepoFile, ...]
    gated: str | None = None
    granted: tuple[str, ...] = ()
    private: bool = False
    disabled: bool = False
    former_ids: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ("main",)
    tags: tuple[str, ...] = ()
    downloads: int = 1000
    likes: int = 10


class NodePack(msgspec.Struct, frozen=True, kw_only=True):
    """One custom-node pack of the registry and of the Manager's lists; `archive` is its node.zip."""

    id: str
    name: str
    repository: str
    node_types: tuple[str, ...]
    version: str = "1.0.0"
    stars: int = 10
    archive: Plain | None = None


class GitHubFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a release or of a repository, by its path on the host: `/owner/name/releases/download/v1/x.pth`."""

    path: str
    content: Content


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ComfyUI-Manager's model list."""

    filename: str
    url: str
    save_path: str
    type: str = "checkpoint"


class Upscaler(msgspec.Struct, frozen=True, kw_only=True):
    """One model of OpenModelDB, by its id there; it only knows where the file is."""

    id: str
    name: str
    urls: tuple[str, ...]
    content: Content
    licence: str = "CC-BY-4.0"


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything behind all end points, and the keys they accept."""

    civitai: tuple[CivitaiModel, ...] = ()
    huggingface: tuple[HuggingFaceRepo, ...] = ()
    packs: tuple[NodePack, ...] = ()
    github: tuple[GitHubFile, ...] = ()
    listed: tuple[ListedModel, ...] = ()
    upscalers: tuple[Upscaler, ...] = ()
    modelscope: tuple[HuggingFaceRepo, ...] = ()
    civitai_keys: tuple[str, ...] = (CIVITAI_KEY,)
    huggingface_keys: tuple[str, ...] = (HUGGINGFACE_KEY,)


KIND_OF_FOLDER: Final = {
    "checkpoints": "checkpoint",
    "clip_vision": "clip_vision",
    "controlnet": "controlnet",
    "diffusion_models": "diffusion_model",
    "embeddings": "embedding",
    "loras": "lora",
    "text_encoders": "text_encoder",
    "upscale_models": "upscaler",
    "vae": "vae",
}
CIVITAI_TYPE_OF_FOLDER: Final = {"loras": "LORA", "vae": "VAE", "embeddings": "TextualInversion"}
_HUGGINGFACE_FILE = re.compile(r"/(?P<repo>[^/]+(?:/[^/]+)?)/(?:resolve|blob|raw)/(?P<revision>[^/]+)/(?P<path>.+)")
_CIVITAI_VERSION = re.compile(r"/api/download/models/(?P<version>\d+)")


def content_for(name: str, folder: str, seed: str, size_bytes: int = 16_384) -> Content:
    """Tiny bytes that are what the name's ending says, and differ by `seed`."""
    if name.lower().endswith(".gguf"):
        return gguf(seed, size_bytes)
    return Weights(kind=KIND_OF_FOLDER.get(folder, "other"), seed=seed, size_bytes=size_bytes)


def catalogue_from_urls(urls: Iterable[tuple[str, str, str]], *, size_bytes: int = 16_384) -> Catalogue:
    """Stand-ins of `size_bytes` for each huggingface.co and civitai.com URL in `(name, url, directory)` rows.

    Rows of other hosts are left out. The same URL always gives the same bytes, which are not those that a workflow's
    own hash promises.
    """
    repos: dict[str, dict[str, RepoFile]] = {}
    revisions: dict[str, set[str]] = {}
    models: dict[int, CivitaiModel] = {}
    for name, url, directory in urls:
        parts = urlsplit(url)
        if parts.hostname == "huggingface.co" and (match := _HUGGINGFACE_FILE.fullmatch(unquote(parts.path))):
            repo, path = match["repo"], match["path"]
            content = content_for(path, directory, f"{repo}/{path}", size_bytes)
            repos.setdefault(repo, {}).setdefault(path, RepoFile(path=path, content=content))
            revisions.setdefault(repo, {"main"}).add(match["revision"])
        elif parts.hostname == "civitai.com" and (match := _CIVITAI_VERSION.fullmatch(parts.path)):
            version_id = int(match["version"])
            models.setdefault(version_id, _stand_in(version_id, name, directory, size_bytes))
    return Catalogue(civitai=tuple(models.values()), huggingface=tuple(_repositories(repos, revisions)))


def _repositories(files: dict[str, dict[str, RepoFile]], revisions: dict[str, set[str]]) -> Iterable[HuggingFaceRepo]:
    for repo, by_path in sorted(files.items()):
        ordered = tuple(by_path[path] for path in sorted(by_path))
        yield HuggingFaceRepo(id=repo, files=ordered, revisions=tuple(sorted(revisions[repo])))


def _stand_in(version_id: int, name: str, directory: str, size_bytes: int) -> CivitaiModel:
    file = CivitaiFile(
        id=version_id + 5_000_000,
        name=name,
        content=content_for(name, directory, f"civitai {version_id}", size_bytes),
        primary=True,
        override_name=name,
    )
    return CivitaiModel(
        id=version_id + 1_000_000,
        name=name.rpartition(".")[0] or name,
        type=CIVITAI_TYPE_OF_FOLDER.get(directory, "Checkpoint"),
        versions=(CivitaiVersion(id=version_id, name="v1.0", files=(file,)),),
    )
