"""Which installed files workflows may mean."""

import pytest

from comfyfixer.model.inventory import InstalledModel
from comfyfixer.model.reference import ModelReference, Workflow, base_name, expected_type
from comfyfixer.resolve.needed import Needs


def needs(value: str, *, filename: str | None = None, origin: str = "widget", active: bool = True) -> Needs:
    reference = ModelReference(
        value=value,
        filename=filename or base_name(value),
        folder="loras",
        expected_type=expected_type("loras"),
        node_id="1",
        node_type="LoraLoader",
        input="lora_name",
        origin=origin,
        active=active,
    )
    return Needs([Workflow(path="w.json", format="ui", models=(reference,))])


def installed(name: str, folder: str = "loras") -> InstalledModel:
    return InstalledModel(folder=folder, name=name, path=f"/models/{name}", size_bytes=1, mtime_ns=1)


@pytest.mark.parametrize("name", ["A.safetensors", "sub/a.safetensors", "sub\\a.SAFETENSORS"])
def test_spelling_folder_and_activity_leave_a_file_needed(name: str) -> None:
    assert needs("other/a.safetensors", active=False).name(installed(name, "checkpoints"))


@pytest.mark.parametrize("name", ["b.safetensors", "a.ckpt", "aa.safetensors"])
def test_another_name_is_not_needed(name: str) -> None:
    assert not needs("a.safetensors").name(installed(name))


@pytest.mark.parametrize("name", ["style.pt", "style_encoder.pth", "style-v2.safetensors", "style"])
def test_a_name_without_extension_stands_for_every_file_that_begins_so(name: str) -> None:
    assert needs("style", origin="embedding").name(installed(name))


def test_a_name_without_extension_stands_for_whole_words_only() -> None:
    assert not needs("style", origin="lora-tag").name(installed("stylelight.pt"))
