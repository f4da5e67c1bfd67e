"""What a file is by its tensors; and a folder contradicts only where they leave no doubt."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.content.folders import contradiction
from comfyfixer.content.kinds import kind_of
from comfyfixer.demo.safetensors import TENSORS
from comfyfixer.model.content import Content

LORA = tuple(
    f"lora_unet_down_blocks_{number}_to_q.{end}"
    for number in range(40)
    for end in ("alpha", "lora_down.weight", "lora_up.weight")
)
PEFT = tuple(
    f"transformer.blocks.{number}.to_q.lora_{half}.weight" for number in range(40) for half in ("A", "B")
)  # fmt: skip
SDXL = (
    "model.diffusion_model.input_blocks.0.0.weight",
    "model.diffusion_model.time_embed.0.weight",
    "model.diffusion_model.out.2.weight",
    *(f"model.diffusion_model.middle_block.1.transformer_blocks.{number}.ff.net.2.bias" for number in range(300)),
)
FLUX = (
    "img_in.weight",
    "final_layer.linear.weight",
    *(f"double_blocks.{number}.img_attn.qkv.weight" for number in range(300)),
)
FOLDERS = {
    "checkpoint": ("checkpoints",),
    "diffusion_model": ("diffusion_models", "unet"),
    "lora": ("loras",),
    "vae": ("vae",),
    "text_encoder": ("text_encoders", "clip"),
    "clip_vision": ("clip_vision",),
    "controlnet": ("controlnet",),
    "upscaler": ("upscale_models",),
    "embedding": ("embeddings",),
    "other": ("checkpoints", "loras", "vae"),
}


def _named(names: Collection[str]) -> Content:
    return kind_of(dict.fromkeys(names))


@pytest.mark.parametrize("names", [LORA, PEFT, TENSORS["lora"]])
@pytest.mark.parametrize(
    "folder", ["checkpoints", "diffusion_models", "vae", "text_encoders", "clip_vision", "upscale_models"]
)
def test_a_lora_is_no_base_model_and_no_part_of_one(folder: str, names: tuple[str, ...]) -> None:
    assert str(contradiction(folder, _named(names))).startswith("a LoRA")


@pytest.mark.parametrize("names", [SDXL, FLUX])
@pytest.mark.parametrize("folder", ["loras", "vae", "upscale_models", "embeddings"])
def test_a_whole_model_is_no_lora_and_no_part(folder: str, names: tuple[str, ...]) -> None:
    assert str(contradiction(folder, _named(names))).startswith("a whole diffusion model")


@pytest.mark.parametrize("kind", TENSORS)
def test_every_kind_passes_in_its_own_folder(kind: str) -> None:
    assert FOLDERS.keys() == TENSORS.keys()
    assert not any(contradiction(folder, _named(TENSORS[kind])) for folder in FOLDERS[kind])


@pytest.mark.parametrize("folder", ["controlnet", "model_patches", "ipadapter", "my_own_folder", ""])
def test_a_folder_that_may_hold_anything_refuses_nothing(folder: str) -> None:
    assert not any(contradiction(folder, _named(names)) for names in (LORA, PEFT, SDXL, FLUX))


@pytest.mark.parametrize(
    "names",
    [
        (*LORA, "lora_controlnet"),
        ("lora_controlnet", "input_hint_block.0.weight", "input_blocks.1.1.to_q.up", "input_blocks.1.1.to_q.down"),
        tuple(name for name in LORA if not name.endswith("lora_up.weight")),
        (*LORA, *(f"model.layers.{number}.weight" for number in range(20))),
        tuple(f"blocks.{number}.lora_downsampler.weight" for number in range(40)),
        (),
    ],
    ids=["marked control", "control-lora", "one half", "merged", "a like name", "nothing"],
)
def test_what_may_be_something_else_is_no_lora_for_certain(names: tuple[str, ...]) -> None:
    assert not (_named(names).kind == "lora" and _named(names).certain)


@pytest.mark.parametrize(
    "names",
    [
        SDXL[:50],
        SDXL[1:],
        tuple(f"diffusion_model.{name}.diff" for name in FLUX),
        (*FLUX, "double_blocks.0.img_attn.qkv.lora_up.weight"),
        (*FLUX, "double_blocks.0.img_attn.qkv.lokr_w1"),
        (*FLUX, "double_blocks.0.img_attn.qkv.diff_b"),
    ],
    ids=["few", "no first layer", "full difference", "lora in it", "lokr in it", "bias difference in it"],
)
def test_what_may_be_an_adapter_is_no_whole_model_for_certain(names: tuple[str, ...]) -> None:
    assert not _named(names).certain or _named(names).kind == "lora"


@given(st.lists(st.text(max_size=40), max_size=30), st.sampled_from(["checkpoints", "loras", "vae"]))
def test_any_names_are_judged_without_a_crash(names: list[str], folder: str) -> None:
    told = _named(names)
    assert len(told.folders) <= 2
    assert contradiction(folder, told) is None or told.certain


FOLDERS_TOLD: dict[str, tuple[str, ...]] = {
    "checkpoint": ("checkpoints",),
    "diffusion_model": ("diffusion_models",),
    "lora": ("loras",),
    "vae": ("vae",),
    "text_encoder": ("text_encoders",),
    "clip_vision": ("clip_vision",),
    "controlnet": ("controlnet",),
    "upscaler": ("upscale_models",),
    "embedding": ("embeddings",),
    "other": (),
}


@pytest.mark.parametrize(("kind", "folders"), FOLDERS_TOLD.items())
def test_the_kinds_of_the_sample(kind: str, folders: tuple[str, ...]) -> None:
    assert _named(TENSORS[kind]).folders == folders


@pytest.mark.parametrize(
    ("names", "folders"),
    [
        (("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight",), ("loras",)),
        (("diffusion_model.blocks.0.cross_attn.k.lora_down.weight", "x.lora_up.weight"), ("loras",)),
        (("lora_unet_a.hada_w1_a", "lora_unet_a.hada_w2_b", "lora_unet_a.alpha"), ("loras",)),
        (("unet.down_blocks.0.attn1.processor.to_q_lora.up.weight",), ("loras",)),
        (("model.diffusion_model.double_blocks.0.img_attn.qkv.weight",), ("diffusion_models", "checkpoints")),
        (("controlnet_cond_embedding.conv_in.weight", "down_blocks.0.resnets.0.conv1.weight"), ("controlnet",)),
        (("blocks.0.cross_attn.k.weight", "patch_embedding.weight"), ("diffusion_models",)),
        (("model.layers.0.self_attn.q_proj.weight", "model.embed_tokens.weight"), ("text_encoders",)),
        (("encoder.down.0.block.0.conv1.weight", "decoder.mid.block_1.conv1.weight"), ("vae",)),
        (("text_model.encoder.layers.0.mlp.fc1.weight", "vision_model.x.weight"), ("text_encoders",)),
        (("text_model.encoder.layers.0.x", "double_blocks.0.img_attn.x"), ()),
        (("double_blocks.0.x.lora_A.weight", "double_blocks.0.x.weight", "double_blocks.1.x.weight"), ()),
        ((), ()),
    ],
)
def test_the_kinds_of_further_files(names: tuple[str, ...], folders: tuple[str, ...]) -> None:
    assert _named(names).folders == folders
