"""What a file is, by its tensors and by its repository's tags."""

import pytest

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import Content, Plain, Weights
from comfyfixer.demo.faults import Faults, Reply, server_error
from comfyfixer.model.missing import MissingModel
from tests.sources.bench import searched, shop, wanted

NAME = "neon_city.safetensors"


def _repo(content: Content, *tags: str, path: str = NAME, gated: str | None = None) -> HuggingFaceRepo:
    return HuggingFaceRepo(id="n/neon", files=(RepoFile(path=path, content=content),), tags=tags, gated=gated)


@pytest.mark.parametrize(("kind", "folder"), [("lora", "loras"), ("checkpoint", "checkpoints"), ("vae", "vae")])
def test_a_file_that_no_folder_tells_of_is_looked_into_with_one_request(kind: str, folder: str) -> None:
    with shop(Catalogue(huggingface=(_repo(Weights(kind=kind, seed="a"), "lora"),))) as here:
        (found,) = here.huggingface.search(wanted(NAME, "checkpoints"))
        (asked,) = [request for request in here.hub.requests if "/resolve/" in request.path]
        assert asked.headers["range"] == "bytes=0-1048575"
    assert found.folders == (folder,)


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
