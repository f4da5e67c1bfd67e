"""Civitai's types of models and files, and the folders of ComfyUI where they belong. Pure."""

from typing import Final

_FOLDERS_OF_TYPE: Final[dict[str, tuple[str, ...]]] = {
    "Checkpoint": ("checkpoints",),
    "LORA": ("loras",),
    "LoCon": ("loras",),
    "DoRA": ("loras",),
    "VAE": ("vae",),
    "TextualInversion": ("embeddings",),
    "Controlnet": ("controlnet",),
    "Upscaler": ("upscale_models",),
    "TextEncoder": ("text_encoders",),
    "CLIP": ("text_encoders",),
    "CLIPVision": ("clip_vision",),
    "UNet": ("diffusion_models",),
    "Hypernetwork": ("hypernetworks",),
    "MotionModule": ("animatediff_models",),
    "Detection": ("ultralytics/bbox", "ultralytics/segm", "ultralytics", "sams"),
    "LLM": ("LLM", "text_encoders"),
    "VisionLanguage": ("LLM", "text_encoders"),
}
_FOLDERS_OF_FILE: Final[dict[str, tuple[str, ...]]] = {
    "VAE": ("vae",),
    "Text Encoder": ("text_encoders",),
    "Vision Encoder": ("clip_vision",),
    "CLIPVision": ("clip_vision",),
    "UNet": ("diffusion_models",),
    "Diffusion Model": ("diffusion_models",),
    "ControlNet": ("controlnet",),
    "Upscaler": ("upscale_models",),
}
_NO_MODELS: Final = frozenset({"Training Data", "Config", "Archive", "Workflow"})
_OFTEN_WITHOUT_ENCODER: Final = (
    "flux", "wan", "qwen", "z-image", "zimage", "hidream", "hunyuan", "chroma", "ltx", "krea", "lumina", "auraflow",
    "cosmos", "sd 3", "mochi", "anima",
)  # fmt: skip
_TYPES_OF_FOLDER: Final[dict[str, tuple[str, ...]]] = {
    "checkpoints": ("Checkpoint",),
    "diffusion_models": ("Checkpoint", "UNet"),
    "unet": ("Checkpoint", "UNet"),
    "loras": ("LORA", "LoCon", "DoRA"),
    "vae": ("VAE", "Checkpoint"),
    "embeddings": ("TextualInversion",),
    "controlnet": ("Controlnet",),
    "upscale_models": ("Upscaler",),
    "text_encoders": ("TextEncoder", "CLIP", "Checkpoint"),
    "clip": ("TextEncoder", "CLIP", "Checkpoint"),
    "clip_vision": ("CLIPVision",),
    "hypernetworks": ("Hypernetwork",),
    "animatediff_models": ("MotionModule",),
}


def types_for(folder: str | None) -> tuple[str, ...]:
    """Types to search among for a file of a models folder; none means all."""
    if folder is None:
        return ()
    if folder.startswith(("ultralytics", "sams")):
        return ("Detection",)
    return _TYPES_OF_FOLDER.get(folder, ())


def folders_for(model_type: str | None, file_type: str | None, name: str, base_model: str | None) -> tuple[str, ...]:
    """Where a file belongs by Civitai's word; empty where that tells nothing."""
    own = _FOLDERS_OF_FILE.get(file_type or "")
    if own:
        return own
    if model_type == "Checkpoint":
        base = (base_model or "").lower()
        without_encoder = name.lower().endswith(".gguf") or any(word in base for word in _OFTEN_WITHOUT_ENCODER)
        return ("checkpoints", "diffusion_models") if without_encoder else ("checkpoints",)
    return _FOLDERS_OF_TYPE.get(model_type or "", ())


def is_model_file(file_type: str | None) -> bool:
    """False for training pictures, configurations, archives and workflows."""
    return file_type not in _NO_MODELS
