"""A world of hubs for the simulation: over a thousand real names, each with neighbours that are easily mistaken for it.

Everything follows from a seed. What is true of a wanted file is known here by construction, not by what the product
thinks of it.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from comfyfixer.demo.catalogue import (
    Catalogue,
    CivitaiFile,
    CivitaiModel,
    CivitaiVersion,
    HuggingFaceRepo,
    RepoFile,
    content_for,
)
from comfyfixer.demo.civitai_shapes import camel, hashes, shown_name
from comfyfixer.demo.content import Content, Plain, sha256_of
from comfyfixer.resolve.names import is_generic
from tests.simulation.known_names import KnownNames, known_names, template_files

SIZE_BYTES: Final = 4096
UMBRELLAS: Final = frozenset(
    {
        "Comfy-Org", "Kijai", "city96", "QuantStack", "lightx2v", "black-forest-labs", "stabilityai", "Lightricks",
        "h94", "lllyasviel", "comfyanonymous", "unsloth",
    }
)  # fmt: skip
"""Publishers whose whole listings a resolver may be expected to look through."""
TYPE_OF_FOLDER: Final = {
    "checkpoints": "Checkpoint", "diffusion_models": "Checkpoint", "loras": "LORA", "vae": "VAE",
    "controlnet": "Controlnet", "upscale_models": "Upscaler", "text_encoders": "TextEncoder",
    "clip_vision": "CLIPVision",
}  # fmt: skip
_NOT_IN_LOADERS: Final = ("embeddings", "background_removal", "detection")
"""Folders whose files the trial's workflows have no node for."""
_AUTHORS: Final = ("aurora-lab", "mirrorverse", "pixelsmith", "weights-attic", "neural-harbor", "tensorbazaar")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+(?:\.\d+)*")
_SAYS_LITTLE: Final = frozenset(
    {"fp", "bf", "v", "safetensors", "e", "m", "fn", "scaled", "lora", "loras", "model", "models", "the", "xl", "sd"}
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One file that a workflow names.

    Attributes:
        truth: SHA-256 of the file that its author used, None where no hub has it.
        told: How the workflow tells it beside the name: `name` (not at all), `sha256`, `autov2`, `url`, `dead-url`.
        provable: The file can be found and proven.
        findable: The file can be found among candidates by who only searches.
    """

    filename: str
    value: str
    folder: str
    truth: str | None
    told: str = "name"
    url: str | None = None
    provable: bool = False
    findable: bool = False


class World(msgspec.Struct, frozen=True, kw_only=True):
    catalogue: Catalogue
    wanted: tuple[Wanted, ...]


class _Thing(msgspec.Struct, frozen=True, kw_only=True):
    """A file in its home, before anybody wants it."""

    name: str
    folder: str
    sha256: str
    url: str
    hub: str
    title: str
    reachable: bool
    kind_told: bool


def telling(name: str) -> list[str]:
    """Words of a name that say what it is, as a person would search for it."""
    words = [word.lower() for word in _WORD.findall(name.rpartition(".")[0])]
    return [word for word in words if word not in _SAYS_LITTLE and not word[0].isdigit() and len(word) > 2]


def is_weights(name: str) -> bool:
    return name.lower().endswith((".safetensors", ".sft"))


class Builder:
    """Fills both hubs."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.repos: dict[str, dict[str, RepoFile]] = defaultdict(dict)
        self.ids: dict[str, str] = {}
        self.cards: dict[str, list[str]] = defaultdict(list)
        self.tags: dict[str, tuple[str, ...]] = {}
        self.downloads: dict[str, int] = {}
        self.models: list[CivitaiModel] = []
        self.things: list[_Thing] = []

    def put(
        self,
        repo: str,
        path: str,
        folder: str,
        *,
        bytes_of: str | None = None,
        quoted: bool = False,
        wanted: bool = True,
    ) -> None:
        """A file into a repository, whose id the hub knows in any case; files of one `bytes_of` have the same bytes."""
        repo = self.ids.setdefault(repo.lower(), repo)
        name = path.rpartition("/")[2]
        if path in self.repos[repo]:
            return
        content = self._content(name, folder, bytes_of or f"{repo}/{path}")
        self.repos[repo][path] = RepoFile(path=path, content=content)
        self.downloads.setdefault(repo, self.chance.randrange(5_000, 500_000))
        if quoted:
            self.cards[repo].append(name)
        if wanted:
            self.things.append(self._in_repository(repo, path, folder, content, quoted))

    def _in_repository(self, repo: str, path: str, folder: str, content: Content, quoted: bool) -> _Thing:
        name = path.rpartition("/")[2]
        author, _, title = repo.partition("/")
        in_title = any(word in title.lower() for word in telling(name))
        return _Thing(
            name=name, folder=folder, sha256=sha256_of(content), hub="huggingface", title=title,
            url=f"https://huggingface.co/{repo}/resolve/main/{path}",
            reachable=author in UMBRELLAS or in_title or quoted,
            kind_told=is_weights(name) or f"/{folder}/" in f"/{path}",
        )  # fmt: skip

    def _content(self, name: str, folder: str, seed: str) -> Content:
        if is_weights(name) or name.endswith(".gguf"):
            return content_for(name, folder, seed, SIZE_BYTES)
        return Plain(b"PK\x03\x04" + seed.encode())

    def page(
        self,
        model: str,
        versions: Sequence[tuple[str, Sequence[tuple[str, str]]]],
        folder: str,
        *,
        model_type: str | None = None,
        downloads: int | None = None,
        wanted: bool = True,
    ) -> CivitaiModel:
        """A model on Civitai; versions are names with (stored name, seed of the bytes) of each file."""
        number = len(self.models) + 1
        made = CivitaiModel(
            id=number,
            name=model,
            type=model_type or TYPE_OF_FOLDER[folder],
            versions=tuple(
                CivitaiVersion(
                    id=number * 100 + at,
                    name=name,
                    base_model="Flux.1 D" if folder == "diffusion_models" else "SDXL 1.0",
                    trained_words=(f"word{number}",),
                    files=tuple(
                        CivitaiFile(
                            id=number * 10_000 + at * 100 + place,
                            name=stored,
                            content=self._content(stored, folder, seed),
                            primary=place == 0,
                        )
                        for place, (stored, seed) in enumerate(files)
                    ),
                )
                for at, (name, files) in enumerate(versions)
            ),
            level=self.chance.choice((1, 1, 4, 28)),
            creator=self.chance.choice(_AUTHORS).replace("-", "_"),
            downloads=downloads or self.chance.randrange(10_000, 900_000),
        )
        self.models.append(made)
        if wanted:
            self.things += self._on_page(made, folder)
        return made

    def _on_page(self, model: CivitaiModel, folder: str) -> Iterator[_Thing]:
        words = {word.lower() for word in _WORD.findall(model.name)}
        for version in model.versions:
            for file in version.files:
                for name in dict.fromkeys((shown_name(model, version, file), file.name)):
                    said = telling(name)[:1]
                    yield _Thing(
                        name=name, folder=folder, sha256=sha256_of(file.content), hub="civitai", title=model.name,
                        url=f"https://civitai.com/api/download/models/{version.id}?fileId={file.id}",
                        reachable=bool(said) and said[0] in words, kind_told=True,
                    )  # fmt: skip

    def catalogue(self) -> Catalogue:
        return Catalogue(civitai=tuple(self.models), huggingface=tuple(self._repository(repo) for repo in self.repos))

    def _repository(self, repo: str) -> HuggingFaceRepo:
        files = list(self.repos[repo].values())
        if self.cards[repo]:
            text = "# " + repo + "\n\n" + "\n".join(f"- `{name}`" for name in self.cards[repo])
            files.append(RepoFile(path="README.md", content=Plain(text.encode()), lfs=False))
        return HuggingFaceRepo(
            id=repo, files=tuple(files), downloads=self.downloads[repo], tags=self.tags.get(repo, ())
        )


def build(seed: int = 5, names: int | None = None) -> World:
    """The world of a seed.

    Args:
        names: How many files are wanted; None for all.
    """
    builder = Builder(seed)
    known = known_names()
    _homes(builder, known)
    things = list(builder.things)
    _neighbours(builder, things)
    everything = _every_name(builder)
    wanted = _wanted(builder, things, everything)
    if names is not None:
        wanted = builder.chance.sample(wanted, names)
    return World(catalogue=builder.catalogue(), wanted=tuple(wanted))


def templates_alone() -> World:
    """What the official templates load, by name alone, on a hub that has it and nothing else."""
    builder = Builder(5)
    for repo, path, folder in template_files():
        builder.put(repo, path, folder, bytes_of=path.rpartition("/")[2])
    things = {(thing.folder, thing.name): thing for thing in builder.things if thing.folder not in _NOT_IN_LOADERS}
    wanted = (
        Wanted(
            filename=thing.name,
            value=thing.name,
            folder=thing.folder,
            truth=thing.sha256,
            provable=thing.kind_told and not is_generic(thing.name),
            findable=not is_generic(thing.name),
        )
        for thing in things.values()
    )
    return World(catalogue=builder.catalogue(), wanted=tuple(wanted))


def _homes(builder: Builder, known: KnownNames) -> None:
    """Everything where it is at home."""
    for repo, path, folder in template_files():
        builder.put(repo, path, folder, bytes_of=path.rpartition("/")[2])
    for repo, folders in known.repositories.items():
        for folder, paths in folders.items():
            for path in paths:
                own = repo if path.startswith(("diffusion_pytorch", "pytorch_lora", "ae.")) else ""
                builder.put(repo, path, folder, bytes_of=own + path.rpartition("/")[2])
    for model, versions in known.checkpoints.items():
        builder.page(model, [(name, _checkpoint_files(builder, model, name)) for name in versions], "checkpoints")
    for folder, rows in (("loras", known.loras), ("upscale_models", known.upscalers)):
        for model, names, files in rows:
            pairs = [(name, [(file, file) for file in _share(files, at, len(names))]) for at, name in enumerate(names)]
            builder.page(model, pairs, folder)
    here = {thing.name for thing in builder.things}
    pages = tuple(camel(model).lower()[:8] for model in known.checkpoints)
    for folder, wild in known.wild.items():
        for name in wild:
            if name not in here and not name.lower().startswith(pages):
                _settle(builder, name, folder)


def _share(files: Sequence[str], place: int, count: int) -> Sequence[str]:
    return files[place : place + 1] if len(files) == count else files


def _checkpoint_files(builder: Builder, model: str, version: str) -> list[tuple[str, str]]:
    """One file, or the pruned and the full one: the site shows both under one name, whatever they were uploaded as."""
    join = builder.chance.choice(("_", "-", ""))
    stem = re.sub(r"[^A-Za-z0-9.]+", join, model).strip("_-") + "_" + re.sub(r"[^A-Za-z0-9.]+", "", version)
    if builder.chance.random() < 0.6:
        stem = f"{camel(model)}_{camel(version)}"
    files = [(f"{stem}.safetensors", f"{model} {version}")]
    if builder.chance.random() < 0.1:
        files.append((f"{stem}_full.safetensors", f"{model} {version} full"))
    return files


def _settle(builder: Builder, name: str, folder: str) -> None:
    """A home for a name whose own is not known: a page of its words, or a repository of its first words."""
    words = telling(name)
    on_civitai = {"checkpoints": 0.7, "loras": 0.6, "upscale_models": 0.3}.get(folder, 0.0)
    if words and builder.chance.random() < on_civitai:
        title = page_title_of(name)
        extra = builder.chance.choice(("", " XL", " - Style", " Collection"))
        version = builder.chance.choice(("v1.0", "v2", "final"))
        builder.page(title + extra, [(version, [(name, name)])], folder)
        return
    place = builder.chance.choice((name, f"{folder}/{name}", f"split_files/{folder}/{name}"))
    quoted = not words or builder.chance.random() < 0.5
    builder.put(f"{builder.chance.choice(_AUTHORS)}/{title_of(name)}", place, folder, bytes_of=name, quoted=quoted)


def page_title_of(name: str) -> str:
    """A model's name on Civitai as it may stand behind a file's: of `modelName_version` the first part."""
    stem = name.rpartition(".")[0]
    if re.fullmatch(r"[A-Za-z0-9]+_[A-Za-z0-9]+", stem):
        stem = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem.partition("_")[0])
    words = [word for word in re.split(r"[_\-\s()]+", stem) if word]
    return " ".join(word[0].upper() + word[1:] for word in words[:4])


def title_of(name: str) -> str:
    """A repository's name as an author would make it of a file's: its first parts, as they are written."""
    parts = re.split(r"[_\-\s()]+", name.rpartition(".")[0])
    return re.sub(r"[^A-Za-z0-9.-]", "", "-".join(parts[:3])).strip("-.") or "Untitled"


def _neighbours(builder: Builder, things: Sequence[_Thing]) -> None:
    """Beside every second file something that is easily taken for it."""
    for thing in things:
        if builder.chance.random() < 0.55:
            maker = builder.chance.choice(_MAKERS)
            maker(builder, thing)


def _other_version(builder: Builder, thing: _Thing) -> None:
    stem, _, ending = thing.name.rpartition(".")
    numbers = list(re.finditer(r"\d+", stem))
    name = f"{stem}_v2.{ending}"
    if numbers:
        last = numbers[-1]
        name = f"{stem[: last.start()]}{int(last[0]) + 1}{stem[last.end() :]}.{ending}"
    _beside(builder, thing, name)


def _other_precision(builder: Builder, thing: _Thing) -> None:
    stem, _, ending = thing.name.rpartition(".")
    swapped = re.sub(r"fp16|bf16|fp8", lambda match: "fp8" if match[0] != "fp8" else "fp16", stem)
    _beside(builder, thing, f"{swapped if swapped != stem else f'{stem}_fp16'}.{ending}")


def _other_variant(builder: Builder, thing: _Thing) -> None:
    stem, _, ending = thing.name.rpartition(".")
    _beside(builder, thing, f"{stem}{builder.chance.choice(('-inpainting', '_pruned', '_turbo', '-full'))}.{ending}")


def _longer(builder: Builder, thing: _Thing) -> None:
    _beside(builder, thing, f"{builder.chance.choice(('my_', 'new-', 'old'))}{thing.name}")


def _beside(builder: Builder, thing: _Thing, name: str) -> None:
    """Another name with other bytes, in the same kind of place."""
    title = title_of(thing.name)
    if thing.hub == "civitai":
        builder.page(thing.title, [("v1", [(name, f"beside {name}")])], thing.folder, wanted=False)
    else:
        builder.put(f"{builder.chance.choice(_AUTHORS)}/{title}", name, thing.folder, wanted=False)


def _other_bytes(builder: Builder, thing: _Thing) -> None:
    """The same name with other bytes, less known: in another repository, or from another creator.

    What nobody can reach gets no such neighbour: nobody could know that there are two.
    """
    if not thing.reachable:
        return
    title = title_of(thing.name)
    seed = f"other {thing.name}"
    if thing.hub == "civitai" and builder.chance.random() < 0.5:
        again = thing.title + builder.chance.choice(("", " (reupload)", " mirror"))
        builder.page(again, [("v1", [(thing.name, seed)])], thing.folder, downloads=50, wanted=False)
        return
    repo = f"{builder.chance.choice(_AUTHORS)}/{title}-mirror"
    builder.downloads.setdefault(repo, builder.chance.randrange(1, 90))
    builder.put(repo, thing.name, thing.folder, bytes_of=seed, quoted=builder.chance.random() < 0.5, wanted=False)


def _same_bytes(builder: Builder, thing: _Thing) -> None:
    """A copy; of what lies on Hugging Face, where files of one base name are copies of each other."""
    path = thing.url.rpartition("/")[2]
    if thing.hub == "huggingface" and path == thing.name and content_seed_is_name(thing):
        title = title_of(thing.name)
        repo = f"{builder.chance.choice(_AUTHORS)}/{title}-copy"
        builder.put(repo, thing.name, thing.folder, bytes_of=thing.name, wanted=False)


def content_seed_is_name(thing: _Thing) -> bool:
    return sha256_of(content_for(thing.name, thing.folder, thing.name, SIZE_BYTES)) == thing.sha256


def _renamed(builder: Builder, thing: _Thing) -> None:
    """The very bytes under another name."""
    if is_weights(thing.name) and content_seed_is_name(thing):
        title = title_of(thing.name)
        repo = f"{builder.chance.choice(_AUTHORS)}/{title}-pack"
        builder.put(repo, f"renamed_{thing.name}", thing.folder, bytes_of=thing.name, wanted=False)


def _lora_of_the_name(builder: Builder, thing: _Thing) -> None:
    """A LoRA called like a checkpoint, or the other way round."""
    if thing.folder in ("checkpoints", "loras"):
        other = "loras" if thing.folder == "checkpoints" else "checkpoints"
        title = " ".join(word.capitalize() for word in telling(thing.name)[:2]) or "Untitled"
        builder.page(title, [("v1", [(thing.name, f"{other} {thing.name}")])], other, downloads=99, wanted=False)


_MAKERS: Final = (
    _other_version, _other_version, _other_precision, _other_precision, _other_variant, _longer, _other_bytes,
    _same_bytes, _renamed, _lora_of_the_name,
)  # fmt: skip


def _every_name(builder: Builder) -> dict[str, set[str]]:
    """Name to the SHA-256 of all files on both hubs that carry it."""
    carried: dict[str, set[str]] = defaultdict(set)
    for files in builder.repos.values():
        for path, file in files.items():
            carried[path.rpartition("/")[2]].add(sha256_of(file.content))
    for model in builder.models:
        for version in model.versions:
            for civitai_file in version.files:
                for name in (civitai_file.name, shown_name(model, version, civitai_file)):
                    carried[name].add(sha256_of(civitai_file.content))
    return carried


def _wanted(builder: Builder, things: Sequence[_Thing], carried: dict[str, set[str]]) -> list[Wanted]:
    """What workflows name: mostly by the name alone; some with a hash, an address, an address that died."""
    rows: dict[tuple[str, str], Wanted] = {}
    on_civitai = {
        hash_ for model in builder.models for v in model.versions for f in v.files for hash_ in hashes(f).values()
    }
    for thing in things:
        key = (thing.folder, thing.name)
        if key not in rows and thing.folder in TYPE_OF_FOLDER:
            rows[key] = _one_wanted(builder, thing, carried, on_civitai)
    for folder, name in list(rows)[::25]:
        gone = re.sub(r"(\.\w+)$", r"_v77\1", name)
        rows[folder, gone] = Wanted(filename=gone, value=gone, folder=folder, truth=None)
    return list(rows.values())


def _one_wanted(builder: Builder, thing: _Thing, carried: dict[str, set[str]], on_civitai: set[str]) -> Wanted:
    told = builder.chance.choices(("name", "sha256", "autov2", "url", "dead-url"), (70, 10, 4, 12, 4))[0]
    subfolder = builder.chance.choices(("", "SDXL\\", "video/"), (80, 10, 10))[0]
    unique = carried[thing.name] == {thing.sha256}
    by_name = unique and thing.reachable and thing.kind_told and not is_generic(thing.name)
    by_hash = thing.sha256.upper() in on_civitai or (thing.reachable and not is_generic(thing.name))
    by_short = thing.reachable and thing.kind_told and not is_generic(thing.name) and thing.hub == "civitai"
    provable = {"name": by_name, "sha256": by_hash, "autov2": by_short, "url": True, "dead-url": False}[told]
    return Wanted(
        filename=thing.name,
        value=subfolder + thing.name,
        folder=thing.folder,
        truth=thing.sha256,
        told=told,
        url={"url": thing.url, "dead-url": f"https://huggingface.co/gone/gone/resolve/main/{thing.name}"}.get(told),
        provable=provable,
        findable=thing.reachable and not is_generic(thing.name),
    )
