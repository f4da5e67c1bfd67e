"""The demo's installation and what the embedded hub has for it: invented names, tiny real files, every kind of case."""

from pathlib import Path
from typing import Final

from comfyfixer.demo.catalogue import (
    Catalogue,
    CivitaiFile,
    CivitaiModel,
    CivitaiVersion,
    HuggingFaceRepo,
    NodePack,
    RepoFile,
)
from comfyfixer.demo.content import Plain, Weights, whole
from comfyfixer.demo.sample_workflows import sample_workflows

FOLDERS: Final = (
    "audio_encoders", "checkpoints", "clip", "clip_vision", "configs", "controlnet", "diffusers", "diffusion_models",
    "embeddings", "gligen", "hypernetworks", "loras", "model_patches", "photomaker", "style_models", "text_encoders",
    "unet", "upscale_models", "vae", "vae_approx",
)  # fmt: skip
PRESENT: Final = {
    "checkpoints/paper_lantern_v1.safetensors": Weights(kind="checkpoint", seed="paper lantern 1", size_bytes=98_304),
    "loras/portraits/studio_portrait_v1.safetensors": Weights(kind="lora", seed="studio portrait 1"),
    "vae/paper_lantern_vae.safetensors": Weights(kind="vae", seed="paper lantern vae"),
}
PROGRAM: Final = {
    "main.py": '"""Stands for ComfyUI\'s own main.py in this demo."""\n',
    "nodes.py": '"""Stands for ComfyUI\'s own nodes.py in this demo."""\n\nNODE_CLASS_MAPPINGS = {}\n',
    "folder_paths.py": '"""Stands for ComfyUI\'s own folder_paths.py in this demo."""\n',
    "comfyui_version.py": '__version__ = "0.33.0"\n',
    "comfy/__init__.py": "",
    "custom_nodes/comfyui-palette-tools/__init__.py": '''"""Two nodes around colour palettes."""

import folder_paths


class PaletteLoraLoader:
    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "model": ("MODEL",),
                "palette_lora": (folder_paths.get_filename_list("loras"),),
                "strength": ("FLOAT", {"default": 1.0}),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "load"
    CATEGORY = "palette"

    def load(self, model, palette_lora, strength):
        return (model,)


NODE_CLASS_MAPPINGS = {"PaletteLoraLoader": PaletteLoraLoader}
NODE_DISPLAY_NAME_MAPPINGS = {"PaletteLoraLoader": "Palette LoRA"}
''',
    "custom_nodes/comfyui-palette-tools/pyproject.toml": (
        '[project]\nname = "comfyui-palette-tools"\nversion = "1.2.0"\n\n[tool.comfy]\nPublisherId = "northern-light"\n'
    ),
}


def build_installation(folder: Path) -> Path:
    """Write a small ComfyUI installation into `folder`; gives its root, `folder/ComfyUI`."""
    root = folder / "ComfyUI"
    empty = (*(f"models/{name}" for name in FOLDERS), "custom_nodes", "input", "output", "user/default/workflows")
    for name in empty:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in PROGRAM.items():
        _write(root / name, text.encode())
    for name, content in PRESENT.items():
        _write(root / "models" / name, whole(content))
    for name, data in sample_workflows(sample_catalogue()).items():
        _write(root / "user" / "default" / "workflows" / name, data)
    return root


def sample_catalogue() -> Catalogue:
    """What the hubs have: the files that the workflows need, and others that look much like them."""
    return Catalogue(civitai=_civitai(), huggingface=_huggingface(), packs=_packs())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _civitai() -> tuple[CivitaiModel, ...]:
    return (
        CivitaiModel(
            id=410_001,
            name="Ink Wash Landscape",
            type="LORA",
            level=4 | 8,
            tags=("style", "ink"),
            downloads=5200,
            versions=(
                _version(810_003, "v3", "ink_wash_landscape_v3.safetensors", "lora", words=("ink wash",)),
                _version(810_002, "v2", "ink_wash_landscape_v2.safetensors", "lora", words=("ink wash",)),
            ),
        ),
        CivitaiModel(
            id=410_002,
            name="Copper Valley",
            type="Checkpoint",
            downloads=91_000,
            versions=(
                _version(820_004, "v4.0", "coppervalley-four-final.safetensors", "checkpoint", size_bytes=786_432),
                _version(820_003, "v3.0", "coppervalley-three.safetensors", "checkpoint", size_bytes=786_432),
            ),
        ),
        CivitaiModel(
            id=410_003,
            name="Soft Lighting",
            type="LORA",
            creator="lampwright",
            versions=(_version(830_001, "v1", "soft_lighting.safetensors", "lora"),),
        ),
        CivitaiModel(
            id=410_004,
            name="Soft Lighting for Interiors",
            type="LORA",
            creator="roomlight",
            versions=(_version(840_001, "v1", "soft_lighting.safetensors", "lora"),),
        ),
        CivitaiModel(
            id=410_005,
            name="Autumn Palette",
            type="LORA",
            downloads=640,
            versions=(_version(850_001, "v1.1", "autumn_palette_v1.1.safetensors", "lora", storage="b2"),),
        ),
    )


def _version(
    number: int,
    name: str,
    file_name: str,
    kind: str,
    *,
    words: tuple[str, ...] = (),
    size_bytes: int = 49_152,
    storage: str = "r2",
) -> CivitaiVersion:
    content = Weights(kind=kind, seed=f"civitai {number}", size_bytes=size_bytes)
    file = CivitaiFile(id=number + 2_000_000, name=file_name, content=content, primary=True, storage=storage)
    return CivitaiVersion(id=number, name=name, files=(file,), trained_words=words)


def _huggingface() -> tuple[HuggingFaceRepo, ...]:
    return (
        _repo(
            "northern-light/aurora-xl",
            {
                "aurora_xl_v1.safetensors": ("checkpoint", 1_048_576),
                "aurora_xl_v2.safetensors": ("checkpoint", 1_572_864),
                "aurora_xl_v2_fp8.safetensors": ("checkpoint", 786_432),
                "vae/aurora_vae.safetensors": ("vae", 131_072),
            },
            former_ids=("auroralabs/aurora-xl",),
        ),
        _repo(
            "harborworks/harbor",
            {
                "split_files/diffusion_models/harbor_base_fp16.safetensors": ("diffusion_model", 1_048_576),
                "split_files/diffusion_models/harbor_base_fp8.safetensors": ("diffusion_model", 524_288),
                "split_files/diffusion_models/harbor_detail_fp16.safetensors": ("diffusion_model", 1_048_576),
                "split_files/text_encoders/harbor_t5.safetensors": ("text_encoder", 393_216),
                "split_files/vae/harbor_vae.safetensors": ("vae", 131_072),
            },
        ),
        _repo(
            "quietwater/quietwater-upscalers",
            {
                "4x_quietwater_detail.safetensors": ("upscaler", 65_536),
                "2x_quietwater_detail.safetensors": ("upscaler", 65_536),
            },
        ),
        _repo("tideway/river-dev", {"river_dev.safetensors": ("diffusion_model", 1_048_576)}, gated="manual"),
        _repo(
            "harborworks/harbor-rain-lora",
            {
                "harbor_rain_v1.safetensors": ("lora", 65_536),
                "harbor_rain_v2.safetensors": ("lora", 65_536),
            },
        ),
        _repo("edgeworks/depth-control", {"diffusion_pytorch_model.safetensors": ("controlnet", 65_536)}),
        _repo("edgeworks/canny-control", {"diffusion_pytorch_model.safetensors": ("controlnet", 65_536)}),
        _repo("grainlab/film-grain", {"film_grain_400.safetensors": ("other", 32_768)}),
    )


def _repo(
    name: str,
    files: dict[str, tuple[str, int]],
    *,
    gated: str | None = None,
    former_ids: tuple[str, ...] = (),
) -> HuggingFaceRepo:
    quoted = "\n".join(f"- `{path.rpartition('/')[2]}`" for path in files)
    card = f"# {name.rpartition('/')[2]}\n\nFiles for ComfyUI:\n\n{quoted}\n"
    large = tuple(
        RepoFile(path=path, content=Weights(kind=kind, seed=f"{name}/{path}", size_bytes=size))
        for path, (kind, size) in files.items()
    )
    readme = RepoFile(path="README.md", content=Plain(card.encode()), lfs=False)
    return HuggingFaceRepo(id=name, files=(readme, *large), gated=gated, former_ids=former_ids)


def _packs() -> tuple[NodePack, ...]:
    return (
        NodePack(
            id="comfyui-film-grain",
            name="Film Grain",
            repository="https://github.com/grainlab/comfyui-film-grain",
            node_types=("FilmGrainLoader", "FilmGrainApply"),
            version="0.4.1",
            stars=420,
        ),
        NodePack(
            id="comfyui-darkroom",
            name="Darkroom",
            repository="https://github.com/lampwright/comfyui-darkroom",
            node_types=("DarkroomDevelop", "FilmGrainApply"),
            version="2.0.0",
            stars=35,
        ),
        NodePack(
            id="comfyui-palette-tools",
            name="Palette Tools",
            repository="https://github.com/northern-light/comfyui-palette-tools",
            node_types=("PaletteLoraLoader",),
            version="1.2.0",
        ),
    )
