"""What a file's own metadata claims to be: `modelspec.*` (the Stability model metadata standard), `ss_*` (kohya's
trainers), `general.*` (GGUF). A claim is never certain: merging and editing tools carry it along.
"""

from collections.abc import Mapping
from typing import Final

_FAMILIES: Final = (
    ("stable-diffusion-xl-v1-refiner", "SDXL Refiner"), ("stable-diffusion-xl", "SDXL"), ("sdxl", "SDXL"),
    ("stable-diffusion-v1", "SD1.5"), ("sd_v1", "SD1.5"), ("sd1", "SD1.5"), ("stable-diffusion-v2", "SD2"),
    ("sd_v2", "SD2"), ("stable-diffusion-3", "SD3"), ("sd3", "SD3"), ("flux-2", "Flux.2"), ("flux2", "Flux.2"),
    ("flux.2", "Flux.2"), ("flux", "Flux"), ("chroma", "Chroma"), ("wan", "Wan"), ("hunyuan-video", "HunyuanVideo"),
    ("hunyuan_video", "HunyuanVideo"), ("hyvid", "HunyuanVideo"), ("ltx", "LTX-Video"), ("qwen", "Qwen-Image"),
    ("lumina", "Lumina 2"), ("z-image", "Z-Image"), ("zimage", "Z-Image"), ("aura", "AuraFlow"),
    ("hidream", "HiDream"), ("cosmos", "Cosmos"), ("pixart", "PixArt"), ("stable-cascade", "Stable Cascade"),
)  # fmt: skip
"""How names of base models begin, the longer ones of a kind first."""
_KINDS: Final = {
    "lora": "lora", "textual-inversion": "embedding", "control-net": "controlnet", "controlnet": "controlnet",
    "vae": "vae",
}  # fmt: skip
_GGUF_DIFFUSION: Final = frozenset(
    {"flux", "sd1", "sdxl", "sd3", "aura", "hidream", "cosmos", "ltxv", "hyvid", "wan", "lumina2", "qwen_image"}
)
_GGUF_TEXT: Final = {
    "t5": "T5", "t5encoder": "T5", "llama": "Llama", "qwen2vl": "Qwen2.5", "qwen3": "Qwen3", "qwen3vl": "Qwen3",
    "gemma2": "Gemma 2", "gemma3": "Gemma 3",
}  # fmt: skip


def claimed_family(metadata: Mapping[str, str]) -> str | None:
    """The base model that the metadata names, or None."""
    for name in ("modelspec.architecture", "ss_base_model_version", "ss_sd_model_name"):
        if family := family_named(metadata.get(name, "")):
            return family
    return None


def claimed_kind(metadata: Mapping[str, str]) -> tuple[str, str] | None:
    """The kind that the metadata names, and which entry said so; None where none does."""
    _, _, part = metadata.get("modelspec.architecture", "").lower().partition("/")
    if kind := _KINDS.get(part):
        return kind, "modelspec.architecture"
    if metadata.get("ss_network_module", "").startswith(("networks.", "lycoris.")):
        return "lora", "ss_network_module"
    return None


def family_named(text: str) -> str | None:
    """The family that a name of a base model begins with."""
    lowered = text[:200].lower()
    return next((family for start, family in _FAMILIES if lowered.startswith(start)), None)


def gguf_kind(metadata: Mapping[str, str | float]) -> tuple[str | None, str | None]:
    """Kind and family by `general.architecture` and `general.type`; None each where they say nothing known.

    The names are those that the GGUF loaders for ComfyUI accept.
    """
    architecture = str(metadata.get("general.architecture", ""))
    if metadata.get("general.type", "model") != "model" or architecture == "clip":
        return None, None
    if architecture in _GGUF_DIFFUSION:
        return "diffusion_model", family_named(architecture)
    return ("text_encoder", _GGUF_TEXT[architecture]) if architecture in _GGUF_TEXT else (None, None)
