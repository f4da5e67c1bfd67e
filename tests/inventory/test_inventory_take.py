"""The whole inventory of an installation."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from comfyfixer.inventory.builtin_types import builtin_types
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.source_cache import SourceCache
from comfyfixer.inventory.take import take
from comfyfixer.model.inventory import Installation, Inventory


def put(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def installed(base: Path, *, code: bool = False) -> Installation:
    return Installation(code_dir=str(base) if code else None, base_dir=str(base), kind="git", found_by="test")


def comfyui(base: Path) -> None:
    """The parts of ComfyUI's source that name its own nodes."""
    put(
        base / "nodes.py",
        "class KSampler: pass\nNODE_CLASS_MAPPINGS = {'KSampler': KSampler}\n"
        "async def init_builtin_extra_nodes():\n    extras_files = ['nodes_a.py', 'nodes_gone.py']\n",
    )
    put(base / "comfy_extras" / "nodes_a.py", "class A: pass\nNODE_CLASS_MAPPINGS = {'Extra': A}\n")
    put(base / "comfy_extras" / "nodes_unlisted.py", "class A: pass\nNODE_CLASS_MAPPINGS = {'Unlisted': A}\n")
    put(
        base / "comfy_api_nodes" / "nodes_api.py",
        "from comfy_api.latest import io, ComfyExtension\n"
        "class A(io.ComfyNode):\n    @classmethod\n    def define_schema(cls):\n"
        "        return io.Schema(node_id='Api')\n"
        "class E(ComfyExtension):\n    async def get_node_list(self):\n        return [A]\n"
        "async def comfy_entrypoint():\n    return E()\n",
    )


def builtin(base: Path, code_dir: str | None) -> frozenset[str]:
    table = FolderTable(str(base))
    return builtin_types(code_dir, table, SourceCache(None, table))


def test_models_packs_and_folders_of_packs_are_taken_together(tmp_path: Path) -> None:
    put(tmp_path / "models" / "unet" / "a.gguf", "123")
    put(tmp_path / "models" / "unet" / "b.safetensors")
    put(
        tmp_path / "custom_nodes" / "gguf" / "__init__.py",
        "import folder_paths\nroots, _ = folder_paths.folder_names_and_paths['diffusion_models']\n"
        "folder_paths.folder_names_and_paths['unet_gguf'] = (roots, {'.gguf'})\n"
        "class L:\n    @classmethod\n    def INPUT_TYPES(s):\n"
        "        return {'required': {'unet': (folder_paths.get_filename_list('unet_gguf'),)}}\n"
        "NODE_CLASS_MAPPINGS = {'Gguf': L}\n",
    )
    put(tmp_path / "extra_model_paths.yaml", "a: [1]\n")
    events: list[tuple[str, dict[str, Any]]] = []
    inventory = take(installed(tmp_path, code=True), lambda action, **details: events.append((action, details)))
    assert [(model.folder, model.name) for model in inventory.models] == [
        ("diffusion_models", "b.safetensors"),
        ("unet_gguf", "a.gguf"),
    ]
    (pack,) = inventory.packs
    assert pack.inputs["Gguf"]["unet"].folders == ("unet_gguf",)
    assert [problem.code for problem in inventory.problems] == ["yaml-invalid"]
    assert [action for action, _ in events] == ["problem.found", "inventory.taken"]
    assert (events[-1][1]["models"], events[-1][1]["packs"]) == (2, 1)
    assert msgspec.json.decode(msgspec.json.encode(inventory), type=Inventory) == inventory


def test_built_in_types_come_from_the_installed_comfyui(tmp_path: Path) -> None:
    comfyui(tmp_path)
    assert builtin(tmp_path, str(tmp_path)) == {"KSampler", "Extra", "Api"}


def test_without_source_or_where_it_cannot_be_read_the_packaged_table_counts(tmp_path: Path) -> None:
    packaged = builtin(tmp_path, None)
    assert {"KSampler", "CheckpointLoaderSimple"} <= packaged
    assert builtin(tmp_path, str(tmp_path)) == packaged
    comfyui(tmp_path)
    put(tmp_path / "comfy_extras" / "nodes_a.py", "import x\nNODE_CLASS_MAPPINGS = {**x.make()}\n")
    assert builtin(tmp_path, str(tmp_path)) == packaged


def test_the_packaged_table_has_no_newer_types_for_an_older_comfyui(tmp_path: Path) -> None:
    newest = builtin(tmp_path, None)
    put(tmp_path / "comfyui_version.py", '__version__ = "0.33.0"\n')
    older = builtin(tmp_path, str(tmp_path))
    assert older < newest
    assert "KSampler" in older
    put(tmp_path / "comfyui_version.py", '__version__ = "0.34.1"\n')
    assert builtin(tmp_path, str(tmp_path)) == newest


def test_an_empty_installation_is_taken_without_heavy_imports(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    script = (
        "import sys; from comfyfixer.inventory.take import take; "
        "from comfyfixer.model.inventory import Installation; "
        f"found = Installation(code_dir=None, base_dir={str(tmp_path)!r}, kind='data', found_by='test'); "
        "take(found, lambda action, **details: None); "
        "heavy = {'yaml', 'tomllib', 'configparser', 'logging', 'http', 'sqlite3'}; "
        "heavy |= {'comfyfixer.inventory.node_source'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
