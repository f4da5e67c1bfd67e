"""What file names say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.resolve.likeness import (
    apart,
    closeness,
    differences,
    family_of,
    same_family,
    same_model,
    similarity,
    stem_words,
    traits,
)
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


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("wan2.1_t2v_14B_fp8_e4m3fn.safetensors", "flavour", "e4m3fn"),
        ("hunyuan_e5m2.safetensors", "precision", "fp8"),
        ("qwen-image-F16.gguf", "precision", "fp16"),
        ("flux1-dev-Q4_K_S.gguf", "quantisation", "q4_k_s"),
        ("flux1-dev-bnb-nf4.safetensors", "quantisation", "nf4"),
        ("flux1-dev-fp16.safetensors", "quantisation", None),
        ("wan2.1_t2v_14B_fp8.safetensors", "parameters", "14b"),
        ("wan2.1_t2v_1.3B_bf16.safetensors", "parameters", "1.3b"),
        ("Qwen-Image-Lightning-8steps-V1.1.safetensors", "steps", "8"),
        ("dreamshaper_8.safetensors", "number", "8"),
        ("ink_v2.safetensors", "number", None),
        ("flux1-dev.safetensors", "base_model", "Flux"),
        ("sd_xl_base_1.0.safetensors", "base_model", "SDXL"),
        ("v1-5-pruned-emaonly.safetensors", "base_model", "SD 1.5"),
        ("ponyDiffusionV6XL.safetensors", "base_model", "Pony"),
        ("swanlake.safetensors", "base_model", None),
        ("wan2.2_i2v_high_noise_14B_fp16.safetensors", "variants", {"i2v", "high_noise"}),
        ("credits_v2.safetensors", "variants", set()),
    ],
)
def test_each_field_is_read(name: str, field: str, value: object) -> None:
    assert getattr(traits(name), field) == value


@pytest.mark.parametrize(
    ("said", "family"),
    [
        ("SDXL 1.0", "SDXL"), ("SD 1.5", "SD 1.5"), ("Flux.1 D", "Flux"), ("Flux.2 D", "Flux 2"), ("flux", "Flux"),
        ("Wan Video 2.2 T2V-A14B", "Wan 2.2"), ("Wan Video 14B t2v", "Wan"), ("Illustrious", "Illustrious"),
        ("Pony", "Pony"), ("SD 3.5 Large", "SD 3.5"), ("sd1.5", "SD 1.5"), ("Other", None), ("", None),
    ],
)  # fmt: skip
def test_a_base_model_is_understood_as_hubs_names_and_people_write_it(said: str, family: str | None) -> None:
    assert family_of(said) == family


def test_a_family_told_less_exactly_is_the_same_and_another_generation_is_not() -> None:
    assert same_family("Wan", "Wan 2.2")
    assert not same_family("Wan 2.1", "Wan 2.2")
    assert not same_family("Flux", "Flux 2")
    assert not same_family("SD 1.5", "SDXL")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("flux1-dev-fp8.safetensors", "flux1-dev-Q4_K_S.gguf", True),
        ("umt5_xxl_fp16.safetensors", "umt5_xxl_fp8_e4m3fn_scaled.safetensors", True),
        ("flux1-dev-fp8.safetensors", "flux1-dev-fp8.safetensors", False),
        ("flux1-dev-fp8.safetensors", "flux1-schnell-fp16.safetensors", False),
        ("ink_v1_fp16.safetensors", "ink_v2_fp8.safetensors", False),
    ],
)
def test_the_same_model_in_another_precision_is_told_from_another_model(one: str, other: str, same: bool) -> None:
    assert same_model(one, other) == same == same_model(other, one)


def test_what_one_name_alone_says_is_told_so() -> None:
    assert differences("a_fp16.safetensors", "a.safetensors") == ("does not say fp16",)
    assert differences("a.safetensors", "a_v2.safetensors") == ("v2, which the wanted name does not say",)
    assert differences("a_sdxl.safetensors", "a_flux.safetensors") == ("for Flux instead of SDXL",)
    assert differences("tag", "tag.safetensors") == ()


@given(st.text(max_size=40), st.text(max_size=40))
def test_fields_are_compared_the_same_from_both_sides_and_a_name_differs_from_itself_in_none(
    one: str, other: str
) -> None:
    assert apart(one, one) == 0
    assert same_model(one, other) == same_model(other, one)
    for name in (one, other):
        assert all(text.isprintable() or not name.isprintable() for text in differences(one, name))


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_a_share_and_symmetric(one: str, other: str) -> None:
    assert 0.0 <= similarity(one, other) <= 1.0
    assert similarity(one, other) == similarity(other, one)
    traits(one)
    is_generic(other)


def test_fields_that_differ_count_in_the_ranking_beside_the_words() -> None:
    wanted = "harbor_rain_v5.safetensors"
    ranked = sorted(
        ("harbor_rain_v6.safetensors", "harbor_rain_final_v5.safetensors", "bar_v5.safetensors"),
        key=lambda name: -closeness(wanted, name),
    )
    assert ranked[-1] == "bar_v5.safetensors"
    assert closeness(wanted, wanted) == 1.0
    assert closeness(wanted, "harbor_rain_v6.safetensors") < similarity(wanted, "harbor_rain_v6.safetensors")
