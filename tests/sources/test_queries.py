"""What is asked, made of file names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.sources.civitai_kinds import folders_for, types_for
from comfyfixer.sources.civitai_names import derived_name
from comfyfixer.sources.publishers import publishers_of
from comfyfixer.sources.queries import further_parts, parts_of_repositories, words_for_models


@pytest.mark.parametrize(
    ("filename", "queries"),
    [
        (
            "realisticVisionV60B1_v51VAE.safetensors",
            ("realistic Vision", "realisticVisionV60B1", "realistic Vision V60B1 v51VAE"),
        ),
        ("ink_wash_landscape_v3.safetensors", ("ink wash landscape", "ink wash landscape v3")),
        ("soft-lighting.safetensors", ("soft lighting",)),
        ("umt5_xxl_fp8_e4m3fn_scaled.safetensors", ("umt5 xxl", "umt5 xxl fp8 e4m3fn scaled", "umt xxl")),
        ("v1-5-pruned-emaonly-fp16.ckpt", ("v1 5 pruned emaonly fp16",)),
        ("麦橘写实_v7.safetensors", ("麦橘写实", "麦橘写实 v7")),
        ("DreamShaper_8_pruned.safetensors", ("DreamShaper", "Dream Shaper", "Dream Shaper 8 pruned")),
        ("flat2DAnimerge_v45.safetensors", ("flat Animerge", "flat2DAnimerge", "flat 2D Animerge v45")),
        ("___.safetensors", ()),
    ],
)
def test_a_search_over_models_gets_the_words_that_tell_first(filename: str, queries: tuple[str, ...]) -> None:
    assert words_for_models(filename) == queries


@pytest.mark.parametrize(
    ("filename", "parts"),
    [
        ("qwen_image_edit_2511_bf16.safetensors", ("qwen", "qwen-image")),
        ("wan2.1_t2v_14B_fp16.safetensors", ("wan2.1", "wan2.1-t2v")),
        ("kandinsky5lite_t2i.safetensors", ("kandinsky", "kandinsky5lite", "kandinsky5lite-t2i")),
        ("ltx2.3-transition.safetensors", ("ltx2.3", "ltx2.3-transition")),
        ("t5-base.safetensors", ("t5-base",)),
        ("4x_quietwater_detail.pth", ("quietwater", "quietwater-detail")),
        ("flux-canny-controlnet-v3.safetensors", ("flux", "flux-canny", "flux-controlnet")),
        ("fp16.safetensors", ()),
    ],
)
def test_a_search_over_ids_gets_what_ids_hold(filename: str, parts: tuple[str, ...]) -> None:
    assert parts_of_repositories(filename) == parts


def test_of_a_name_that_the_hub_may_have_made_the_models_part_is_asked_for_first() -> None:
    made = words_for_models("anythingV5_prtRE.safetensors", derived=True)
    assert made[:2] == ("anything", "anything prt RE")
    assert words_for_models("ink_wash_v3.safetensors", derived=True)[0] == "ink wash"


def test_words_that_are_written_together_and_a_names_beginning_are_asked_for_last() -> None:
    assert further_parts("ltx2.3-transition.safetensors") == ("ltx-transition", "transition")
    assert further_parts("RealVisXL_V4.0.safetensors") == ("real-vis", "real")
    assert further_parts("4x_quietwater_detail.pth") == ("4x-quietwater",)


@given(st.text(max_size=5000))
def test_any_name_gives_few_short_questions(filename: str) -> None:
    assert len(words_for_models(filename, derived=True)) <= 5
    assert len(parts_of_repositories(filename)) <= 4
    assert len(further_parts(filename)) <= 3


@pytest.mark.parametrize(
    ("model", "version", "kind", "stored", "shown"),
    [
        ("Realistic Vision V3.0", "V2.0", "Checkpoint", "x.safetensors", "realisticVisionV30_v20.safetensors"),
        ("Realistic Vision V6.0 B1", "V2.0", "Checkpoint", "x.ckpt", "realisticVisionV60B1_v20.ckpt"),
        ("DreamShaper XL1.0", "alpha2 (xl1.0)", "Checkpoint", "x.ckpt", "dreamshaperXL10_alpha2Xl10.ckpt"),
        ("DreamShaper", "8-inpainting", "Checkpoint", "x_8-inpainting.ckpt", "dreamshaper_8-inpainting.ckpt"),
        ("A Very Long Model Name Indeed", "v1", "Checkpoint", "x.safetensors", "aVeryLongModelNameIn_v1.safetensors"),
        ("EasyNegative", "v1", "TextualInversion", "x.pt", "easynegative.pt"),
        ("Detail Tweaker LoRA", "v1.0", "LORA", "add_detail.safetensors", None),
        ("麦橘写实", "v7", "Checkpoint", "majicmix_v7.safetensors", None),
    ],
)  # fmt: skip
def test_civitai_shows_a_derived_name(model: str, version: str, kind: str, stored: str, shown: str | None) -> None:
    word = "easynegative" if kind == "TextualInversion" else None
    derived = derived_name(
        stored, model_name=model, model_type=kind, version_name=version, file_type="Model", word=word
    )
    assert derived == shown


def test_folders_and_types_speak_of_the_same_kinds() -> None:
    assert types_for("loras") == ("LORA", "LoCon", "DoRA")
    assert types_for("diffusion_models") == ("Checkpoint", "UNet")
    assert types_for(None) == types_for("my_own_folder") == ()
    assert folders_for("LORA", "Model", "x.safetensors", "Flux.1 D") == ("loras",)
    assert folders_for("Checkpoint", "VAE", "x.safetensors", None) == ("vae",)
    assert folders_for("Checkpoint", "Model", "x.safetensors", "SDXL 1.0") == ("checkpoints",)
    assert folders_for("Checkpoint", "Model", "x.gguf", "SDXL 1.0") == ("checkpoints", "diffusion_models")
    assert folders_for("Checkpoint", "Model", "x.safetensors", "Flux.1 D") == ("checkpoints", "diffusion_models")
    assert folders_for("Wildcards", "Model", "x.bin", None) == ()


def test_only_publishers_to_whom_something_points_are_looked_through() -> None:
    assert publishers_of("strange_name.safetensors", "loras") == ("Comfy-Org", "Kijai")
    assert "city96" in publishers_of("flux1-dev-Q4_K_M.gguf", "diffusion_models")
    assert "Lightricks" in publishers_of("LTX-2.safetensors", "checkpoints")
