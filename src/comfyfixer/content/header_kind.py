"""What a safetensors file is, by the names of its tensors. Pure; where the names leave a doubt, nothing is said.

The marks are those by which ComfyUI itself tells models apart when it loads them (`comfy/model_detection.py`,
`comfy/lora.py`, `comfy/controlnet.py`, `comfy/sd.py`).
"""

import re
from collections.abc import Collection
from typing import Final

_LORA: Final = re.compile(
    r"\.lora_(?:up|down|A|B|mid)\.|\.lora\.(?:up|down)\.|_lora\.(?:up|down)\.|\.lora_[AB]$|\.hada_w[12]_[ab]$"
    r"|\.lokr_w[12](?:_[ab])?$|\.lora_linear_layer\.|\.oft_blocks$|\.dora_scale$|\.alpha$"
)
"""Low-rank pairs, LoHa, LoKr, OFT and their scales, as trainers and diffusers write them."""
_LORA_SURE: Final = re.compile(r"lora|hada_w|lokr_w|oft_blocks")
_CONTROLNET: Final = re.compile(
    r"^control_model\.|^controlnet_(?:cond_embedding|down_blocks|mid_block|blocks|x_embedder|pos_embed_input)"
    r"|^input_hint_block\.|^zero_convs\.|^lora_controlnet$"
)
_UNET: Final = "model.diffusion_model."
_BESIDE_UNET: Final = ("first_stage_model.", "cond_stage_model.", "conditioner.", "text_encoders.", "vae.")
"""A checkpoint holds a text encoder or a VAE beside the diffusion model."""
_VAE: Final = re.compile(r"^(?:first_stage_model\.)?(?:encoder|decoder|quant_conv|post_quant_conv|conv[12]|bn)\b")
_VAE_SURE: Final = re.compile(
    r"^(?:first_stage_model\.)?decoder\.(?:conv_in|up|up_blocks|mid|mid_block|middle|conv1)\b"
)
_TEXT_ENCODER: Final = re.compile(
    r"^(?:text_model|transformer\.text_model|text_encoders?)\.|^encoder\.block\.\d+\.layer\.\d+\.SelfAttention\."
    r"|^(?:model\.)?(?:language_model\.)?(?:model\.)?layers\.\d+\.(?:self_attn|mlp|input_layernorm)\."
)
_VISION: Final = re.compile(r"^(?:vision_model|visual_projection)\b")
_DIFFUSION: Final = re.compile(
    r"^(?:double_blocks|single_blocks|joint_blocks|transformer_blocks|single_transformer_blocks|double_layers"
    r"|noise_refiner|context_refiner)\.\d+\."
    r"|^blocks\.\d+\.(?:cross_attn|self_attn|adaln_modulation)|^(?:input|output)_blocks\.\d+\.\d+\."
    r"|^(?:down|up)_blocks\.\d+\.(?:attentions|resnets)\."
)


def folders_of_tensors(names: Collection[str]) -> tuple[str, ...]:
    """Models folders where a file with these tensors belongs; empty where the names do not tell."""
    if not names:
        return ()
    if any(_LORA_SURE.search(name) for name in names):
        return ("loras",) if _share(_LORA, names) > 0.5 and not _has(_CONTROLNET, names) else ()
    if any(name.startswith(_UNET) for name in names):
        beside = any(name.startswith(_BESIDE_UNET) for name in names)
        return ("checkpoints",) if beside else ("diffusion_models", "checkpoints")
    if _has(_CONTROLNET, names):
        return ("controlnet",)
    return _single(names)


def _single(names: Collection[str]) -> tuple[str, ...]:
    """One model by itself: exactly one of the kinds' marks has to be there."""
    found = []
    if _has(_VAE_SURE, names) and _share(_VAE, names) > 0.9:
        found.append("vae")
    if _has(_TEXT_ENCODER, names):
        found.append("text_encoders")
    elif _has(_VISION, names):
        found.append("clip_vision")
    if _has(_DIFFUSION, names):
        found.append("diffusion_models")
    return tuple(found) if len(found) == 1 else ()


def _has(mark: re.Pattern[str], names: Collection[str]) -> bool:
    return any(mark.search(name) for name in names)


def _share(mark: re.Pattern[str], names: Collection[str]) -> float:
    return sum(mark.search(name) is not None for name in names) / len(names)
