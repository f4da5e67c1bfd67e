"""Nodes that only a newer ComfyUI has, and what a running ComfyUI adds to the knowledge of inputs."""

from typing import Any

import msgspec

from comfyfixer.model.reference import LoaderInput, NodeReference, Workflow
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.read import read_workflow

CORE = {"cnr_id": "comfy-core", "ver": "0.36.1"}


def read(*nodes: tuple[str, int, dict[str, str]], known: dict[str, dict[str, LoaderInput]] | None = None) -> Workflow:
    rows: list[dict[str, Any]] = [
        {"id": number, "type": kind, "mode": mode, "properties": properties, "widgets_values": [3, "x.safetensors"]}
        for number, (kind, mode, properties) in enumerate(nodes, start=1)
    ]
    document = {"version": 0.4, "nodes": rows, "links": [], "last_node_id": 9, "last_link_id": 0}
    workflow = read_workflow(msgspec.json.encode(document), "w.json", builtin_knowledge().with_packs(known or {}))
    assert workflow is not None
    return workflow


def test_nodes_of_a_newer_comfyui_are_told_with_the_version_that_saved_them() -> None:
    workflow = read(("ConditioningLoader", 0, CORE), ("KSampler", 0, CORE), ("ConditioningLoader", 2, {}))
    first, muted = workflow.core_nodes
    assert first == NodeReference(node_type="ConditioningLoader", node_id="1", cnr_id="comfy-core", version="0.36.1")
    assert (muted.node_id, muted.active, muted.version) == ("3", False, None)
    assert workflow.custom_nodes == ()


def test_a_type_that_nobody_knows_and_that_calls_itself_comfyuis_own_is_told_both_ways() -> None:
    workflow = read(("NodeOfTheFuture", 0, CORE), ("SomePack", 0, {"cnr_id": "some-pack", "ver": "1.0"}))
    assert [node.node_type for node in workflow.core_nodes] == ["NodeOfTheFuture"]
    assert [(node.node_type, node.cnr_id) for node in workflow.custom_nodes] == [
        ("NodeOfTheFuture", None),
        ("SomePack", "some-pack"),
    ]


def test_a_newer_type_that_lists_no_files_is_told_whatever_else_the_workflow_holds() -> None:
    workflow = read(("HeyGenReferenceToVideoNode", 0, CORE))
    (told,) = workflow.core_nodes
    assert (told.node_type, told.version) == ("HeyGenReferenceToVideoNode", "0.36.1")


def test_an_api_prompt_tells_newer_types_too() -> None:
    document = {"1": {"class_type": "ConditioningLoader", "inputs": {}}}
    workflow = read_workflow(msgspec.json.encode(document), "w.json", builtin_knowledge())
    assert workflow is not None
    assert [node.node_type for node in workflow.core_nodes] == ["ConditioningLoader"]


def test_a_folder_that_a_running_comfyui_tells_is_known_by_it_and_beyond_the_workflows_word() -> None:
    loader = LoaderInput(folders=("loras",), widget_index=1, known_by="object_info")
    (model,) = read(("PackLoader", 0, {}), known={"PackLoader": {"file": loader}}).models
    assert (model.folder, model.folder_known_by, model.input) == ("loras", "object_info", "file")
