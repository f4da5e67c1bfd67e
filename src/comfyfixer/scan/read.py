"""One workflow file's bytes to what the workflow needs."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from comfyfixer.model.reference import ModelReference, NodeReference, Workflow, base_name, expected_type
from comfyfixer.scan.api import flatten_prompt
from comfyfixer.scan.declared import hashes_of, settled_folder, urls_of
from comfyfixer.scan.evidence import Evidence
from comfyfixer.scan.graph import LONGEST_NAME, Graph, Node
from comfyfixer.scan.groups import group_name
from comfyfixer.scan.knowledge import Knowledge
from comfyfixer.scan.needs import Need, find_needs
from comfyfixer.scan.raw import RawWorkflow
from comfyfixer.scan.recognise import MAX_BYTES, Prompt, not_utf8, recognise
from comfyfixer.scan.ui import flatten

__all__ = ["MAX_BYTES", "read_workflow"]

_CORE: Final = "comfy-core"


def read_workflow(data: bytes, path: str, knowledge: Knowledge) -> Workflow | None:
    """What the workflow in a JSON file needs; None where the file is JSON of another kind.

    Raises:
        WorkflowError: It should be a workflow and can't be read; the code says why.
    """
    found = recognise(data)
    if found is None:
        return None
    return describe(found, path, "ui" if isinstance(found, RawWorkflow) else "api", knowledge)


def describe(found: RawWorkflow | Prompt, path: str, kind: str, knowledge: Knowledge) -> Workflow:
    """The needs of a workflow or prompt, wherever it was found.

    Raises:
        WorkflowError: It holds more than any workflow does, or what has to be known of it is no UTF-8 text.
    """
    try:
        return _described(found, path, kind, knowledge)
    except msgspec.ValidationError:
        raise
    except (UnicodeDecodeError, msgspec.DecodeError):  # parts are decoded when they are needed; msgspec 0.23 says it so
        raise not_utf8() from None


def _described(found: RawWorkflow | Prompt, path: str, kind: str, knowledge: Knowledge) -> Workflow:
    is_ui = isinstance(found, RawWorkflow)
    graph = flatten(found, knowledge) if isinstance(found, RawWorkflow) else flatten_prompt(found)
    needs = find_needs(graph, knowledge)
    models: tuple[ModelReference, ...] = ()
    if needs:
        evidence = Evidence(graph, found.models if isinstance(found, RawWorkflow) else None, needs)
        models = tuple(_reference(need, evidence) for need in needs)
    known = graph.types & knowledge.builtin_types
    custom = _others(graph.types - known, knowledge)
    types = known | custom if custom else known
    unsettled = custom | types & knowledge.newer_types
    return Workflow(
        path=path,
        format=kind,
        models=models,
        node_types=tuple(sorted(types)),
        inactive_types=tuple(sorted(types - graph.active_types)),
        custom_nodes=tuple(_custom(node, is_ui) for node in graph.nodes if node.type in custom) if custom else (),
        core_nodes=tuple(_core_nodes(graph, unsettled, knowledge)) if unsettled else (),
    )


def _others(types: set[str], knowledge: Knowledge) -> set[str]:
    """Those of the types that are not ComfyUI's own, without what stands for a part of the workflow."""
    types = types - knowledge.frontend_types
    return {name for name in types if name and not group_name(name) and not _is_uuid(name)} if types else types


def _is_uuid(name: str) -> bool:
    """Types of instances are the ids of their definitions; one whose definition is gone is no pack's type."""
    return len(name) == 36 and name[8] == name[13] == name[18] == name[23] == "-" and _is_hex(name.replace("-", ""))


def _is_hex(text: str) -> bool:
    return len(text) == 32 and not set(text.lower()) - set("0123456789abcdef")


def _reference(need: Need, evidence: Evidence) -> ModelReference:
    name = base_name(need.value)
    declared, links = evidence.of(need, name)
    folder, known_by = settled_folder(need, declared)
    urls = urls_of(declared, links)
    return ModelReference(
        value=need.value,
        filename=need.filename or name,
        folder=folder,
        expected_type=expected_type(folder),
        folder_known_by=known_by,
        node_id=need.node.id[:LONGEST_NAME],
        node_type=need.node.type,
        input=need.input[:LONGEST_NAME],
        active=need.active,
        origin=need.origin,
        urls=tuple(urls),
        url_origins=urls,
        hashes=hashes_of(declared),
    )


def _custom(node: Node, is_ui: bool) -> NodeReference:
    properties = node.raw.properties if is_ui and node.raw is not None else None
    node_id = node.id[:LONGEST_NAME]
    if properties is None or properties.cnr_id == _CORE:
        return NodeReference(node_type=node.type, node_id=node_id, active=node.active)
    return NodeReference(
        node_type=node.type,
        node_id=node_id,
        active=node.active,
        cnr_id=_text(properties.cnr_id),
        aux_id=_text(properties.aux_id),
        version=_text(properties.ver),
    )


def _core_nodes(graph: Graph, types: set[str], knowledge: Knowledge) -> Iterator[NodeReference]:
    """Uses of types that the last known ComfyUI does not have, though a node says that they are ComfyUI's own."""
    for node in graph.nodes:
        if node.type not in types:
            continue
        properties = node.raw.properties if node.raw is not None else None
        is_core = properties is not None and properties.cnr_id == _CORE
        if is_core or node.type in knowledge.newer_types:
            yield NodeReference(
                node_type=node.type,
                node_id=node.id[:LONGEST_NAME],
                active=node.active,
                cnr_id=_CORE,
                version=_text(properties.ver) if properties is not None and is_core else None,
            )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME else None
