"""The models folder that the name of an input, or of a class, stands for. Only names that leave no doubt."""

import re
from functools import lru_cache
from typing import Final

_BY_NAME: Final = tuple(
    (re.compile(pattern), folder)
    for pattern, folder in (
        (r"clip_?vision", "clip_vision"),
        (r"control_?net|\bcnet|control_lora|t2i_?adapter", "controlnet"),
        (r"ip_?adapter", "ipadapter"),
        (r"motion_?lora", "animatediff_motion_lora"),
        (r"motion_?(model|module)", "animatediff_models"),
        (r"lora|lycoris|\blyco", "loras"),
        (r"upscale_?model|upscaler|\besrgan", "upscale_models"),
        (r"ckpt|checkpoint", "checkpoints"),
        (r"vae_?approx", "vae_approx"),
        (r"(^|_)vae", "vae"),
        (r"unet|diffusion_?model|transformer|(^|_)dit(_|$)", "diffusion_models"),
        (r"text_?encoder|^clip_?(name)?_?\w?$|^clip_(l|g|h)\b|^t5(xxl)?|clip_name|^clip_model", "text_encoders"),
        (r"style_?model", "style_models"),
        (r"gligen", "gligen"),
        (r"hyper_?network", "hypernetworks"),
        (r"photo_?maker", "photomaker"),
        (r"instant_?id", "instantid"),
        (r"pulid", "pulid"),
        (r"audio_?encoder", "audio_encoders"),
        (r"model_?patch", "model_patches"),
        (r"face_?restor", "facerestore_models"),
        (r"sam2", "sam2"),
        (r"(^|_)sam(_|$)", "sams"),
        (r"embedding", "embeddings"),
    )
)

_BY_CLASS: Final = tuple(
    (re.compile(pattern), folder)
    for pattern, folder in (
        (r"clipvision", "clip_vision"),
        (r"ipadapter", "ipadapter"),
        (r"controlnet", "controlnet"),
        (r"motionlora", "animatediff_motion_lora"),
        (r"lora", "loras"),
        (r"upscalemodel", "upscale_models"),
        (r"checkpoint|ckpt", "checkpoints"),
        (r"vae", "vae"),
        (r"unet|diffusionmodel|transformer|(?<=load)dit|dit(?=load)", "diffusion_models"),
        (r"textencoder|clip(?=load)|(?<=load)clip", "text_encoders"),
        (r"stylemodel", "style_models"),
        (r"gligen", "gligen"),
        (r"hypernetwork", "hypernetworks"),
        (r"photomaker", "photomaker"),
        (r"instantid", "instantid"),
        (r"pulid", "pulid"),
        (r"audioencoder", "audio_encoders"),
        (r"modelpatch", "model_patches"),
    )
)
_BY_OUTPUT: Final = {
    "VAE": "vae",
    "CLIP": "text_encoders",
    "MODEL": "diffusion_models",
    "CONTROL_NET": "controlnet",
    "UPSCALE_MODEL": "upscale_models",
    "CLIP_VISION": "clip_vision",
    "STYLE_MODEL": "style_models",
    "GLIGEN": "gligen",
    "PHOTOMAKER": "photomaker",
    "AUDIO_ENCODER": "audio_encoders",
    "MODEL_PATCH": "model_patches",
    "LATENT_UPSCALE_MODEL": "latent_upscale_models",
    "IPADAPTER": "ipadapter",
    "INSTANTID": "instantid",
    "PULID": "pulid",
    "PULIDFLUX": "pulid",
    "SAM_MODEL": "sams",
    "LORA_STACK": "loras",
    "FACERESTORE_MODEL": "facerestore_models",
    "WANVIDEOMODEL": "diffusion_models",
    "WANVAE": "vae",
    "WANVIDLORA": "loras",
    "WANTEXTENCODER": "text_encoders",
    "HYVIDEOMODEL": "diffusion_models",
    "HYVIDLORA": "loras",
}
_WHOLE: Final = frozenset({"MODEL", "CLIP", "VAE"})

_LOADS: Final = re.compile(r"load|select|picker|stack|chooser|loras?$")


@lru_cache(maxsize=4096)
def folder_of_input(name: str) -> str | None:
    """The folder that an input's name (or the last parts of a key path) stands for."""
    for part in reversed(re.split(r"[.\[\]/ ]+", name.lower())):
        for pattern, folder in _BY_NAME:
            if pattern.search(part):
                return folder
    return None


@lru_cache(maxsize=4096)
def folder_of_class(node_type: str) -> str | None:
    """The folder that a loader's class name stands for; None where it names two kinds, or loads nothing."""
    name = re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", node_type.lower()))
    if not _LOADS.search(name):
        return None
    found = [folder for pattern, folder in _BY_CLASS if pattern.search(name)]
    if found[:1] == ["clip_vision"]:
        return "clip_vision"
    return found[0] if len(found) == 1 else None


def folder_of_outputs(outputs: frozenset[str], inputs: frozenset[str]) -> str | None:
    """The folder of the one file that a node loads, by what comes out of it and did not go in."""
    made = outputs - inputs
    if made >= _WHOLE:
        return "checkpoints"
    folders = {_BY_OUTPUT.get(kind) for kind in made}
    return folders.pop() if len(folders) == 1 else None
