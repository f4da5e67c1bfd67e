"""Where ComfyUI-Manager's lists lie in an installation, and which copy counts."""

import os
from pathlib import Path

import pytest

from comfyfixer.inventory.manager_lists import ManagerLists, read_manager_lists


def put(file: Path, data: bytes, age_s: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (1_700_000_000 - age_s,) * 2)


def found(base: Path) -> ManagerLists | None:
    return read_manager_lists(str(base), [str(base / "custom_nodes")], [str(base / "site-packages")])


@pytest.mark.parametrize(
    "place",
    [
        "custom_nodes/ComfyUI-Manager/extension-node-map.json",
        "custom_nodes/comfyui-manager/extension-node-map.json",
        "site-packages/comfyui_manager/extension-node-map.json",
        "user/__manager/cache/1742899825_extension-node-map.json",
        "user/__manager/cache/1742899825_extension-node-map.json.json",
        "user/default/ComfyUI-Manager/cache/-17_extension-node-map.json",
    ],
)
def test_every_place_is_looked_at(tmp_path: Path, place: str) -> None:
    put(tmp_path / place, b"map")
    assert found(tmp_path) == ManagerLists(node_map=b"map")


def test_the_newest_copy_of_each_list_counts(tmp_path: Path) -> None:
    pack, cache = tmp_path / "custom_nodes/ComfyUI-Manager", tmp_path / "user/__manager/cache"
    put(pack / "extension-node-map.json", b"old", age_s=100)
    put(cache / "1_extension-node-map.json", b"new")
    put(pack / "custom-node-list.json", b"rows")
    put(cache / "1_custom-node-list.json", b"older rows", age_s=100)
    put(pack / "github-stats.json", b"stars")
    assert found(tmp_path) == ManagerLists(node_map=b"new", node_list=b"rows", stats=b"stars")


def test_without_a_list_of_types_there_is_none(tmp_path: Path) -> None:
    put(tmp_path / "custom_nodes/ComfyUI-Manager/custom-node-list.json", b"rows")
    put(tmp_path / "custom_nodes/other/extension-node-map.json", b"not the manager's")
    put(tmp_path / "custom_nodes/ComfyUI-Manager/my-extension-node-map.json", b"not a list")
    (tmp_path / "user/__manager/cache/1_extension-node-map.json").mkdir(parents=True)
    assert found(tmp_path) is None
