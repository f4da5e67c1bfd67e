"""All official templates against their own `properties.models`, which the reader does not get to see."""

from importlib.metadata import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.read import read_workflow

PACKAGE = "comfyui-workflow-templates-json"
Pairs = set[tuple[str, str | None]]


def documents() -> list[tuple[str, Any]]:
    paths = [Path(str(entry.locate())) for entry in files(PACKAGE) or () if entry.suffix == ".json"]
    read = [(path.name, msgspec.json.decode(path.read_bytes())) for path in sorted(paths)]
    return [(name, found) for name, found in read if isinstance(found, dict) and "nodes" in found]


def take_declared(nodes: list[Any], definitions: dict[str, Any], *, runs: bool, into: dict[bool, Pairs]) -> None:
    """Collect what the nodes declare, by whether they run."""
    for node in nodes:
        now = runs and node.get("mode") not in (2, 4)
        for entry in node.get("properties", {}).get("models") or ():
            into[now].add((entry["name"], entry["directory"]))
        if node["type"] in definitions:
            take_declared(definitions[node["type"]]["nodes"], definitions, runs=now, into=into)


def without_declarations(document: Any) -> bytes:
    """The same workflow, saying nothing about its models."""
    graphs = [document, *document.get("definitions", {}).get("subgraphs", ())]
    for node in (node for graph in graphs for node in graph["nodes"]):
        node.get("properties", {}).pop("models", None)
    return msgspec.json.encode(document)


@pytest.fixture
def templates() -> list[tuple[str, Any]]:
    return documents()


def test_exactly_the_declared_models_are_found(templates: list[tuple[str, Any]]) -> None:
    wrong: dict[str, tuple[Pairs, Pairs]] = {}
    found_in_all = 0
    for name, document in templates:
        definitions = {graph["id"]: graph for graph in document.get("definitions", {}).get("subgraphs", ())}
        declared: dict[bool, Pairs] = {True: set(), False: set()}
        take_declared(document["nodes"], definitions, runs=True, into=declared)
        workflow = read_workflow(without_declarations(document), name, builtin_knowledge())
        assert workflow is not None, name
        found = {(model.filename, model.folder) for model in workflow.models if model.active}
        found_in_all += len(found)
        if found != declared[True]:
            wrong[name] = (found - declared[True], declared[True] - found)

    assert wrong == {}
    assert len(templates) >= 600
    assert found_in_all >= 900


def test_every_declared_url_is_carried(templates: list[tuple[str, Any]]) -> None:
    for name, document in templates:
        workflow = read_workflow(msgspec.json.encode(document), name, builtin_knowledge())
        assert workflow is not None
        assert all(model.urls for model in workflow.models if model.active), name


def take_urls(
    nodes: list[Any], definitions: dict[str, Any], prefix: str, into: dict[tuple[str, str], set[str]]
) -> None:
    """Collect the addresses that running nodes declare, by node id and name."""
    for node in nodes:
        if node.get("mode") in (2, 4):
            continue
        for entry in node.get("properties", {}).get("models") or ():
            into.setdefault((f"{prefix}{node['id']}", entry["name"]), set()).add(entry["url"])
        if node["type"] in definitions:
            take_urls(definitions[node["type"]]["nodes"], definitions, f"{prefix}{node['id']}:", into)


def test_a_node_keeps_every_url_of_its_own_entries(templates: list[tuple[str, Any]]) -> None:
    told = 0
    for name, document in templates:
        definitions = {graph["id"]: graph for graph in document.get("definitions", {}).get("subgraphs", ())}
        declared: dict[tuple[str, str], set[str]] = {}
        take_urls(document["nodes"], definitions, "", declared)
        workflow = read_workflow(msgspec.json.encode(document), name, builtin_knowledge())
        assert workflow is not None
        found = {(model.node_id, model.filename): model.urls for model in workflow.models if model.active}
        for place, urls in declared.items():
            if place in found:
                told += 1
                assert urls <= set(found[place]), (name, place)
        declared_files = {entry_name for _, entry_name in declared}
        assert declared_files == {filename for _, filename in found}, name

    assert told >= 1_000
