"""Which of ComfyUI's folders a kind of model belongs in, and which are surely not for it."""

from typing import Final

from comfyfixer.model.content import Content

FOLDERS: Final[dict[str, tuple[str, ...]]] = {
    "checkpoint": ("checkpoints",),
    "diffusion_model": ("diffusion_models",),
    "lora": ("loras",),
    "controlnet": ("controlnet",),
    "vae": ("vae",),
    "text_encoder": ("text_encoders",),
    "clip_vision": ("clip_vision",),
    "upscaler": ("upscale_models",),
    "embedding": ("embeddings",),
    "style_model": ("style_models",),
    "ip_adapter": ("ipadapter",),
}
_WORDS: Final = {
    "checkpoint": "a whole checkpoint",
    "diffusion_model": "a whole diffusion model",
    "lora": "a LoRA",
    "controlnet": "a ControlNet",
    "vae": "a VAE",
    "text_encoder": "a text encoder",
    "clip_vision": "a vision encoder",
    "upscaler": "an upscaler",
    "embedding": "an embedding",
    "style_model": "a style model",
    "ip_adapter": "an IP-Adapter",
}
_BASES: Final = frozenset({"checkpoints", "diffusion_models", "unet"})
_TEXTS: Final = frozenset({"text_encoders", "clip"})
_ADDED: Final = frozenset({"loras", "upscale_models", "embeddings"})
_NEVER_IN: Final[dict[str, frozenset[str]]] = {
    "lora": _BASES | _TEXTS | {"vae", "clip_vision", "upscale_models"},
    "checkpoint": _ADDED | {"vae"},
    "diffusion_model": _ADDED | {"vae"},
    "text_encoder": _ADDED | {"vae"},
    "vae": _ADDED | _TEXTS | {"clip_vision"},
    "clip_vision": _ADDED | {"vae"},
    "controlnet": _ADDED | _TEXTS | {"vae", "clip_vision"},
    "embedding": _BASES | _TEXTS | {"vae", "clip_vision", "loras", "upscale_models", "controlnet"},
}
"""Folders whose loaders can't use it. Checkpoints are left out on purpose for parts: some loaders read them there."""


def contradiction(folder: str, content: Content) -> str | None:
    """What a file is, for a message, when `folder` is surely for something else; else None."""
    return described(content) if content.certain and folder in _NEVER_IN.get(content.kind or "", ()) else None


def described(content: Content) -> str | None:
    """`a LoRA (SDXL)`; None where no kind is known."""
    if content.kind is None:
        return None
    words = _WORDS.get(content.kind, content.kind)
    return f"{words} ({content.family})" if content.family else words
