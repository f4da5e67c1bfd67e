"""What packs can import with what is installed, and which node types they go without."""

import sys
from pathlib import Path

import pytest

from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.importable import surroundings
from comfyfixer.inventory.node_source import read_node_source
from comfyfixer.inventory.pack_source import PackSource
from comfyfixer.inventory.packs import read_packs
from comfyfixer.inventory.reading.surroundings import Surroundings
from comfyfixer.inventory.source_cache import SourceCache
from comfyfixer.model.inventory import Installation

AROUND = Surroundings(
    modules=frozenset({"torch", "os", "sys", "importlib", "folder_paths"}), packs=frozenset({"other_pack"})
)
PART = "{}\nclass P: pass\nNODE_CLASS_MAPPINGS = {{'part': P}}\n"


def read(tmp_path: Path, main: str, around: Surroundings | None = AROUND, **files: str) -> PackSource:
    pack = tmp_path / "custom_nodes" / "pack"
    pack.mkdir(parents=True)
    for name, text in {"__init__": main, **files}.items():
        (pack / f"{name}.py").write_text(text, encoding="utf-8")
    return read_node_source(pack / "__init__.py", FolderTable(str(tmp_path)), around=around)


MAIN = """
class A: pass
NODE_CLASS_MAPPINGS = {'always': A}
try:
    from .part import NODE_CLASS_MAPPINGS as more
    NODE_CLASS_MAPPINGS.update(more)
except ImportError:
    pass
"""


def test_a_part_that_imports_what_is_not_installed_has_no_types(tmp_path: Path) -> None:
    source = read(tmp_path, MAIN, part=PART.format("import torch\nimport rare_thing.sub"))
    assert source.node_types == {"always"}
    assert source.lacking == ("rare_thing",)
    assert source.unloaded == {"part"}
    assert source.complete


def test_without_knowledge_of_what_is_installed_every_part_counts(tmp_path: Path) -> None:
    source = read(tmp_path, MAIN, None, part=PART.format("import rare_thing"))
    assert source.node_types == {"always", "part"}
    assert (source.lacking, source.unloaded) == ((), frozenset())


def test_what_a_part_imports_from_the_pack_is_followed(tmp_path: Path) -> None:
    source = read(tmp_path, MAIN, part=PART.format("from .deep import x"), deep="from . import part\nimport rare_thing")
    assert source.node_types == {"always"}


@pytest.mark.parametrize(
    "text",
    [
        "'''\nimport rare_thing\n'''",
        "try:\n    import rare_thing\nexcept ImportError:\n    rare_thing = None",
        "def late():\n    import rare_thing",
        "if False:\n    import rare_thing",
        "import sys\nsys.path.append('/opt/more')\nimport rare_thing",
        "import sys\nsys.modules['rare_thing'] = sys\nimport rare_thing",
        "import torch, os.path",
        "from other_pack import y\nimport custom_nodes.other_pack.nodes",
    ],
    ids=[
        "a text",
        "guarded",
        "in a function",
        "never",
        "its own search path",
        "a stand-in",
        "installed",
        "another pack",
    ],
)
def test_what_does_not_surely_fail_counts(tmp_path: Path, text: str) -> None:
    source = read(tmp_path, MAIN, part=PART.format(text))
    assert source.node_types == {"always", "part"}


def test_an_import_of_a_pack_that_is_not_here_fails(tmp_path: Path) -> None:
    source = read(tmp_path, MAIN, part=PART.format("from custom_nodes.absent_pack import y"))
    assert source.node_types == {"always"}


def test_a_fallback_is_taken_where_a_library_is_missing(tmp_path: Path) -> None:
    main = """
class A: pass
try:
    import rare_thing
    NAME = 'with'
except ImportError:
    NAME = 'without'
NODE_CLASS_MAPPINGS = {NAME: A}
"""
    assert read(tmp_path, main).node_types == {"without"}


def test_handlers_of_other_errors_catch_no_import(tmp_path: Path) -> None:
    main = "class A: pass\ntry:\n    import rare_thing\nexcept KeyError:\n    pass\nNODE_CLASS_MAPPINGS = {'a': A}"
    source = read(tmp_path, main)
    assert source.node_types == {"a"}
    assert source.lacking == ()


@pytest.mark.parametrize(
    "load",
    [
        "importlib.import_module(f'.{name}', __name__)",
        "load(os.path.join(os.path.dirname(__file__), name + '.py'))",
    ],
)
def test_parts_that_are_loaded_in_a_loop(tmp_path: Path, load: str) -> None:
    main = f"""
import importlib, importlib.util, os
def load(path):
    spec = importlib.util.spec_from_file_location('x', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
NODE_CLASS_MAPPINGS = {{}}
for name in ('one', 'two'):
    try:
        NODE_CLASS_MAPPINGS.update({load}.NODE_CLASS_MAPPINGS)
    except Exception as error:
        print(error)
"""
    one = "class P: pass\nNODE_CLASS_MAPPINGS = {'one': P}"
    source = read(tmp_path, main, one=one, two=PART.format("import rare_thing"))
    assert source.node_types == {"one"}


def test_what_follows_an_undecided_error_that_is_caught_is_in_doubt(tmp_path: Path) -> None:
    main = """
import os, folder_paths
class A: pass
NODE_CLASS_MAPPINGS = {'always': A}
try:
    if not os.path.exists('/opt/another/program'):
        raise Exception('it is not there')
    NODE_CLASS_MAPPINGS['perhaps'] = A
except Exception:
    pass
NODE_CLASS_MAPPINGS['after'] = A
"""
    source = read(tmp_path, main)
    assert source.node_types == {"always", "after"}
    assert not source.complete


def installation(tmp_path: Path, config: str = "version = 3.11.7\n") -> Installation:
    """A ComfyUI with a venv that has `numpy`, an editable `mine`, and a `.pth` file to a folder with `linked.py`."""
    site = tmp_path / ".venv" / ("Lib" if sys.platform == "win32" else "lib/python3.11") / "site-packages"
    for folder in ("numpy", "mine_tool-1.0.dist-info"):
        (site / folder).mkdir(parents=True)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(config)
    (tmp_path / "linked_folder").mkdir()
    (tmp_path / "linked_folder" / "linked.py").touch()
    (site / "extra.pth").write_text(f"import os; os.x = 1\n{tmp_path / 'linked_folder'}\n/nowhere\n")
    for name in ("comfy", "custom_nodes/Some-Pack", "models"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("main.py", "folder_paths.py", "comfy/sd.py"):
        (tmp_path / name).touch()
    return Installation(code_dir=str(tmp_path), base_dir=str(tmp_path), kind="git", found_by="test")


def test_what_can_be_imported_is_pythons_comfyuis_installed_linked_and_other_packs(tmp_path: Path) -> None:
    around = surroundings(installation(tmp_path), [str(tmp_path / "custom_nodes")])
    assert around is not None
    for name in (
        "os",
        "__main__",
        "numpy.core",
        "mine_tool",
        "linked",
        "folder_paths",
        "comfy.utils",
        "sd",
        "Some-Pack",
    ):
        assert not around.lacks(name), name
    assert around.lacks("rare_thing")
    assert around.lacks("custom_nodes.absent")
    assert not around.lacks("custom_nodes.Some-Pack.nodes")
    assert not around.lacks("custom_nodes")


@pytest.mark.parametrize("lost", [".venv", "the code", "closed"])
def test_what_is_not_known_for_sure_is_not_known(tmp_path: Path, lost: str) -> None:
    config = "include-system-site-packages = true\n" if lost == "closed" else ""
    found = installation(tmp_path, config)
    if lost == ".venv":
        (tmp_path / ".venv").rename(tmp_path / "elsewhere")
    if lost == "the code":
        found = Installation(code_dir=None, base_dir=str(tmp_path), kind="data", found_by="test")
    assert surroundings(found, []) is None


def test_a_pack_says_what_it_goes_without_and_is_read_again_when_something_is_installed(tmp_path: Path) -> None:
    read(tmp_path, MAIN, part=PART.format("import rare_thing"))
    table, site = FolderTable(str(tmp_path)), tmp_path / "site-packages"
    site.mkdir()
    file = tmp_path / "cache"

    def packs(around: Surroundings) -> frozenset[str]:
        cache = SourceCache(file, table, [str(site)])
        (pack,), _ = read_packs(table, None, cache, lambda: around)
        cache.save()
        assert pack.unloaded == {"always", "part"} - pack.node_types
        return pack.node_types

    assert packs(AROUND) == {"always"}
    (site / "rare_thing").mkdir()
    assert packs(Surroundings(modules=AROUND.modules | {"rare_thing"}, packs=frozenset())) == {"always", "part"}
