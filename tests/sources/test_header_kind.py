"""What a file is, by its tensors and by its repository's tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import Content, Plain, Weights
from comfyfixer.demo.faults import Faults, Reply, server_error
from comfyfixer.demo.safetensors import TENSORS
from comfyfixer.model.missing import MissingModel
from comfyfixer.content.header_kind import folders_of_tensors
from tests.sources.bench import searched, shop, wanted

KINDS: dict[str, tuple[str, ...]] = {
    "checkpoint": ("checkpoints",),
    "diffusion_model": ("diffusion_models",),
    "lora": ("loras",),
    "vae": ("vae",),
    "text_encoder": ("text_encoders",),
    "clip_vision": ("clip_vision",),
    "controlnet": ("controlnet",),
    "upscaler": (),
    "embedding": (),
    "other": (),
}
NAME = "neon_city.safetensors"


@pytest.mark.parametrize(("kind", "folders"), KINDS.items())
def test_the_kinds_of_the_sample(kind: str, folders: tuple[str, ...]) -> None:
    assert folders_of_tensors(TENSORS[kind]) == folders


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
    assert folders_of_tensors(names) == folders


@given(st.lists(st.text(max_size=60), max_size=20))
def test_any_names_give_at_most_two_folders(names: list[str]) -> None:
    assert len(folders_of_tensors(names)) <= 2


def _repo(content: Content, *tags: str, path: str = NAME, gated: str | None = None) -> HuggingFaceRepo:
    return HuggingFaceRepo(id="n/neon", files=(RepoFile(path=path, content=content),), tags=tags, gated=gated)


@pytest.mark.parametrize("kind", ["lora", "checkpoint", "vae"])
def test_a_file_that_no_folder_tells_of_is_looked_into_with_one_request(kind: str) -> None:
    with shop(Catalogue(huggingface=(_repo(Weights(kind=kind, seed="a"), "lora"),))) as here:
        (found,) = here.huggingface.search(wanted(NAME, "checkpoints"))
        (asked,) = [request for request in here.hub.requests if "/resolve/" in request.path]
        assert asked.headers["range"] == "bytes=0-1048575"
    assert found.folders == KINDS[kind]


@pytest.mark.parametrize(
    ("tags", "folders"),
    [
        (("lora",), ("loras",)),
        (("diffusers", "base_model:adapter:a/b"), ("loras",)),
        (("controlnet",), ("controlnet",)),
        (("textual_inversion",), ("embeddings",)),
        (("lora", "controlnet"), ()),
        (("text-to-image", "base_model:finetune:a/b"), ()),
    ],
)
def test_where_the_tensors_tell_nothing_the_tags_count(tags: tuple[str, ...], folders: tuple[str, ...]) -> None:
    with shop(Catalogue(huggingface=(_repo(Weights(kind="other", seed="a"), *tags),))) as here:
        (found,) = here.huggingface.search(wanted(NAME))
    assert found.folders == folders


@pytest.mark.parametrize(
    ("repo", "missing"),
    [
        (_repo(Weights(kind="lora", seed="a"), path=f"vae/{NAME}"), wanted(NAME)),
        (_repo(Weights(kind="lora", seed="a"), gated="manual"), wanted(NAME)),
        (_repo(Weights(kind="lora", seed="a")), wanted(NAME, urls=("x",))),
        (_repo(Weights(kind="lora", seed="a")), wanted(NAME, hashes={"sha256": "a" * 64})),
        (_repo(Plain(b"x" * 5000), path="neon_city.ckpt"), wanted("neon_city.ckpt")),
    ],
)
def test_no_file_is_looked_into_where_that_decides_nothing(repo: HuggingFaceRepo, missing: MissingModel) -> None:
    with shop(Catalogue(huggingface=(repo,))) as here:
        assert len(list(here.huggingface.search(missing))) == 1
        assert not [request for request in here.hub.requests if "/resolve/" in request.path]


@pytest.mark.parametrize(
    "content",
    [b"12345", b"\xff" * 5000, (16).to_bytes(8, "little") + b"no json", (4).to_bytes(8, "little") + b"[7] "],
)
def test_a_file_without_a_readable_header_has_no_kind(content: bytes) -> None:
    with shop(Catalogue(huggingface=(_repo(Plain(content)),))) as here:
        found, error = searched(here.huggingface, wanted(NAME))
    assert [candidate.folders for candidate in found] == [()]
    assert error is None


def test_a_refused_beginning_is_no_kind_and_a_fault_leaves_the_question_open() -> None:
    refused = Reply(role="huggingface", path="/resolve/", status=403, times=None, body="{}")
    faulty = server_error(role="huggingface", path="/resolve/", times=None)
    for fault, code in ((refused, None), (faulty, "hub-error")):
        with shop(Catalogue(huggingface=(_repo(Weights(kind="lora", seed="a")),)), Faults((fault,))) as here:
            found, error = searched(here.huggingface, wanted(NAME))
        assert [candidate.folders for candidate in found] == [()]
        assert (error.code if error else None) == code
