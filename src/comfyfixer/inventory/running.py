"""What a running ComfyUI says of itself: its registered node types, and which folder each loader's input lists.

`/object_info`, `/models`, `/models/{folder}`, `/system_stats` and `/internal/folder_paths` of ComfyUI's `server.py`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from comfyfixer.errors import SourceError
from comfyfixer.model.reference import LoaderInput
from comfyfixer.net.client import Client
from comfyfixer.resolve.names import MODEL_EXTENSIONS

_MAX_BYTES: Final = 64 << 20
_MAX_FOLDERS: Final = 500
_NO_MODELS: Final = frozenset({"configs", "custom_nodes"})
_BUILTIN: Final = ("nodes", "comfy_extras", "comfy_api_nodes")
_WIDGETS: Final = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR", "MULTICOMBO"})
_UPLOADS: Final = ("image_upload", "video_upload", "animated_image_upload", "audio_upload")
_SELECTING: Final = ("--disable-all-custom-nodes", "--whitelist-custom-nodes")


class RunningComfyUI(msgspec.Struct, frozen=True, kw_only=True):
    """A ComfyUI at work.

    Attributes:
        builtin_types: Types that it has by itself.
        pack_types: Folder name of a pack (of a single file, without `.py`) to the types it registered.
        inputs: Type to input name to the folder that it lists, as far as that is beyond doubt.
        lists: Folder name to the names it lists.
        pack_roots: Its folders of node packs; empty where it does not say.
        selecting: It was started so that not every pack is loaded.
    """

    url: str
    version: str | None
    builtin_types: frozenset[str]
    pack_types: dict[str, frozenset[str]]
    inputs: dict[str, dict[str, LoaderInput]]
    lists: dict[str, frozenset[str]]
    pack_roots: tuple[str, ...]
    selecting: bool


class _Node(msgspec.Struct):
    python_module: str = "nodes"
    input: dict[str, Any] | None = None
    input_order: dict[str, Any] | None = None


class _System(msgspec.Struct, frozen=True):
    comfyui_version: str | None = None
    argv: tuple[str, ...] = ()


class _Stats(msgspec.Struct, frozen=True):
    system: _System = _System()


def ask_running(client: Client, url: str) -> RunningComfyUI:
    """Ask everything that matters.

    Raises:
        SourceError: It does not answer, or not as a ComfyUI does.
    """
    nodes = _nodes(client.get(f"{url}/object_info", max_bytes=_MAX_BYTES).json(dict[str, msgspec.Raw]))
    if not nodes:
        hint = "Name the address that ComfyUI shows when it starts, such as http://127.0.0.1:8188"
        raise SourceError("It answers, and knows no node type: it is no ComfyUI", code="hub-bad-answer", hint=hint)
    lists = _lists(client, url)
    system = _or(client, f"{url}/system_stats", _Stats, _Stats()).system
    roots = _or(client, f"{url}/internal/folder_paths", dict[str, Any], {}).get("custom_nodes")
    return RunningComfyUI(
        url=url,
        version=_version(system.comfyui_version),
        builtin_types=frozenset(name for name, node in nodes.items() if _pack(node) is None),
        pack_types=_pack_types(nodes),
        inputs={name: found for name, node in nodes.items() if (found := _inputs(node, lists))},
        lists=lists,
        pack_roots=tuple(root for root in roots if isinstance(root, str)) if isinstance(roots, list) else (),
        selecting=any(word in _SELECTING for word in system.argv),
    )


def _version(text: str | None) -> str | None:
    return text if text and re.fullmatch(r"\d[\w.+-]{0,40}", text) else None


def _nodes(answer: Mapping[str, msgspec.Raw]) -> dict[str, _Node]:
    """Nodes that are described in an odd way are there all the same; of their inputs nothing is known."""
    nodes: dict[str, _Node] = {}
    for name, raw in answer.items():
        try:
            nodes[name] = msgspec.json.decode(raw, type=_Node)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return nodes


def _or(client: Client, url: str, shape: Any, instead: Any) -> Any:
    """An answer that older versions do not give."""
    try:
        return client.get(url).json(shape)
    except SourceError as error:
        if error.code in ("hub-not-found", "hub-bad-answer", "hub-refused"):
            return instead
        raise


def _lists(client: Client, url: str) -> dict[str, frozenset[str]]:
    names = _or(client, f"{url}/models", list[Any], [])
    folders = [name for name in names if isinstance(name, str) and name not in _NO_MODELS][:_MAX_FOLDERS]
    listed = ((name, _or(client, f"{url}/models/{quote(name, safe='')}", list[str], [])) for name in folders)
    return {name: frozenset(files) for name, files in listed if files}


def _pack(node: _Node) -> str | None:
    """The pack that registered a node, None for ComfyUI itself."""
    first, _, rest = node.python_module.partition(".")
    return rest if first == "custom_nodes" and rest else None if first in _BUILTIN else node.python_module


def _pack_types(nodes: Mapping[str, _Node]) -> dict[str, frozenset[str]]:
    packs: dict[str, set[str]] = {}
    for name, node in nodes.items():
        if pack := _pack(node):
            packs.setdefault(pack, set()).add(name)
    return {pack: frozenset(types) for pack, types in packs.items()}


# --- inputs ----------------------------------------------------------------------------------------------------------


def _inputs(node: _Node, lists: Mapping[str, frozenset[str]]) -> dict[str, LoaderInput]:
    """The inputs whose options are the files of one folder."""
    found: dict[str, LoaderInput] = {}
    index: int | None = 0
    for group in ("required", "optional"):
        uploads = 0
        for name, first, options in _specs(node, group):
            listed = first if isinstance(first, list) else options.get("options")
            folder = _folder(listed, lists) if isinstance(listed, list) else None
            if folder is not None:
                found[name] = LoaderInput(folders=(folder,), widget_index=index, known_by="object_info")
            widgets = _widgets(name, "COMBO" if isinstance(first, list) else first, options)
            index = None if index is None or widgets is None else index + widgets
            uploads += any(options.get(key) is True for key in _UPLOADS)
        index = None if index is None else index + uploads
    return found


def _specs(node: _Node, group: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Name, type or options, and further words of each input, in the order of the widgets."""
    inputs = (node.input or {}).get(group)
    if not isinstance(inputs, dict):
        return
    order = (node.input_order or {}).get(group)
    for name in order if isinstance(order, list) else inputs:
        spec = inputs.get(name) if isinstance(name, str) else None
        if isinstance(spec, list) and spec:
            yield name, spec[0], spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}


def _folder(listed: Collection[Any], lists: Mapping[str, frozenset[str]]) -> str | None:
    """The one folder whose files these are: all of them, else some and nothing else. None in any doubt."""
    names = {name for name in listed if isinstance(name, str) and name.strip("[]").lower() not in ("none", "")}
    if not names or not all(isinstance(name, str) for name in listed):
        return None
    found = [folder for folder, files in lists.items() if files == names]
    if not found and all(name.lower().endswith(MODEL_EXTENSIONS) for name in names):
        found = [folder for folder, files in lists.items() if names <= files]
    return found[0] if len(found) == 1 else None


def _widgets(name: str, kind: object, options: Mapping[str, Any]) -> int | None:
    """How many values an input has in `widgets_values`, None where that is not known."""
    if options.get("forceInput") is True:
        return 0
    kind = options.get("widgetType", kind)
    if not isinstance(kind, str) or kind.startswith(("COMFY_DYNAMIC", "COMFY_AUTOGROW")):
        return None
    if kind not in _WIDGETS:
        return 0
    controlled = bool(options.get("control_after_generate"))
    if kind == "COMBO":
        return 3 if controlled else 1
    seed = kind == "INT" and name in ("seed", "noise_seed") and options.get("control_after_generate") is not False
    return 2 if seed or controlled else 1
