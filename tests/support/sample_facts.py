"""What has to become of each file that the sample installation's workflows need."""

from typing import Final

from comfyfixer.demo.sample import PRESENT, sample_catalogue
from tests.support.product import digest_of, file_of, file_of_version

_AURORA: Final = "northern-light/aurora-xl"
_HARBOR: Final = "harborworks/harbor"
_FROM_HUGGINGFACE: Final = {
    "checkpoints/aurora_xl_v2.safetensors": (_AURORA, "aurora_xl_v2.safetensors"),
    "vae/aurora_vae.safetensors": (_AURORA, "vae/aurora_vae.safetensors"),
    "upscale_models/4x_quietwater_detail.safetensors": (
        "quietwater/quietwater-upscalers",
        "4x_quietwater_detail.safetensors",
    ),
    "unet/harbor_base_fp16.safetensors": (_HARBOR, "split_files/diffusion_models/harbor_base_fp16.safetensors"),
    "unet/harbor_detail_fp16.safetensors": (_HARBOR, "split_files/diffusion_models/harbor_detail_fp16.safetensors"),
    "text_encoders/harbor_t5.safetensors": (_HARBOR, "split_files/text_encoders/harbor_t5.safetensors"),
    "vae/harbor_vae.safetensors": (_HARBOR, "split_files/vae/harbor_vae.safetensors"),
    "loras/harbor_rain_v1.safetensors": ("harborworks/harbor-rain-lora", "harbor_rain_v1.safetensors"),
}
_FROM_CIVITAI: Final = {
    "checkpoints/copperValley_v40.safetensors": 820_004,
    "loras/ink_wash_landscape_v3.safetensors": 810_003,
    "loras/autumn_palette_v1.1.safetensors": 850_001,
}
DECISIONS: Final = {
    **dict.fromkeys((path.rpartition("/")[2] for path in (*_FROM_HUGGINGFACE, *_FROM_CIVITAI)), "accepted"),
    "river_dev.safetensors": "accepted",
    "film_grain_400.safetensors": "review",
    "soft_lighting.safetensors": "review",
    "studio_portrait_v1.safetensors": "review",
    "diffusion_pytorch_model.safetensors": "not_found",
    "vanished_meadow_xl.safetensors": "not_found",
}
"""File name to decision; of the accepted ones `river_dev` is gated and can't be fetched without a key."""
MISSING_NODES: Final = {"FilmGrainApply", "FilmGrainLoader"}


def placed() -> dict[str, str]:
    """Path below `models` to the SHA-256 of the hub's file, for all that can be proven and fetched without a key.

    `diffusion_models` lie in `unet`: the first folder that ComfyUI itself knows for them.
    """
    catalogue = sample_catalogue()
    from_huggingface = {path: digest_of(file_of(catalogue, *place)) for path, place in _FROM_HUGGINGFACE.items()}
    from_civitai = {path: digest_of(file_of_version(catalogue, version)) for path, version in _FROM_CIVITAI.items()}
    return from_huggingface | from_civitai


def present() -> dict[str, str]:
    """What the sample installation has from the start."""
    return {path: digest_of(content) for path, content in PRESENT.items()}
