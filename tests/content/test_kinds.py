"""A file under the wrong kind of folder: refused where its tensor names leave no doubt, and passed everywhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.content.kinds import contradiction, is_lora, is_whole_model
from comfyfixer.demo.safetensors import TENSORS

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


@pytest.mark.parametrize("names", [LORA, PEFT, TENSORS["lora"]])
@pytest.mark.parametrize(
    "folder", ["checkpoints", "diffusion_models", "vae", "text_encoders", "clip_vision", "upscale_models"]
)
def test_a_lora_is_no_base_model_and_no_part_of_one(folder: str, names: tuple[str, ...]) -> None:
    assert contradiction(folder, names) == "a LoRA"


@pytest.mark.parametrize("names", [SDXL, FLUX])
@pytest.mark.parametrize("folder", ["loras", "vae", "upscale_models", "embeddings"])
def test_a_whole_model_is_no_lora_and_no_part(folder: str, names: tuple[str, ...]) -> None:
    assert contradiction(folder, names) == "a whole diffusion model"


@pytest.mark.parametrize("kind", TENSORS)
def test_every_kind_passes_in_its_own_folder(kind: str) -> None:
    assert FOLDERS.keys() == TENSORS.keys()
    assert not any(contradiction(folder, TENSORS[kind]) for folder in FOLDERS[kind])


@pytest.mark.parametrize("folder", ["controlnet", "model_patches", "ipadapter", "my_own_folder", ""])
def test_a_folder_that_may_hold_anything_refuses_nothing(folder: str) -> None:
    assert not any(contradiction(folder, names) for names in (LORA, PEFT, SDXL, FLUX))


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
    assert not is_lora(names)


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
    assert not is_whole_model(names)


@given(st.lists(st.text(max_size=40), max_size=30), st.sampled_from(["checkpoints", "loras", "vae"]))
def test_any_names_are_judged_without_a_crash(names: list[str], folder: str) -> None:
    assert contradiction(folder, names) in (None, "a LoRA", "a whole diffusion model")
