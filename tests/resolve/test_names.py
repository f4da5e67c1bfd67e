"""What file names say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.resolve.likeness import differences, similarity, stem_words, traits
from comfyfixer.resolve.names import is_generic


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("realisticVisionV60B1_v51.safetensors", ("realistic", "vision", "v", "60", "b", "1", "v", "51")),
        ("flux1-dev.safetensors", ("flux", "1", "dev")),
        ("模型_v3.ckpt", ("模型", "v", "3")),
    ],
)
def test_words_are_split_at_signs_digits_and_capitals(name: str, words: tuple[str, ...]) -> None:
    assert stem_words(name) == words


@pytest.mark.parametrize(
    ("name", "precision", "version"),
    [
        ("wan2.1_t2v_14B_fp8_e4m3fn.safetensors", "fp8", "2.1"),
        ("flux1-dev-Q4_K_S.gguf", "q4_k_s", None),
        ("umt5_xxl_fp16.safetensors", "fp16", None),
        ("ink_V2_1.safetensors", None, "2.1"),
        ("qwen_image_v1.1.safetensors", None, "1.1"),
        ("harbor-bf16-v3.safetensors", "bf16", "3"),
    ],
)
def test_precision_and_version_are_read(name: str, precision: str | None, version: str | None) -> None:
    assert (traits(name).precision, traits(name).version) == (precision, version)


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "diffusion_pytorch_model.safetensors", "ae.safetensors", "model-00001-of-00003.safetensors",
     "pytorch_lora_weights.safetensors", "vae.pt", "1.safetensors", "ab.ckpt"],
)  # fmt: skip
def test_a_name_that_many_files_carry_is_generic(name: str) -> None:
    assert is_generic(name)


@pytest.mark.parametrize("name", ["aurora_xl_v2.safetensors", "clip_l.safetensors", "4x-UltraSharp.pth"])
def test_a_name_of_its_own_is_not(name: str) -> None:
    assert not is_generic(name)


def test_differences_are_said_as_a_person_would() -> None:
    said = differences("a_v2_fp16.safetensors", "a_v3_fp8_inpainting.ckpt")
    assert said == ("fp8 instead of fp16", "v3 instead of v2", ".ckpt instead of .safetensors",
                    "with inpaint")  # fmt: skip


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_a_share_and_symmetric(one: str, other: str) -> None:
    assert 0.0 <= similarity(one, other) <= 1.0
    assert similarity(one, other) == similarity(other, one)
    traits(one)
    is_generic(other)
