"""Small workflows made in code: one construct of ComfyUI's formats each."""

from collections.abc import Sequence
from typing import Any

import msgspec

from comfyfixer.model.reference import ModelReference, Workflow
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.read import read_workflow

UUID = "0000000a-0000-4000-8000-000000000000"
OUTER = "00000014-0000-4000-8000-000000000000"

Json = dict[str, Any]


def node(node_id: Any, node_type: str, values: Any = None, **more: Any) -> Json:
    """A node; `inputs` as made by `socket`."""
    return {
        "id": node_id,
        "type": node_type,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "properties": {"Node name for S&R": node_type},
        "widgets_values": values if values is not None else [],
        **more,
    }


def socket(name: str, link: Any = None, *, widget: bool = False, kind: str = "COMBO") -> Json:
    """A socket; with `widget` the socket side of a widget of that name."""
    found: Json = {"name": name, "type": kind, "link": link}
    return {**found, "widget": {"name": name}} if widget else found


def ui(nodes: Sequence[Json], links: Sequence[Any] = (), **more: Any) -> Json:
    """A UI workflow of schema 0.4."""
    return {"version": 0.4, "last_node_id": 99, "nodes": list(nodes), "links": list(links), "extra": {}, **more}


def link(link_id: int, origin: tuple[Any, int], target: tuple[Any, int], kind: str = "COMBO") -> list[Any]:
    """A link of schema 0.4."""
    return [link_id, origin[0], origin[1], target[0], target[1], kind]


def link_object(link_id: int, origin: tuple[Any, int], target: tuple[Any, int], kind: str = "COMBO") -> Json:
    """A link of schema 1 and of definitions."""
    return {
        "id": link_id, "origin_id": origin[0], "origin_slot": origin[1],
        "target_id": target[0], "target_slot": target[1], "type": kind,
    }  # fmt: skip


def checkpoint_and_lora(input_name: str = "ckpt_name", **more: Any) -> Json:
    """A definition with a promoted checkpoint and a LoRA that is not: the checkpoint's own value is stale."""
    return {
        "id": UUID,
        "name": "SG",
        "inputs": [{"name": input_name, "type": "COMBO", "linkIds": [1]}],
        "outputs": [],
        "nodes": [
            node(
                1,
                "CheckpointLoaderSimple",
                ["inner.safetensors"],
                inputs=[socket("ckpt_name", 1, widget=True)],
            ),
            node(2, "LoraLoader", ["inner_lora.safetensors", 1, 1]),
        ],
        "links": [link_object(1, (-10, 0), (1, 0))],
        **more,
    }


def with_subgraphs(nodes: Sequence[Json], *definitions: Json, links: Sequence[Any] = ()) -> Json:
    """A UI workflow with definitions."""
    return ui(nodes, links, definitions={"subgraphs": list(definitions)})


def read(document: Any) -> Workflow:
    """Read it as a file; it has to be a workflow."""
    data = document if isinstance(document, bytes) else msgspec.json.encode(document)
    workflow = read_workflow(data, "w.json", builtin_knowledge())
    assert workflow is not None
    return workflow


def models(document: Any) -> list[tuple[str, str, str | None, bool]]:
    """Node id, value, folder and activity of each reference, in order."""
    return [(found.node_id, found.value, found.folder, found.active) for found in read(document).models]


def active(document: Any) -> set[tuple[str, str | None]]:
    """Values and folders that the workflow needs to run."""
    return {(found.value, found.folder) for found in read(document).models if found.active}


def only(document: Any) -> ModelReference:
    """The one reference of a workflow."""
    (found,) = read(document).models
    return found
