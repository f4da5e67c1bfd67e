"""A file of another kind than its folder is for, or with code in it, never gets the name that it was fetched for."""

import pickle

import pytest

from comfyfixer.demo.content import Weights, whole
from tests.content.files import RAN, Evil, safetensors, saved
from tests.download.conftest import Bench

LORA = tuple(
    f"lora_unet_down_blocks_{number}_to_q.{end}"
    for number in range(40)
    for end in ("alpha", "lora_down.weight", "lora_up.weight")
)
FLUX = (
    "img_in.weight",
    "final_layer.linear.weight",
    *(f"double_blocks.{number}.img_attn.qkv.weight" for number in range(300)),
)


@pytest.mark.parametrize("verify_hashes", [True, False])
def test_a_lora_under_a_checkpoints_name_is_fetched_once_and_discarded(bench: Bench, verify_hashes: bool) -> None:
    bench.folder = "checkpoints"
    bench.hub.body = bench.storage.body = whole(Weights(kind="lora", seed="one"))
    outcome = bench.fetch(bench.candidate(), bench.candidate("huggingface"), verify_hashes=verify_hashes)
    assert outcome.error is not None
    assert outcome.error.code == "wrong-kind"
    assert "a LoRA" in outcome.error.message
    assert bench.names() == []
    assert [len(origin.requests) for origin in (bench.hub, bench.storage)] == [1, 0]


def test_a_whole_model_among_the_loras_is_refused_and_a_lora_is_placed(bench: Bench) -> None:
    bench.hub.body = safetensors(FLUX)
    bench.fails("wrong-kind")
    bench.hub.body = safetensors(LORA)
    assert bench.fetch().success


def test_a_file_that_lies_under_the_wrong_kind_already_is_the_users_own(bench: Bench) -> None:
    bench.folder = "checkpoints"
    bench.hub.body = safetensors(LORA)
    bench.target.parent.mkdir(parents=True)
    bench.target.write_bytes(bench.hub.body)
    assert bench.fetch().already_there


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl", ".PT2"])
def test_an_unsafe_file_is_not_placed_and_not_asked_for_elsewhere(bench: Bench, suffix: str) -> None:
    """By every name under which ComfyUI unpickles it."""
    bench.target = bench.root / "upscale_models" / f"x{suffix}"
    bench.hub.body = bench.storage.body = saved(pickle.dumps(Evil()))
    problem = bench.fails("unsafe-file", bench.candidate(), bench.candidate("huggingface"))
    assert "safetensors" in str(problem.hint)
    assert bench.names() == []
    assert bench.storage.requests == []
    assert RAN == []


def test_saved_weights_are_placed(bench: Bench) -> None:
    bench.target = bench.root / "upscale_models" / "x.pth"
    bench.hub.body = saved()
    assert bench.fetch().success
