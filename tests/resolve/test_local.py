"""What is here and may be meant: why, in which order, and in words."""

import pytest

from comfyfixer.model.inventory import FaultyModel, InstalledModel
from comfyfixer.model.missing import MissingModel
from comfyfixer.resolve.local import LocalIndex, Wanted, same_bytes
from comfyfixer.resolve.names import without_precision

SHA, OTHER = "a" * 64, "b" * 64


def model(name: str, folder: str = "loras") -> InstalledModel:
    return InstalledModel(folder=folder, name=name, path=f"/c/models/{folder}/{name}", size_bytes=1, mtime_ns=0)


def whys(value: str, *models: InstalledModel, folder: str | None = "loras") -> list[tuple[str, str]]:
    wanted = Wanted(value, value.replace("\\", "/").rpartition("/")[2], folder)
    return [(match.why, match.name) for match in LocalIndex(models).alike(wanted)]


def test_each_relation_has_its_word_and_the_nearest_comes_first() -> None:
    files = (model("d/x.pt"), model("S/x.pt"), model("s/x.pt"), model("x.pt", "vae"))
    assert whys("s\\x.pt", *files) == [
        ("other-separator", "s/x.pt"), ("other-case", "S/x.pt"), ("other-subfolder", "d/x.pt"),
        ("other-folder", "x.pt"),
    ]  # fmt: skip


def test_two_names_of_one_folder_are_one_folder() -> None:
    assert whys("X.pt", model("x.pt", "diffusion_models"), folder="unet") == [("other-case", "x.pt")]


def test_a_tag_without_extension_meets_the_file_with_its_own() -> None:
    assert whys("EasyNeg", model("easyneg.pt", "embeddings"), folder="embeddings") == [("other-case", "easyneg.pt")]


@pytest.mark.parametrize(
    ("wanted", "here"),
    [
        ("flux1-dev.safetensors", "flux1-dev-fp8.safetensors"),
        ("flux1-dev-fp8.safetensors", "flux1-dev.safetensors"),
        ("t5xxl_fp16.safetensors", "t5xxl_fp8_e4m3fn_scaled.safetensors"),
        ("wan2.1_t2v_14B_bf16.safetensors", "Wan2.1-T2V-14B-Q4_K_M.gguf"),
    ],
)
def test_the_same_model_in_another_precision_is_possible(wanted: str, here: str) -> None:
    assert whys(wanted, model(here)) == [("other-precision", here)]


@pytest.mark.parametrize(
    ("wanted", "here"),
    [
        ("flux1-dev.safetensors", "flux1-schnell-fp8.safetensors"),
        ("model.safetensors", "model_fp16.safetensors"),
        ("realistic_v51.safetensors", "realistic_v52_fp16.safetensors"),
        ("fp8.safetensors", "fp16.safetensors"),
    ],
)
def test_another_model_or_a_common_name_is_no_match(wanted: str, here: str) -> None:
    assert whys(wanted, model(here)) == []


def test_another_precision_counts_in_the_folder_that_the_node_reads_alone() -> None:
    assert whys("flux1-dev.safetensors", model("flux1-dev-fp8.safetensors", "checkpoints")) == []


def test_precision_is_taken_out_of_a_name_and_nothing_else() -> None:
    assert without_precision("Wan2.1-I2V-14B-480P_fp8_e4m3fn.safetensors") == "wan21i2v14b480p"
    assert without_precision("q8studio-fastfood.pt") == "q8studiofastfood"


def test_what_is_there_and_broken_comes_before_all() -> None:
    faulty = FaultyModel(model=model("x.pt"), why="broken", detail="It is a Git LFS pointer")
    matches = LocalIndex([model("d/x.pt")], [faulty]).alike(Wanted("x.pt", "x.pt", "loras"))
    assert [match.why for match in matches] == ["broken", "other-subfolder"]
    assert matches[0].detail == "It is a Git LFS pointer"


def row(*files: InstalledModel, sha256: str | None = SHA) -> tuple[MissingModel, LocalIndex]:
    index = LocalIndex(files)
    missing = MissingModel(
        filename="x.pt", value="x.pt", folder="loras", expected_type="lora", workflow="w", workflows=("w",),
        node_type="N", node_id="1", references=(), hashes={"sha256": sha256} if sha256 else {},
        local_matches=index.alike(Wanted("x.pt", "x.pt", "loras")),
    )  # fmt: skip
    return missing, index


def test_the_same_bytes_under_another_name_are_found() -> None:
    missing, index = row(model("other.pt"), model("another.pt"))
    (told,) = same_bytes([missing], index, {"/c/models/loras/other.pt": SHA, "/c/models/loras/another.pt": OTHER})
    assert [(match.why, match.name, match.sha256) for match in told.local_matches] == [("same-hash", "other.pt", SHA)]


def test_other_bytes_under_the_same_name_are_told() -> None:
    missing, index = row(model("d/x.pt"))
    (told,) = same_bytes([missing], index, {"/c/models/loras/d/x.pt": OTHER})
    (match,) = told.local_matches
    assert (match.why, match.sha256) == ("other-subfolder", OTHER)
    assert (match.detail or "").endswith("its SHA-256 is another one")


def test_a_row_without_a_hash_stays_as_it_is() -> None:
    missing, index = row(model("d/x.pt"), sha256=None)
    assert same_bytes([missing], index, {"/c/models/loras/d/x.pt": SHA}) == (missing,)
