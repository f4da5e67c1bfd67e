"""Which base model it is of or for, told by the names and shapes of tensors.

The marks are those by which ComfyUI 0.33.0 itself tells models apart when it loads them (`comfy/model_detection.py`,
`comfy/controlnet.py`, `comfy/sd.py` `detect_te_model`, the key maps in `comfy/lora.py`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

Shapes = Mapping[str, tuple[int, ...] | None]
"""Name to shape; None where only the name is known."""

PREFIXES: Final = ("", "model.diffusion_model.", "net.", "model.model.", "model.", "diffusion_model.")
"""What may stand before a diffusion model's own names."""

_BACKBONES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("SD3", ("joint_blocks.0.context_block.attn.qkv.weight",)),
    ("SD3", ("joint_blocks.0.x_block.attn.qkv.weight", "x_embedder.proj.weight")),
    ("Stable Cascade", ("clf.1.weight", "clip_txt_mapper.weight")),
    ("Stable Cascade", ("clf.1.weight", "clip_mapper.weight")),
    ("Stable Audio", ("transformer.rotary_pos_emb.inv_freq",)),
    ("AuraFlow", ("double_layers.0.attn.w1q.weight",)),
    ("HunyuanDiT", ("mlp_t5.0.weight",)),
    ("HunyuanVideo 1.5", ("txt_in.individual_token_refiner.blocks.0.norm1.weight", "cond_type_embedding.weight")),
    ("HunyuanVideo", ("txt_in.individual_token_refiner.blocks.0.norm1.weight",)),
    ("Flux.2", ("double_blocks.0.img_attn.norm.key_norm.scale", "double_stream_modulation_img.lin.weight")),
    ("Flux.2", ("double_blocks.0.img_attn.norm.key_norm.weight", "double_stream_modulation_img.lin.weight")),
    ("Chroma", ("double_blocks.0.img_attn.qkv.weight", "distilled_guidance_layer.norms.0.scale")),
    ("Chroma", ("double_blocks.0.img_attn.qkv.weight", "distilled_guidance_layer.norms.0.weight")),
    ("Flux", ("double_blocks.0.img_attn.norm.key_norm.scale", "img_in.weight")),
    ("Flux", ("double_blocks.0.img_attn.norm.key_norm.weight", "img_in.weight")),
    ("Flux", ("double_blocks.0.img_attn.qkv.weight", "img_in.weight")),
    ("Mochi", ("t5_yproj.weight",)),
    ("PixArt", ("adaln_single.emb.timestep_embedder.linear_1.bias", "pos_embed.proj.bias")),
    ("LTX-2", ("adaln_single.emb.timestep_embedder.linear_1.bias", "audio_adaln_single.linear.weight")),
    ("LTX-Video", ("adaln_single.emb.timestep_embedder.linear_1.bias",)),
    ("ACE-Step", ("genre_embedder.weight",)),
    ("ACE-Step", ("encoder.lyric_encoder.layers.0.input_layernorm.weight",)),
    ("PixArt", ("t_block.1.weight",)),
    ("Cosmos", ("blocks.block0.blocks.0.block.attn.to_q.0.weight",)),
    ("Z-Image", ("cap_embedder.1.weight", "noise_refiner.0.attention.k_norm.weight", "cap_pad_token")),
    ("Lumina 2", ("cap_embedder.1.weight", "noise_refiner.0.attention.k_norm.weight")),
    ("CogVideoX", ("blocks.0.norm1.linear.weight",)),
    ("SeedVR2", ("blocks.31.mlp.all.proj_in_gate.weight",)),
    ("Wan", ("head.modulation",)),
    ("Hunyuan3D", ("latent_in.weight", "cond_in.weight")),
    ("Hunyuan3D", ("t_embedder.mlp.2.weight", "blocks.0.attn1.k_norm.weight")),
    ("HiDream", ("caption_projection.0.linear.weight",)),
    ("Anima", ("blocks.0.mlp.layer1.weight", "llm_adapter.blocks.0.cross_attn.q_proj.weight")),
    ("Cosmos Predict2", ("blocks.0.mlp.layer1.weight",)),
    ("OmniGen2", ("time_caption_embed.timestep_embedder.linear_1.bias",)),
    ("Qwen-Image", ("txt_norm.weight", "transformer_blocks.0.img_mlp.net.0.proj.weight")),
    ("Krea 2", ("txtfusion.projector.weight",)),
    ("Kandinsky 5", ("visual_transformer_blocks.0.cross_attention.key_norm.weight",)),
    ("SVD", ("input_blocks.0.0.weight", "input_blocks.1.1.time_stack.0.attn1.to_q.weight")),
    ("", ("input_blocks.0.0.weight", "time_embed.0.weight")),
    ("", ("down_blocks.0.resnets.0.conv1.weight", "conv_in.weight", "time_embedding.linear_1.weight")),
)
"""Family to names that each of its files has, in asking order; U-Nets (``) are told by their width."""

ENDS: Final = frozenset(
    {
        "final_layer.linear.weight", "out.2.weight", "head.head.weight", "proj_out.weight", "conv_out.weight",
        "clf.1.weight", "final_linear.weight",
    }
)  # fmt: skip
"""The last layer of a diffusion model: an adapter or a control model copies the first ones only."""

_CONTEXT: Final = re.compile(r"attn2[._]to_[kv]\.(?:lora_down\.|lora_A\.|lora\.down\.)?weight\Z")
_WIDTHS: Final = {768: "SD1.5", 1024: "SD2", 2048: "SDXL", 1280: "SDXL Refiner"}
_SDXL_NAMES: Final = re.compile(
    r"lora_te2_|lora_unet_(?:input|output|middle)_block|text_encoder_2\.|conditioner\.embedders\.1\."
    r"|(?:input_blocks|output_blocks|middle_block)[._](?:\d+[._])?1[._]transformer_blocks[._]9[._]|add_embedding\.linear_1"
    r"|down_blocks[._]2[._]attentions[._]\d[._]transformer_blocks[._]9[._]"
)
_SD1_NAMES: Final = re.compile(r"cond_stage_model\.transformer\.text_model\.")
_SD2_NAMES: Final = re.compile(r"cond_stage_model\.model\.")

_LORA_NAMES: Final = (
    ("HunyuanVideo", re.compile(r"individual_token_refiner|double_blocks[._]\d+[._]img_mlp[._]fc1")),
    ("Chroma", re.compile(r"distilled_guidance_layer")),
    ("Flux", re.compile(r"double_blocks[._]\d+[._]img_|single_transformer_blocks[._]\d+[._]")),
    ("HiDream", re.compile(r"double_stream_blocks[._]\d+")),
    ("SD3", re.compile(r"joint_blocks[._]\d+")),
    ("Qwen-Image", re.compile(r"transformer_blocks[._]\d+[._](?:img|txt)_(?:mlp|mod)[._]")),
    ("Wan", re.compile(r"blocks[._]\d+[._](?:cross|self)_attn[._](?:q|k|v|o|k_img|v_img)\b")),
    ("Wan", re.compile(r"blocks_\d+_(?:cross|self)_attn_(?:q|k|v|o|k_img|v_img)\.")),
    ("Lumina 2", re.compile(r"(?:layers|noise_refiner|context_refiner)[._]\d+[._]attention[._]")),
    ("LTX-Video", re.compile(r"(?:^|\.)transformer_blocks\.\d+\.attn[12]\.to_[qkv]\.")),
)
"""In asking order: names that only a LoRA for this base has."""


def backbone(shapes: Shapes) -> tuple[str | None, str] | None:
    """Family (None where only the shape could tell) and prefix of the diffusion model in it; None without one."""
    for prefix in PREFIXES:
        for family, (mark, *others) in _BACKBONES:
            if prefix + mark in shapes and all(prefix + other in shapes for other in others):
                return _refined(family, shapes, prefix), prefix
    return None


def of_unet(shapes: Shapes) -> str | None:
    """SD1.5, SD2, SDXL or its refiner, by the text encoder's width, else by names that only one of them has."""
    for name, shape in shapes.items():
        if shape is not None and len(shape) == 2 and _CONTEXT.search(name):
            return _WIDTHS.get(shape[1])
    for family, mark in (("SDXL", _SDXL_NAMES), ("SD1.5", _SD1_NAMES), ("SD2", _SD2_NAMES)):
        if _has(mark, shapes):
            return family
    return None


def of_lora(shapes: Shapes) -> str | None:
    """The base that a LoRA's names speak of."""
    return next((family for family, mark in _LORA_NAMES if _has(mark, shapes)), None) or of_unet(shapes)


def of_controlnet(shapes: Shapes) -> str | None:
    """The base that a control model is made for."""
    if "pos_embed_input.proj.weight" in shapes or _starts(shapes, "joint_blocks."):
        return "SD3"
    if _starts(shapes, "double_blocks.", "controlnet_x_embedder.", "controlnet_single_blocks."):
        return "Flux"
    if "transformer_blocks.0.img_mlp.net.0.proj.weight" in shapes:
        return "Qwen-Image"
    return of_unet(shapes)


def of_text_encoder(shapes: Shapes) -> str | None:
    """The text encoder's own name, where names and widths tell it."""
    if "encoder.block.0.layer.0.SelfAttention.k.weight" in shapes:
        return _t5(shapes)
    clip = next((name for layer, name in _CLIPS if f"text_model.encoder.layers.{layer}.mlp.fc1.weight" in shapes), None)
    if clip:
        return clip
    if "model.layers.0.post_feedforward_layernorm.weight" in shapes:
        return "Gemma 3" if "model.layers.0.self_attn.q_norm.weight" in shapes else "Gemma 2"
    if "model.layers.0.self_attn.q_norm.weight" in shapes:
        return "Qwen3"
    return "Qwen2.5" if "model.layers.0.self_attn.k_proj.bias" in shapes else None


def of_vae(shapes: Shapes) -> str | None:
    """The models that a VAE belongs to, where only those use its kind."""
    if "decoder.middle.0.residual.0.gamma" in shapes:
        return "Wan and Qwen-Image"
    if "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight" in shapes:
        return "LTX-Video"
    latent = shapes.get("decoder.conv_in.weight")
    if latent is None or len(latent) != 4:
        return None
    return {4: "SD1.5 and SDXL", 16: "Flux and SD3", 32: "Flux.2"}.get(latent[1])


_CLIPS: Final = ((30, "CLIP-G"), (22, "CLIP-H"), (0, "CLIP-L"))


def _t5(shapes: Shapes) -> str:
    vocabulary, inner = shapes.get("shared.weight"), shapes.get("encoder.block.23.layer.1.DenseReluDense.wi_1.weight")
    if inner is None or inner[0] != 10_240:
        return "T5"
    return "UMT5-XXL" if vocabulary is not None and vocabulary[0] > 200_000 else "T5-XXL"


def _refined(family: str, shapes: Shapes, prefix: str) -> str | None:
    if not family:
        return of_unet(shapes)
    width = shapes.get(prefix + "cap_embedder.1.weight") if family == "Lumina 2" else None
    return "Z-Image" if width is not None and width[0] == 3840 else family


def _has(mark: re.Pattern[str], names: Iterable[str]) -> bool:
    return any(mark.search(name) for name in names)


def _starts(names: Iterable[str], *beginnings: str) -> bool:
    return any(name.startswith(beginnings) for name in names)
