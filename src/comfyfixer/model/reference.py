"""What workflows ask for: model files and node types."""

from typing import Final

import msgspec

from comfyfixer.model.problem import Problem

FIRST_PLAN_TYPES: Final = {
    "checkpoints": "checkpoint",
    "loras": "lora",
    "vae": "vae",
    "controlnet": "controlnet",
    "upscale_models": "upscale_models",
    "clip_vision": "clip_vision",
    "text_encoders": "clip",
    "diffusion_models": "unet",
}


def expected_type(folder: str | None) -> str:
    """The first plan's word for a models folder, else the folder's own name, else `unknown`."""
    if folder is None:
        return "unknown"
    return FIRST_PLAN_TYPES.get(folder, folder)


def base_name(value: str) -> str:
    """The part after the last slash of either kind: workflows keep the separator of the author's system."""
    if "/" not in value and "\\" not in value:
        return value
    return value.replace("\\", "/").rstrip("/").rpartition("/")[2]


class ModelReference(msgspec.Struct, frozen=True, kw_only=True):
    """One model file that one input of one node names.

    Attributes:
        value: Exactly what the workflow holds, either kind of slash.
        filename: Base name of `value`.
        folder: ComfyUI's own folder name (`checkpoints`, `text_encoders`, ...), None where nothing tells.
        expected_type: `expected_type(folder)`.
        folder_known_by: `builtin`, `pack`, `object_info` (a running ComfyUI), `properties`, `popular`, `input-name`,
            `node-name`, `node-outputs` (by what comes out of the node), or None with a folder of None.
        node_id: Flattened id (`5:3:1` inside subgraph instances).
        node_type: Class name.
        input: Name of the node's input, or `widget <n>` / a key path where no schema names it.
        active: False in a muted or bypassed node or group instance, or where the entry's own switch is off.
        origin: `widget`, `nested`, `embedding`, `lora-tag` or `metadata`.
        urls: Where the workflow itself says that very file can be had, best first.
        url_origins: For each of `urls`: `properties`, `models` (top level) or `note`.
        hashes: Lower-case algorithm name to lower-case hex, as the workflow declares them.
    """

    value: str
    filename: str
    folder: str | None
    expected_type: str
    node_id: str
    node_type: str
    input: str
    active: bool = True
    origin: str = "widget"
    urls: tuple[str, ...] = ()
    hashes: dict[str, str] = {}
    folder_known_by: str | None = None
    url_origins: dict[str, str] = {}


class NodeReference(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a node type that ComfyUI does not bring itself.

    Attributes:
        cnr_id: Comfy Registry id the node was saved with.
        aux_id: `owner/repository` of a pack that is not from the registry.
        version: Semantic version or git commit of the pack when the workflow was saved.
    """

    node_type: str
    node_id: str
    active: bool = True
    cnr_id: str | None = None
    aux_id: str | None = None
    version: str | None = None


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """What one file needs: one line of `inspect --json`.

    Attributes:
        path: As it was given or found, with forward slashes.
        format: `ui`, `api`, or the kind of the medium it was embedded in.
        ok: False when the file should be a workflow and could not be read; `error` says why.
        models: Each reference, active or not, in document order.
        node_types: Every class of the flattened graph, sorted, without frontend-only and subgraph types.
        inactive_types: Those of `node_types` of which every node is muted or bypassed.
        custom_nodes: Uses of types that are neither built-in nor frontend-only.
        core_nodes: Uses of types that only newer versions of ComfyUI itself have; `version` is the ComfyUI that saved.
    """

    path: str
    format: str
    ok: bool = True
    error: Problem | None = None
    models: tuple[ModelReference, ...] = ()
    node_types: tuple[str, ...] = ()
    inactive_types: tuple[str, ...] = ()
    custom_nodes: tuple[NodeReference, ...] = ()
    core_nodes: tuple[NodeReference, ...] = ()


class LoaderInput(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a node class that lists the files of a models folder.

    Attributes:
        folders: Folders whose files it lists; the first is where a missing file is placed.
        widget_index: Position in `widgets_values`, None where only the name is known.
        known_by: `pack` (its source) or `object_info` (a running ComfyUI).
    """

    folders: tuple[str, ...]
    widget_index: int | None = None
    known_by: str = "pack"
