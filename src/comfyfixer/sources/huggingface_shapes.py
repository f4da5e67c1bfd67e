"""Hugging Face's answers as values, and what is read out of them; no question is asked here."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from comfyfixer.model.candidate import Evidence
from comfyfixer.sources.foreign import base_of, exact_size, is_plain_path, known_hashes, readable
from comfyfixer.sources.name_index import Place

MAIN: Final = "main"
REPOSITORY_ID: Final = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
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


class _Virus(msgspec.Struct, rename="camel"):
    virus_found: bool | None = None


class _Imports(msgspec.Struct, rename="camel"):
    highest_safety_level: str | None = None


class _Security(msgspec.Struct, rename="camel"):
    """What the hub's scanners say of a file; told only where it is asked for."""

    status: str | None = None
    av_scan: _Virus | None = None
    pickle_import_scan: _Imports | None = None


class Scanned(msgspec.Struct, rename="camel"):
    """A row of `paths-info` with `expand`."""

    path: str
    security_file_status: _Security | None = None


class _Sibling(msgspec.Struct):
    rfilename: str = ""
    path: str = ""
    size: float | None = None
    lfs: _Lfs | None = None


class Info(msgspec.Struct):
    id: str
    gated: bool | str | None = None
    siblings: list[msgspec.Raw] | None = None
    tags: list[str] | None = None


class _Piece(msgspec.Struct):
    text: str = ""


class _Formatted(msgspec.Struct, rename="camel"):
    """A hit as it is shown; the content comes in pieces, the found words highlighted."""

    file_content: list[_Piece] | None = None


class Hit(msgspec.Struct, rename="camel"):
    repo_owner: str
    repo_name: str
    formatted: _Formatted | None = None


class Hits(msgspec.Struct):
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


def scan_warnings(scanned: Scanned) -> Iterator[Evidence]:
    """What the hub's own scans say against a file; "suspicious" and "not scanned yet" say nothing."""
    told = scanned.security_file_status
    if told is None:
        return
    if told.av_scan is not None and told.av_scan.virus_found:
        yield Evidence(kind="virus", detail="Hugging Face's virus scan calls this file dangerous")
    imports = told.pickle_import_scan
    if told.status == "unsafe" or (imports is not None and imports.highest_safety_level == "dangerous"):
        yield Evidence(kind="unsafe", detail="Hugging Face's scan calls this file unsafe")


def folders_of(path: str) -> tuple[str, ...]:
    """The models folder after which the file's own folder is named, as in `split_files/vae/x.safetensors`."""
    parent = base_of(path.rpartition("/")[0])
    return (parent,) if parent in _FOLDERS else ()


def folders_of_tags(tags: Sequence[str]) -> tuple[str, ...]:
    adapter = any(tag.startswith("base_model:adapter:") for tag in tags)
    named = [_FOLDERS_OF_TAGS[tag] for tag in tags if tag in _FOLDERS_OF_TAGS]
    folders = tuple(dict.fromkeys(named + [("loras",)] * adapter))
    return folders[0] if len(folders) == 1 else ()


def shows(hit: Hit, text: str) -> bool:
    """Whether a card may hold a text: True also where the hub shows nothing of it."""
    content = hit.formatted.file_content if hit.formatted else None
    shown = "".join(piece.text for piece in content or ())
    return not shown or _letters(text) in _letters(shown)


def _letters(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())


def places_in(rows: Sequence[msgspec.Raw], lost: list[bytes]) -> Iterator[Place]:
    for raw in rows:
        for row in readable([raw], Info, lost):
            if row.siblings is None or not REPOSITORY_ID.fullmatch(row.id):
                lost.append(bytes(raw))
            else:
                yield from (Place(row.id, file.path) for file in files_in(row.siblings, lost))


def files_in(siblings: Sequence[msgspec.Raw], lost: list[bytes]) -> Iterator[RepositoryFile]:
    for sibling in readable(siblings, _Sibling, lost):
        lfs = sibling.lfs or _Lfs()
        hashes = known_hashes({"sha256": lfs.sha256 or lfs.oid})
        size = lfs.size if lfs.size is not None else sibling.size
        path = sibling.rfilename or sibling.path
        if is_plain_path(path):
            yield RepositoryFile(path=path, size_bytes=exact_size(size), sha256=hashes.get("sha256"))
