"""The official templates where nothing is installed: ComfyUI's own nodes are never missing packs."""

from importlib.metadata import files
from pathlib import Path

import pytest

from comfyfixer.inventory.builtin_types import builtin_since
from comfyfixer.inventory.take import take
from comfyfixer.model.inventory import Installation, Inventory
from comfyfixer.model.reference import Workflow
from comfyfixer.resolve.gathering import gathered
from comfyfixer.resolve.missing_nodes import find_missing_nodes
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.read import read_workflow

CUSTOM = {"AILab_QwenVL", "ImageRemoveAlpha+"}


@pytest.fixture(scope="module")
def templates() -> list[Workflow]:
    paths = [Path(str(file.locate())) for file in files("comfyui-workflow-templates-json") or ()]
    read = [
        read_workflow(path.read_bytes(), path.name, builtin_knowledge()) for path in paths if path.suffix == ".json"
    ]
    return [workflow for workflow in read if workflow is not None]


def empty(base: Path, version: str | None) -> Inventory:
    """No pack, no model; with a version also ComfyUI's code, which can't be read."""
    (base / "models").mkdir()
    code = base if version else None
    if version:
        (base / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
    installation = Installation(code_dir=str(code) if code else None, base_dir=str(base), kind="data", found_by="test")
    return take(installation, lambda action, **details: None)


def test_on_an_empty_installation_exactly_the_custom_types_are_missing(
    tmp_path: Path, templates: list[Workflow]
) -> None:
    found = find_missing_nodes(gathered(templates), empty(tmp_path, None), since=builtin_since())
    assert {entry.node_type for entry in found.missing} == CUSTOM
    assert {entry.state for entry in found.missing} == {"missing"}
    assert {path for entry in found.missing for path in entry.workflows} == {
        "template_rob_realistic_2k_images_quick_variations.json",
        "templates_rob_realistic_2k_images_quick_variations.app.json",
    }


def test_an_older_comfyui_is_to_be_updated_and_nothing_else(tmp_path: Path, templates: list[Workflow]) -> None:
    found = find_missing_nodes(gathered(templates), empty(tmp_path, "0.33.0"), since=builtin_since())
    core = [entry for entry in found.missing if entry.node_type not in CUSTOM]
    assert {entry.node_type for entry in found.missing} >= CUSTOM
    assert core
    assert {entry.state for entry in core} == {"update-comfyui"}
    assert all("the installed 0.33.0 not yet: update ComfyUI to " in (entry.note or "") for entry in core)
