"""Other names for some of a workflow's files: what changes, and that nothing else does."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from comfyfixer.errors import WorkflowError
from comfyfixer.model.reference import Workflow
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.read import read_workflow
from comfyfixer.scan.rewrite import Change, rewritten
from tests.scan.builders import UUID, checkpoint_and_lora, link, node, socket, ui, with_subgraphs
from tests.scan.test_scan_properties import WORKFLOWS

OLD, NEW = "sub\\x.safetensors", "sub/x.safetensors"
LORA = "Power Lora Loader (rgthree)"


def read(data: bytes) -> Workflow | None:
    return read_workflow(data, "w.json", builtin_knowledge())


def with_new(document: Any, old: str, new: str, folder: str | None = "checkpoints", **style: Any) -> str:
    """The text after the change."""
    data = document if isinstance(document, bytes) else json.dumps(document, **style).encode()
    return rewritten(data, [Change(folder, old, new)], read).decode()


def test_only_the_value_differs_and_the_text_around_it_stays_byte_by_byte() -> None:
    text = (
        '{"version":0.4,\r\n\t"nodes" : [ {"id":1, "type":"CheckpointLoaderSimple","title":"sub\\\\x.safetensors",\n'
        '"widgets_values":["sub\\\\x.safetensors"],"properties":{"models":[{"name":"x.safetensors","a":1.50}]}}],'
        '"links":[], "extra":{"note":"\\u00e9 \\/ sub\\\\x.safetensors"}}\n'
    )
    found = with_new(text.encode(), OLD, NEW)
    assert found == text.replace('"widgets_values":["sub\\\\x', '"widgets_values":["sub/x')


def test_a_slash_of_either_kind_is_escaped_as_json_wants_it() -> None:
    document = ui([node(1, "CheckpointLoaderSimple", ["sub/x.safetensors"])])
    assert json.loads(with_new(document, NEW, OLD))["nodes"][0]["widgets_values"] == [OLD]


def test_the_same_name_in_another_folder_is_another_file() -> None:
    document = ui([node(1, "CheckpointLoaderSimple", [OLD]), node(2, "UNETLoader", [OLD, "default"])])
    found = json.loads(with_new(document, OLD, NEW))
    assert [one["widgets_values"][0] for one in found["nodes"]] == [NEW, OLD]


def test_two_files_are_renamed_at_once_even_if_they_change_places() -> None:
    document = ui([node(1, "CheckpointLoaderSimple", ["a.ckpt"]), node(2, "CheckpointLoaderSimple", ["b.ckpt"])])
    changes = [Change("checkpoints", "a.ckpt", "b.ckpt"), Change("checkpoints", "b.ckpt", "a.ckpt")]
    found = json.loads(rewritten(json.dumps(document).encode(), changes, read))
    assert [one["widgets_values"] for one in found["nodes"]] == [["b.ckpt"], ["a.ckpt"]]


def test_the_form_by_name_follows_the_form_by_position() -> None:
    values = {"widgets_values_named": {"ckpt_name": OLD}}
    document = ui([node(1, "CheckpointLoaderSimple", [OLD], **values)])
    found = json.loads(with_new(document, OLD, NEW))["nodes"][0]
    assert found["widgets_values_named"] == {"ckpt_name": NEW}
    assert found["widgets_values"] == [NEW]


def test_an_instance_s_own_value_changes_and_the_definition_s_stays() -> None:
    instance = node(5, UUID, ["inner.safetensors"], inputs=[socket("ckpt_name", widget=True)])
    document = with_subgraphs([instance, node(6, UUID, ["other.safetensors"])], checkpoint_and_lora())
    found = json.loads(with_new(document, "inner.safetensors", "new.safetensors"))
    assert found["nodes"][0]["widgets_values"] == ["new.safetensors"]
    assert found["definitions"]["subgraphs"][0]["nodes"][0]["widgets_values"] == ["inner.safetensors"]


def test_a_definition_s_value_changes_where_the_instance_gives_none() -> None:
    found = json.loads(
        with_new(with_subgraphs([node(5, UUID)], checkpoint_and_lora()), "inner.safetensors", "new.safetensors")
    )
    assert found["definitions"]["subgraphs"][0]["nodes"][0]["widgets_values"] == ["new.safetensors"]


def test_the_value_that_a_proxy_overrides_changes_on_the_instance() -> None:
    instance = node(5, UUID, [OLD], properties={"proxyWidgets": [["1", "ckpt_name"]]})
    found = json.loads(with_new(with_subgraphs([instance], checkpoint_and_lora()), OLD, NEW))
    assert found["nodes"][0]["widgets_values"] == [NEW]


def test_a_primitive_node_s_value_changes() -> None:
    loader = node(2, "CheckpointLoaderSimple", ["stale.ckpt"], inputs=[socket("ckpt_name", 1, widget=True)])
    document = ui([node(1, "PrimitiveNode", [OLD, "fixed", ""]), loader], [link(1, (1, 0), (2, 0))])
    found = json.loads(with_new(document, OLD, NEW))
    assert found["nodes"][0]["widgets_values"][0] == NEW
    assert found["nodes"][1]["widgets_values"] == ["stale.ckpt"]


def test_a_group_node_s_value_changes_on_the_instance() -> None:
    group = {"nodes": [{"type": "CheckpointLoaderSimple", "widgets_values": ["stale.ckpt"]}]}
    document = ui([node(1, "workflow>G", [OLD])], extra={"groupNodes": {"G": group}})
    assert json.loads(with_new(document, OLD, NEW))["nodes"][0]["widgets_values"] == [NEW]


def test_values_as_objects_nested_objects_and_json_kept_as_text() -> None:
    old, new = "a.safetensors", 'd/"n" \\b.safetensors'
    by_name = node(1, "LoraLoader", {"lora_name": old, "strength_model": 1})
    nested = node(2, LORA, [None, {"on": True, "lora": old, "strength": 1}])
    text = node(3, "Mystery", [json.dumps({"loras": [{"name": old, "strength": 1.0}]})])
    found = json.loads(with_new(ui([by_name, nested, text]), old, new, "loras"))
    first, second, third = (one["widgets_values"] for one in found["nodes"])
    assert first["lora_name"] == new
    assert second[1] == {"on": True, "lora": new, "strength": 1}
    assert json.loads(third[0]) == {"loras": [{"name": new, "strength": 1.0}]}


def test_a_prompt_s_inputs_change() -> None:
    prompt = {"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": OLD}}}
    assert json.loads(with_new(prompt, OLD, NEW))["1"]["inputs"] == {"ckpt_name": NEW}


def test_tags_change_wherever_the_text_repeats_them() -> None:
    text = "a (embedding:Easy:1.2), embedding:Easy, embedding:EasyTwo Easy \u00e9"
    document = ui([node(1, "CLIPTextEncode", [text])])
    found = json.loads(with_new(document, "Easy", "easy", "embeddings"))
    assert found["nodes"][0]["widgets_values"] == [
        "a (embedding:easy:1.2), embedding:easy, embedding:EasyTwo Easy \u00e9"
    ]


def test_escaped_parentheses_of_a_tag_stay_escaped() -> None:
    document = ui([node(1, "CLIPTextEncode", ["embedding:Ea\\(2\\)"])])
    found = json.loads(with_new(document, "Ea(2)", "ea(2)", "embeddings"))
    assert found["nodes"][0]["widgets_values"] == ["embedding:ea\\(2\\)"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_the_encoding_stays(encoding: str) -> None:
    text = json.dumps(ui([node(1, "CheckpointLoaderSimple", [OLD])]))
    data = rewritten(text.encode(encoding), [Change("checkpoints", OLD, NEW)], read)
    assert data.decode(encoding) == text.replace("sub\\\\x", "sub/x")


def test_a_workflow_inside_another_document_is_found() -> None:
    body = {"prompt": {}, "extra_data": {"workflow": json.dumps(ui([node(1, "CheckpointLoaderSimple", [OLD])]))}}
    found = json.loads(with_new(body, OLD, NEW))["extra_data"]["workflow"]
    assert json.loads(found)["nodes"][0]["widgets_values"] == [NEW]


def test_one_text_that_feeds_two_folders_is_refused() -> None:
    loaders = [
        node(2, "CheckpointLoaderSimple", [OLD], inputs=[socket("ckpt_name", 1, widget=True)]),
        node(3, "UNETLoader", [OLD, "default"], inputs=[socket("unet_name", 2, widget=True)]),
    ]
    document = ui([node(1, "PrimitiveNode", [OLD]), *loaders], [link(1, (1, 0), (2, 0)), link(2, (1, 0), (3, 0))])
    with pytest.raises(WorkflowError, match="several nodes"):
        with_new(document, OLD, NEW)


def test_a_name_that_would_not_be_read_back_is_refused() -> None:
    document = ui([node(1, "CLIPTextEncode", ["embedding:Easy"])])
    with pytest.raises(WorkflowError, match="new name"):
        with_new(document, "Easy", "two words", "embeddings")
    with pytest.raises(WorkflowError, match="any more"):
        with_new(document, "Gone", "gone", "embeddings")


@settings(max_examples=200)
@given(document=WORKFLOWS, pick=st.integers(0, 50), escape=st.booleans())
def test_what_is_read_afterwards_is_what_was_read_before_with_one_value_changed(
    document: dict[str, Any], pick: int, escape: bool
) -> None:
    nodes = [*document["nodes"], {"id": 77, "type": "LoraLoader", "widgets_values": ["sub\\b.ckpt", 1, 1]}]
    data = json.dumps({**document, "nodes": nodes}, ensure_ascii=escape, indent=1 if escape else None).encode()
    workflow = read_if_it_can_be(data)
    assume(workflow is not None)
    assert workflow is not None
    chosen = workflow.models[pick % len(workflow.models)]
    new = "new/" + chosen.value.replace("\\", "/")
    found = with_change_or_refused(data, Change(chosen.folder, chosen.value, new))
    if found is None:
        return
    key = (chosen.folder, chosen.value)
    expected = [new if (one.folder, one.value) == key else one.value for one in workflow.models]
    assert [one.value for one in found.models] == expected
    assert msgspec.structs.replace(found, models=()) == msgspec.structs.replace(workflow, models=())


def read_if_it_can_be(data: bytes) -> Workflow | None:
    try:
        return read(data)
    except WorkflowError:
        return None


def with_change_or_refused(data: bytes, change: Change) -> Workflow | None:
    """None where a refusal, and nothing else, came."""
    try:
        return read(rewritten(data, [change], read))
    except WorkflowError as error:
        if error.code != "relink-refused":
            raise
        return None
