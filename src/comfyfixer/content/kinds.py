"""Is it another kind of model than its folder is for? Told by tensor names alone, and only where there is no doubt.

Marks, each of which has to hold:

- A LoRA: it has both halves of a pair (`lora_up`/`lora_down`, or `lora_A`/`lora_B`), nearly all its tensors are such
  halves or belong to one (`.alpha`, `.dora_scale`), and no name speaks of a control model.
- A whole diffusion model: it has hundreds of tensors, all of the end pieces of one architecture (first layer, last
  layer, time embedding or image input), and no name in it is one that only an adapter has.
"""

import re
from collections.abc import Collection
from typing import Final

_BASES: Final = frozenset({"checkpoints", "diffusion_models", "unet"})
_PARTS: Final = frozenset({"vae", "text_encoders", "clip", "clip_vision", "upscale_models"})
_NO_LORAS: Final = _BASES | _PARTS
_NO_BASES: Final = frozenset({"loras", "vae", "upscale_models", "embeddings"})

_LORA_TENSOR: Final = re.compile(
    r"(?:\.(?:lora_up|lora_mid|lora_down|lora_A|lora_B)(?:\.[\w-]+)*\.weight|\.alpha|\.dora_scale)\Z"
)
_PAIRS: Final = (("lora_up", "lora_down"), ("lora_A", "lora_B"))
_NEARLY_ALL: Final = 0.95
_ADAPTER: Final = re.compile(
    r"lora|lokr|loha|hada|glora|oft_|\.diff(?:_b)?\Z|\.set_weight\Z|\.alpha\Z|dora_scale|\.[ab][12]\.weight\Z|\.[wb]_norm\Z"
)
_MANY: Final = 200
_PREFIX: Final = "model.diffusion_model."
_BACKBONES: Final = (
    ("input_blocks.0.0.weight", "time_embed.0.weight", "out.2.weight"),
    ("double_blocks.0.img_attn.qkv.weight", "img_in.weight", "final_layer.linear.weight"),
    ("joint_blocks.0.x_block.attn.qkv.weight", "x_embedder.proj.weight", "final_layer.linear.weight"),
)
"""The U-Nets of Stable Diffusion 1, 2 and XL; Flux; Stable Diffusion 3: names that each file of them has."""


def contradiction(folder: str, names: Collection[str]) -> str | None:
    """What a file of these tensors is, for a message, when `folder` is surely for something else; else None."""
    if folder in _NO_LORAS and is_lora(names):
        return "a LoRA"
    if folder in _NO_BASES and is_whole_model(names):
        return "a whole diffusion model"
    return None


def is_lora(names: Collection[str]) -> bool:
    """True where the names are those of a LoRA, and can't be anything else's."""
    if any("control" in name.lower() for name in names):
        return False
    halves = [name for name in names if _LORA_TENSOR.search(name)]
    has_pair = any(all(any(half in name for name in halves) for half in pair) for pair in _PAIRS)
    return has_pair and len(halves) >= _NEARLY_ALL * len(names)


def is_whole_model(names: Collection[str]) -> bool:
    """True where the names are those of a whole checkpoint or diffusion model, and can't be an adapter's."""
    if len(names) < _MANY or any(_ADAPTER.search(name) for name in names):
        return False
    bare = {name.removeprefix(_PREFIX) for name in names}
    return any(bare.issuperset(marks) for marks in _BACKBONES)
