"""Each tree that a real ComfyUI was asked about is listed here as it was listed there; see `record_listings.py`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.inventory.take import take
from comfyfixer.model.inventory import Installation, Inventory
from comfyfixer.paths import printable

LISTINGS: dict[str, Any] = json.loads(Path(__file__).with_name("listings.json").read_text(encoding="utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in LISTINGS["cases"]}
LISTED = [name for name, case in CASES.items() if case["listed"] is not None]
REFUSED = [name for name, case in CASES.items() if case["listed"] is None]


def build(case: dict[str, Any], root: Path) -> Installation:
    """The tree of a case, with an empty ComfyUI that has the folders beside its code."""
    for folder in ("models", "custom_nodes"):
        (root / case.get("base", "ComfyUI") / folder).mkdir(parents=True, exist_ok=True)
    (root / "ComfyUI").mkdir(exist_ok=True)
    (root / "ComfyUI" / "comfyui_version.py").write_text(f'__version__ = "{LISTINGS["comfyui"]}"\n')
    for name, text in case["files"].items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.fsencode(text.replace("{root}", root.as_posix())))
    for name, target in case.get("links", {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target.replace("{root}", str(root)))
    return Installation(
        code_dir=str(root / "ComfyUI"),
        base_dir=str(root / case.get("base", "ComfyUI")),
        extra_config_files=tuple(str(root / name) for name in case.get("yaml", ())),
        kind="git",
        found_by="test",
    )


def inventory_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    case = CASES[name]
    needs = case.get("needs")
    if (needs == "linux" and sys.platform != "linux") or (needs == "posix" and os.name != "posix"):
        pytest.skip("names or links of this kind are not possible here")
    root = Path(os.path.realpath(tmp_path), "root")
    for variable, value in case.get("environ", {}).items():
        monkeypatch.setenv(variable, value.replace("{root}", str(root)))
    return take(build(case, root), lambda *_args, **_facts: None)


def ours(inventory: Inventory, folder: str) -> list[str]:
    return [model.name.replace(os.sep, "/") for model in inventory.models if model.folder == folder]


def theirs(case: dict[str, Any], names: list[str]) -> list[str]:
    """Recorded names as they are shown here, without those that are passed over with reason."""
    passed_over = tuple(case.get("passed_over", ()))
    return sorted(printable(name) for name in names if not name.startswith(passed_over))


@pytest.mark.parametrize("name", LISTED)
def test_each_folder_is_listed_as_comfyui_lists_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, inventory = CASES[name], inventory_of(name, tmp_path, monkeypatch)
    recorded = case["listed"]["models"]
    assert set(recorded) == set(inventory.folders)
    listed = {folder: ours(inventory, folder) for folder in recorded if folder != "diffusers"}
    assert listed == {folder: theirs(case, names) for folder, names in recorded.items() if folder != "diffusers"}


@pytest.mark.parametrize("name", LISTED)
def test_diffusers_folders_and_embeddings_are_what_their_loaders_offer(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, inventory = CASES[name], inventory_of(name, tmp_path, monkeypatch)
    assert ours(inventory, "diffusers") == theirs(case, list(set(case["listed"]["diffusers"])))
    offered = [os.path.splitext(embedding)[0] for embedding in ours(inventory, "embeddings")]
    assert offered == case["listed"]["embeddings"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_comfyui_does_not_start_with_is_a_problem_and_the_rest_is_listed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = inventory_of(name, tmp_path, monkeypatch)
    assert [problem.code for problem in inventory.problems] == ["yaml-invalid"]
    assert "checkpoints" in inventory.folders
