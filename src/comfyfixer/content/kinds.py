"""What a model is: told by the names and shapes of its tensors, explained by its metadata.

The marks are those by which ComfyUI itself tells models apart when it loads them (`comfy/model_detection.py`,
`comfy/lora.py`, `comfy/weight_adapter`, `comfy/controlnet.py`, `comfy/sd.py`). Where they leave a doubt, no kind is
told. `certain` asks for more, as a file may be called missing for it:

- A LoRA: it has both halves of a pair, nearly all its tensors are such halves or belong to one, and no name speaks of
  a control model.
- A diffusion model: hundreds of tensors, the marks of one architecture from the first layer to the last, and no name
  that only an adapter has. A checkpoint: the same, or a diffusion model with both a text encoder and a VAE.
- Anything else: dozens of tensors, all of that one kind.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from comfyfixer.content import families, metadata
from comfyfixer.content.families import Shapes
from comfyfixer.content.folders import FOLDERS
from comfyfixer.model.content import Content

_TENSORS: Final = "the names of its tensors"
_HUNDREDS: Final = 200
_DOZENS: Final = 50
_NEARLY_ALL: Final = 0.95

_LORA: Final = re.compile(
    r"\.lora_(?:up|mid|down|A|B)(?:\.[\w-]+)*(?:\.weight)?\Z|[._]lora\.(?:up|down)\.weight\Z|\.alpha\Z|\.dora_scale\Z"
    r"|\.lora_linear_layer\.(?:up|down)\.weight\Z|\.hada_(?:w[12]_[ab]|t[12])\Z|\.lokr_(?:w[12](?:_[ab])?|t2)\Z"
    r"|\.oft_blocks\Z|\.rescale\Z|\.reshape_weight\Z|\.diff(?:_b)?\Z|\.set_weight\Z"
)
"""Low-rank pairs, LoHa, LoKr, OFT and what belongs to them, as trainers and diffusers write them."""
_LORA_SURE: Final = re.compile(r"lora|hada_w|lokr_w|oft_blocks")
_PAIRS: Final = (
    (".lora_up.", ".lora_down."), (".lora_B.", ".lora_A."), ("lora.up.", "lora.down."), (".hada_w1_a", ".hada_w2_b"),
    (".lokr_w1", ".lokr_w2"),
)  # fmt: skip
_ADAPTER: Final = re.compile(
    r"lora|lokr|loha|hada|glora|oft_|\.diff(?:_b)?\Z|\.set_weight\Z|\.alpha\Z|dora_scale|\.[ab][12]\.weight\Z|\.[wb]_norm\Z"
)
_CONTROLNET: Final = re.compile(
    r"^control_model\.|^controlnet_(?:cond_embedding|down_blocks|mid_block|blocks|x_embedder|pos_embed_input)"
    r"|^input_hint_block\.|^zero_convs\.|^lora_controlnet\Z|^control_blocks\.\d+\.after_proj|^after_proj_list\."
    r"|^adapter\.body\.\d"
)
_CONTROLNET_SURE: Final = frozenset({"control_model.zero_convs.0.0.weight", "controlnet_cond_embedding.conv_in.weight"})
_UNET: Final = "model.diffusion_model."
_VAE_BESIDE: Final = ("first_stage_model.", "vae.")
_TEXT_BESIDE: Final = ("cond_stage_model.", "conditioner.", "text_encoders.")
_VAE: Final = re.compile(r"^(?:first_stage_model\.)?(?:encoder|decoder|quant_conv|post_quant_conv|conv[12]|bn)\b")
_VAE_SURE: Final = re.compile(
    r"^(?:first_stage_model\.)?decoder\.(?:conv_in|up|up_blocks|mid|mid_block|middle|conv1)\b"
)
_TEXT_ENCODER: Final = re.compile(
    r"^(?:text_model|transformer\.text_model|text_encoders?)\.|^encoder\.block\.\d+\.layer\.\d+\.SelfAttention\."
    r"|^(?:model\.)?(?:language_model\.)?(?:model\.)?layers\.\d+\.(?:self_attn|mlp|input_layernorm)\."
)
_TEXT_SURE: Final = (
    ("shared.weight", "encoder.block.0.layer.0.SelfAttention.k.weight"),
    ("text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0.mlp.fc1.weight"),
    ("model.embed_tokens.weight", "model.layers.0.post_attention_layernorm.weight"),
)
_VISION: Final = re.compile(r"^(?:vision_model|visual_projection)\b")
_DIFFUSION: Final = re.compile(
    r"^(?:double_blocks|single_blocks|joint_blocks|transformer_blocks|single_transformer_blocks|double_layers"
    r"|noise_refiner|context_refiner)\.\d+\."
    r"|^blocks\.\d+\.(?:cross_attn|self_attn|adaln_modulation)|^(?:input|output)_blocks\.\d+\.\d+\."
    r"|^(?:down|up)_blocks\.\d+\.(?:attentions|resnets)\."
)
_UPSCALER: Final = re.compile(r"^body\.0\.rdb1\.conv1\.|^model\.1\.sub\.0\.RDB1\.|^layers\.0\.residual_group\.")
_EMBEDDINGS: Final = (frozenset({"emb_params"}), frozenset({"clip_l", "clip_g"}), frozenset({"clip_l"}))
_STYLE: Final = frozenset({"redux_down.weight", "style_embedding"})
_IP_ADAPTER: Final = re.compile(r"^(?:ip_adapter|image_proj)\.")


_MAX_TENSORS: Final = 100_000
_MAX_NAME: Final = 500
"""Real files have fewer than 10,000 tensors, with names of fewer than 200 signs."""


def kind_of(shapes: Shapes, claims: Mapping[str, str] | None = None) -> Content:
    """What a file with these tensors is; `claims` is its metadata, which explains and never makes certain."""
    shapes = {name: shape for name, shape in shapes.items() if len(name) <= _MAX_NAME}
    told = _by_tensors(shapes) if 0 < len(shapes) <= _MAX_TENSORS else Content()
    claims = claims or {}
    if told.kind is None and (claim := metadata.claimed_kind(claims)):
        kind, entry = claim
        return Content(
            kind=kind, family=metadata.claimed_family(claims), folders=FOLDERS[kind], told_by=f"its metadata ({entry})"
        )
    if told.family or not told.kind:
        return told
    return msgspec.structs.replace(told, family=metadata.claimed_family(claims))


def _told(kind: str, family: str | None = None, *, certain: bool = False, also: tuple[str, ...] = ()) -> Content:
    return Content(kind=kind, family=family, folders=(*FOLDERS[kind], *also), certain=certain, told_by=_TENSORS)


def _by_tensors(shapes: Shapes) -> Content:
    if _has(_IP_ADAPTER, shapes):
        return _told("ip_adapter")
    if _has(_LORA_SURE, shapes):
        return _adapter(shapes)
    if any(name.startswith(_UNET) for name in shapes):
        return _checkpoint(shapes)
    if _has(_CONTROLNET, shapes):
        certain = len(shapes) >= _DOZENS and not _CONTROLNET_SURE.isdisjoint(shapes) and not _has(_ADAPTER, shapes)
        return _told("controlnet", families.of_controlnet(shapes), certain=certain)
    return _single(shapes)


def _adapter(shapes: Shapes) -> Content:
    if _has(_CONTROLNET, shapes):
        return _told("controlnet", families.of_controlnet(shapes)) if "lora_controlnet" in shapes else Content()
    if _share(_LORA, shapes) <= 0.5:
        return Content()
    return _told("lora", families.of_lora(shapes), certain=_is_surely_lora(shapes))


def _is_surely_lora(names: Collection[str]) -> bool:
    if any("control" in name.lower() for name in names):
        return False
    halves = [name for name in names if _LORA.search(name)]
    has_pair = any(all(any(half in f"{name}." for name in halves) for half in pair) for pair in _PAIRS)
    return has_pair and len(halves) >= _NEARLY_ALL * len(names)


def _checkpoint(shapes: Shapes) -> Content:
    found = families.backbone(shapes)
    family = found[0] if found else None
    has_vae = any(name.startswith(_VAE_BESIDE) for name in shapes)
    has_text = any(name.startswith(_TEXT_BESIDE) for name in shapes)
    sure = not _has(_ADAPTER, shapes) and not _has(_CONTROLNET, shapes)
    if not (has_vae or has_text):
        certain = sure and _is_whole(shapes)
        return _told("diffusion_model", family or families.of_unet(shapes), certain=certain, also=("checkpoints",))
    certain = sure and ((has_vae and has_text) or _is_whole(shapes))
    return _told("checkpoint", family or families.of_unet(shapes), certain=certain)


def _is_whole(shapes: Shapes) -> bool:
    """True where the names are those of a whole diffusion model, and can't be an adapter's or a control model's."""
    if len(shapes) < _HUNDREDS or _has(_ADAPTER, shapes):
        return False
    found = families.backbone(shapes)
    return found is not None and any(found[1] + end in shapes for end in families.ENDS)


def _single(shapes: Shapes) -> Content:
    """One model by itself: the marks of exactly one kind have to be there."""
    if shapes.keys() in _EMBEDDINGS:
        return _told("embedding", certain=all(shape is not None and len(shape) == 2 for shape in shapes.values()))
    if not _STYLE.isdisjoint(shapes):
        return _told("style_model")
    found = [tell(shapes) for has, tell in _SINGLES if has(shapes)]
    if not found and families.backbone(shapes):
        found = [_diffusion_model(shapes)]
    return found[0] if len(found) == 1 else Content()


def _diffusion_model(shapes: Shapes) -> Content:
    found = families.backbone(shapes)
    return _told("diffusion_model", found[0] if found else None, certain=_is_whole(shapes))


def _vae(shapes: Shapes) -> Content:
    whole = len(shapes) >= _DOZENS and _share(_VAE, shapes) == 1 and not _has(_ADAPTER, shapes)
    certain = whole and "decoder.conv_in.weight" in shapes and "decoder.conv_out.weight" in shapes
    return _told("vae", families.of_vae(shapes), certain=certain)


def _text_encoder(shapes: Shapes) -> Content:
    marked = any(all(mark in shapes for mark in marks) for marks in _TEXT_SURE)
    certain = marked and len(shapes) >= _DOZENS and not _has(_ADAPTER, shapes) and not _has(_DIFFUSION, shapes)
    return _told("text_encoder", families.of_text_encoder(shapes), certain=certain)


def _vision(shapes: Shapes) -> Content:
    certain = len(shapes) >= _DOZENS and _share(_VISION, shapes) == 1 and not _has(_ADAPTER, shapes)
    return _told("clip_vision", certain=certain)


def _has(mark: re.Pattern[str], names: Collection[str]) -> bool:
    return any(mark.search(name) for name in names)


def _share(mark: re.Pattern[str], names: Collection[str]) -> float:
    return sum(mark.search(name) is not None for name in names) / len(names)


_SINGLES: Final[tuple[tuple[Callable[[Shapes], bool], Callable[[Shapes], Content]], ...]] = (
    (lambda shapes: _has(_VAE_SURE, shapes) and _share(_VAE, shapes) > 0.9, _vae),
    (lambda shapes: _has(_TEXT_ENCODER, shapes), _text_encoder),
    (lambda shapes: _has(_VISION, shapes) and not _has(_TEXT_ENCODER, shapes), _vision),
    (lambda shapes: _has(_DIFFUSION, shapes), _diffusion_model),
    (lambda shapes: _has(_UPSCALER, shapes), lambda _: _told("upscaler")),
)
"""Whether a kind's marks are there, and what is told then."""
