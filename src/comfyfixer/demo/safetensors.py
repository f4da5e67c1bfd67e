"""Headers of tiny, valid safetensors files whose tensor names are those of real models.

The format: 8 bytes little-endian length, that many bytes of JSON, then the tensors' bytes without a gap.
"""

import json
from collections.abc import Mapping
from typing import Final

SMALLEST_BYTES: Final = 4096
HEADER_STEP: Final = 256

TENSORS: Final[dict[str, tuple[str, ...]]] = {
    "checkpoint": (
        "conditioner.embedders.0.transformer.text_model.embeddings.position_embedding.weight",
        "first_stage_model.decoder.conv_in.weight",
        "model.diffusion_model.input_blocks.0.0.weight",
        "model.diffusion_model.out.2.weight",
    ),
    "diffusion_model": ("double_blocks.0.img_attn.qkv.weight", "final_layer.linear.weight", "img_in.weight"),
    "lora": (
        "lora_unet_input_blocks_4_1_proj_in.alpha",
        "lora_unet_input_blocks_4_1_proj_in.lora_down.weight",
        "lora_unet_input_blocks_4_1_proj_in.lora_up.weight",
    ),
    "vae": ("decoder.conv_in.weight", "encoder.conv_in.weight", "encoder.conv_out.weight"),
    "text_encoder": (
        "encoder.block.0.layer.0.SelfAttention.q.weight",
        "encoder.final_layer_norm.weight",
        "shared.weight",
    ),
    "clip_vision": ("vision_model.embeddings.class_embedding", "vision_model.embeddings.patch_embedding.weight"),
    "controlnet": ("control_model.input_blocks.0.0.weight", "control_model.zero_convs.0.0.weight"),
    "upscaler": ("body.0.rdb1.conv1.weight", "conv_first.weight", "conv_last.weight"),
    "embedding": ("clip_g", "clip_l"),
    "other": ("weight",),
}


def header(kind: str, size_bytes: int, metadata: Mapping[str, str]) -> bytes:
    """Length prefix and JSON of a file that has `size_bytes` in all; the last tensor takes the rest of the bytes."""
    if size_bytes < SMALLEST_BYTES or size_bytes % 2:
        raise ValueError(f"a safetensors file of {size_bytes} bytes can't be made: even, at least {SMALLEST_BYTES}")
    draft = _json(kind, size_bytes, metadata)
    length = -(-(len(draft) + 8) // HEADER_STEP) * HEADER_STEP - 8
    exact = _json(kind, size_bytes - 8 - length, metadata)
    return length.to_bytes(8, "little") + exact.ljust(length)


def _json(kind: str, data_bytes: int, metadata: Mapping[str, str]) -> bytes:
    *small, last = TENSORS[kind]
    table: dict[str, object] = {"__metadata__": {"format": "pt", **metadata}}
    offset = 0
    for name in small:
        table[name] = _tensor(offset, offset + 128)
        offset += 128
    table[last] = _tensor(offset, data_bytes)
    return json.dumps(table, separators=(",", ":")).encode()


def _tensor(start: int, end: int) -> dict[str, object]:
    return {"dtype": "F16", "shape": [(end - start) // 2], "data_offsets": [start, end]}
