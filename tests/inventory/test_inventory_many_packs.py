"""Many packs are read by several processes, and nothing tells the difference."""

import concurrent.futures
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.packs import read_packs
from comfyfixer.inventory.source_cache import SourceCache
from comfyfixer.model.inventory import NodePack
from comfyfixer.model.problem import Problem

PACK = """
import folder_paths
folder_paths.add_model_folder_path("own_{name}", "/models/{name}")
class Loader:
    @classmethod
    def INPUT_TYPES(cls):
        return {{"required": {{"file": (folder_paths.get_filename_list("own_{name}"),)}}}}
NODE_CLASS_MAPPINGS = {{"Load {name}": Loader}}
"""
HOW_MANY = 20


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for number in range(HOW_MANY):
        folder = tmp_path / "custom_nodes" / f"pack{number:02}"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(PACK.format(name=number), "utf-8")
    (tmp_path / "custom_nodes" / "pack07" / "__init__.py").write_text("def broken(:\n", "utf-8")
    return tmp_path


def read(base: Path, cache: Path | None = None) -> tuple[tuple[NodePack, ...], list[Problem], object]:
    table = FolderTable(str(base))
    kept = SourceCache(cache, table)
    packs, problems = read_packs(table, None, kept)
    kept.save()
    return packs, problems, table.snapshot()


def test_side_by_side_the_same_is_read(base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("comfyfixer.inventory.pack_processes.processes", lambda: 2)
    started: list[int] = []

    class Counted(concurrent.futures.ProcessPoolExecutor):
        def __init__(self, workers: int, **options: Any) -> None:
            started.append(workers)
            super().__init__(workers, **options)

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", Counted)
    many = read(base, tmp_path / "cache")
    assert started == [2]

    assert read(base, tmp_path / "cache") == many
    assert started == [2], "the cache was not used"
    monkeypatch.setattr("comfyfixer.inventory.packs._FEWEST", HOW_MANY + 1)
    assert read(base) == many
    packs, problems, _ = many
    assert [problem.code for problem in problems] == ["pack-unreadable"]
    assert sum(len(pack.node_types) for pack in packs) == HOW_MANY - 1
    assert packs[3].inputs["Load 3"]["file"].folders == ("own_3",)


@pytest.mark.parametrize("cores", [1, 2])
def test_without_further_processes_they_are_read_here(base: Path, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise PermissionError("no more processes")

    monkeypatch.setattr("comfyfixer.inventory.pack_processes.processes", lambda: cores)
    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", refused)

    assert sum(len(pack.node_types) for pack in read(base)[0]) == HOW_MANY - 1
