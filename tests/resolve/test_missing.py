"""What counts as present, and what a missing entry tells."""

import msgspec

from comfyfixer.model.inventory import Installation, InstalledModel, Inventory, NodePack
from comfyfixer.model.reference import ModelReference, Workflow, base_name, expected_type
from comfyfixer.resolve.gathering import gathered
from comfyfixer.resolve.missing import find_missing_models

HERE = Installation(code_dir="/c", base_dir="/c", kind="git", found_by="test")


def needs(value: str, folder: str | None = "loras", *, path: str = "w.json", **more: object) -> Workflow:
    reference = ModelReference(
        value=value,
        filename=base_name(value),
        folder=folder,
        expected_type=expected_type(folder),
        node_id="1",
        node_type="LoraLoader",
        input="lora_name",
    )
    return Workflow(path=path, format="ui", models=(msgspec.structs.replace(reference, **more),))


def has(*names: str, folder: str = "loras", packs: tuple[NodePack, ...] = ()) -> Inventory:
    models = tuple(
        InstalledModel(folder=folder, name=name, path=f"/c/models/{folder}/{name}", size_bytes=1, mtime_ns=0)
        for name in names
    )
    return Inventory(installation=HERE, folders={}, models=models, packs=packs, builtin_types=frozenset({"KSampler"}))


def missing(workflow: Workflow, inventory: Inventory) -> list[str]:
    return [entry.value for entry in find_missing_models(gathered([workflow]).files, inventory)]


def why(workflow: Workflow, inventory: Inventory) -> list[str]:
    (entry,) = find_missing_models(gathered([workflow]).files, inventory)
    return [match.why for match in entry.local_matches]


def test_exactly_what_a_loader_lists_is_present() -> None:
    assert missing(needs("sub/a.safetensors"), has("sub/a.safetensors")) == []


def test_another_slash_case_sub_folder_or_folder_is_missing_with_a_local_match() -> None:
    assert why(needs("sub\\a.safetensors"), has("sub/a.safetensors")) == ["other-separator"]
    assert why(needs("A.safetensors"), has("a.safetensors")) == ["other-case"]
    assert why(needs("a.safetensors"), has("sub/a.safetensors")) == ["other-subfolder"]
    assert why(needs("a.safetensors"), has("a.safetensors", folder="vae")) == ["other-folder"]


def test_an_embedding_is_found_by_any_tail_with_or_without_extension() -> None:
    for value in ("easy", "easy.pt", "sub/easy"):
        assert (
            missing(needs(value, "embeddings", origin="embedding"), has("deep/sub/easy.pt", folder="embeddings")) == []
        )
    assert missing(needs("easy2", "embeddings", origin="embedding"), has("easy.pt", folder="embeddings")) == ["easy2"]


def test_a_lora_tag_names_the_stem() -> None:
    assert missing(needs("ink", origin="lora-tag"), has("styles/ink.safetensors")) == []


def test_a_widget_value_with_extension_is_never_matched_by_its_tail() -> None:
    assert missing(needs("ink.safetensors"), has("styles/ink.safetensors")) == ["ink.safetensors"]


def test_only_what_an_active_node_needs_is_missing() -> None:
    assert missing(needs("a.safetensors", active=False), has()) == []


def test_a_file_of_unknown_folder_is_present_when_any_folder_has_it() -> None:
    assert missing(needs("a.safetensors", None), has("x/A.safetensors", folder="vae")) == []
    assert missing(needs("b.safetensors", None), has("a.safetensors")) == ["b.safetensors"]


def test_one_entry_per_file_however_many_workflows_need_it() -> None:
    first = needs("s\\a.safetensors", path="1.json", urls=("u1", "u2"), url_origins={"u1": "note", "u2": "properties"})
    second = needs("s/a.safetensors", path="2.json", urls=("u2",), hashes={"sha256": "a" * 64})
    (entry,) = find_missing_models(gathered([first, second]).files, has())
    assert entry.workflows == ("1.json", "2.json")
    assert entry.urls == ("u2", "u1")
    assert entry.hashes == {"sha256": "a" * 64}
    assert len(entry.references) == 2


def test_a_hash_that_workflows_disagree_on_is_left_out() -> None:
    one, two = (needs("a.safetensors", path=f"{n}.json", hashes={"sha256": n * 64}) for n in "ab")
    (entry,) = find_missing_models(gathered([one, two]).files, has())
    assert entry.hashes == {}


def test_a_value_that_stands_for_two_files_needs_both() -> None:
    encoder = needs("taesd", "vae_approx", filename="taesd_encoder")
    decoder = needs("taesd", "vae_approx", filename="taesd_decoder")
    both = Workflow(path="w.json", format="ui", models=(*encoder.models, *decoder.models))
    assert [entry.filename for entry in find_missing_models(gathered([both]).files, has())] == [
        "taesd_decoder",
        "taesd_encoder",
    ]
    there = has("taesd_encoder.safetensors", folder="vae_approx")
    assert [entry.filename for entry in find_missing_models(gathered([both]).files, there)] == ["taesd_decoder"]
