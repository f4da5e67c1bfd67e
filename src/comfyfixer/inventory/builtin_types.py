"""The node types that ComfyUI itself brings: from the user's own source where it is there, else the packaged table."""

import os
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.inventory.comfyui_version import comfyui_version
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.pack_source import PackSource
from comfyfixer.inventory.source_cache import SourceCache

_DATA_FILE: Final = Path(__file__).parents[1] / "data" / "builtin_nodes.json"


class _Node(msgspec.Struct):
    source: str
    since: str


class _Meta(msgspec.Struct):
    comfyui_version: str


class _Table(msgspec.Struct):
    meta: _Meta = msgspec.field(name="_meta")
    nodes: dict[str, _Node]


def builtin_types(code_dir: str | None, table: FolderTable, cache: SourceCache) -> frozenset[str]:
    """Types that this ComfyUI registers without any pack."""
    if code_dir is None:
        return _packaged(None)
    code = Path(code_dir)
    places = [str(code / "nodes.py"), str(code / "comfy_extras"), str(code / "comfy_api_nodes")]
    own = cache.get(f"built-in {code_dir}", places, lambda: _from_source(code, table))
    return own.node_types if own.complete else _packaged(code)


def builtin_since() -> dict[str, str]:
    """Of every type that ComfyUI is known to bring: `<=0.33.0`, or `>0.33.0` where it came later."""
    return {name: node.since for name, node in _table().nodes.items()}


def _packaged(code: Path | None) -> frozenset[str]:
    """What the newest ComfyUI that is known here has; of an older one, only what is as old as the table's own."""
    table = _table()
    newest = code is None or _version(code) > _numbers(table.meta.comfyui_version)
    return frozenset(name for name, node in table.nodes.items() if newest or node.since.startswith("<="))


def _table() -> _Table:
    return msgspec.json.decode(_DATA_FILE.read_bytes(), type=_Table)


def _version(code: Path) -> tuple[int, ...]:
    """Of the installed ComfyUI; very high where it can't be read."""
    version = comfyui_version(str(code))
    return _numbers(version) if version else (9999,)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() and len(part) < 9 else 0 for part in version.split(".")[:4])


def _from_source(code: Path, table: FolderTable) -> PackSource:
    """All types of `nodes.py`, `comfy_extras` and `comfy_api_nodes`; incomplete where any of it can't be read."""
    files = _source_files(code)
    if not files:
        return PackSource(complete=False)
    from comfyfixer.inventory.node_source import read_node_source

    types: frozenset[str] = frozenset()
    for file in files:
        source = read_node_source(file, table, str(code), loaders=False)
        if not source.complete:
            return source
        types |= source.node_types
    return PackSource(node_types=types)


def _source_files(code: Path) -> list[Path]:
    main = code / "nodes.py"
    try:
        text = main.read_text(encoding="utf-8")
        extras = _names_in_function(text, "init_builtin_extra_nodes")
        api = [code / "comfy_api_nodes" / name for name in sorted(os.listdir(code / "comfy_api_nodes"))]
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    if not extras:
        return []
    api_nodes = [file for file in api if file.name.startswith("nodes_") and file.suffix == ".py"]
    return [main, *(file for name in extras if (file := code / "comfy_extras" / name).is_file()), *api_nodes]


def _names_in_function(text: str, function: str) -> list[str]:
    """The file names that a function of `nodes.py` lists."""
    import ast

    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            constants = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
            return [
                value for value in constants if isinstance(value, str) and value.endswith(".py") and "/" not in value
            ]
    return []
