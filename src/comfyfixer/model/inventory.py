"""What the local installation has."""

import msgspec

from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import LoaderInput


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a ComfyUI lives.

    Attributes:
        code_dir: Folder with `main.py` and ComfyUI's own `extra_model_paths.yaml`; None where only data was found
            (Desktop keeps its code inside the application).
        base_dir: Folder with `models`, `custom_nodes`, `output`, `user`.
        extra_config_files: Further YAML files that this kind of installation passes to ComfyUI.
        kind: `git`, `portable`, `desktop`, `desktop2`, `data`.
        found_by: Sentence part: how it was found.
    """

    code_dir: str | None
    base_dir: str
    extra_config_files: tuple[str, ...] = ()
    kind: str
    found_by: str


class ModelFolder(msgspec.Struct, frozen=True, kw_only=True):
    """One of ComfyUI's model folder names.

    Attributes:
        name: ComfyUI's own name.
        roots: Absolute paths in ComfyUI's search order; a new file goes to the first.
        extensions: Lower-case, with dot; empty means every file.
    """

    name: str
    roots: tuple[str, ...]
    extensions: frozenset[str]


class InstalledModel(msgspec.Struct, frozen=True, kw_only=True):
    """One file as ComfyUI lists it.

    Attributes:
        folder: ComfyUI's folder name.
        name: Relative to its root, with the system's own separator: what a loader's list shows.
        path: Absolute.
        size_bytes: -1 where it could not be read.
        mtime_ns: Modification time, nanoseconds since 1970.
    """

    folder: str
    name: str
    path: str
    size_bytes: int
    mtime_ns: int


class NodePack(msgspec.Struct, frozen=True, kw_only=True):
    """One custom-node pack below `custom_nodes`.

    Attributes:
        name: Folder or file name.
        id: Registry id from `pyproject.toml`, or None.
        installed_from: `registry` for an unpacked release, `git` for a checkout, None for anything else.
        managed: ComfyUI-Manager or comfy-cli keep track of it.
        node_types: Types its source is certain to register.
        complete: False where the source builds its list in a way that reading can't decide.
        enabled: False for `.disabled` packs, whose types do not count.
        inputs: Loader inputs read from its source: type to input name to what it lists.
        failed: Why a running ComfyUI does not have its types, as a sentence; None where it has them or none was asked.
        unloaded: Types of parts that it does without, since what they import is not installed; they do not count.
        not_importable: The modules that those parts import.
        lacks: Its requirements that ComfyUI's Python does not have, as the pack writes them.
    """

    name: str
    path: str
    id: str | None = None
    version: str | None = None
    repository: str | None = None
    commit: str | None = None
    installed_from: str | None = None
    managed: bool = False
    enabled: bool = True
    node_types: frozenset[str] = frozenset()
    complete: bool = True
    inputs: dict[str, dict[str, LoaderInput]] = {}
    failed: str | None = None
    unloaded: frozenset[str] = frozenset()
    not_importable: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class FaultyModel(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is listed where a workflow wants it, and can't be what it wants.

    Attributes:
        why: `broken` or `wrong-kind`.
        detail: A sentence for people.
    """

    model: InstalledModel
    why: str
    detail: str


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """The installation, as ComfyUI itself would see it.

    Attributes:
        folders: By ComfyUI's folder name.
        models: Sorted by folder, then name; the first root wins where two hold the same name.
        embeddings: See `models` with folder `embeddings`; sub-folders count as roots of their own there.
        packs: Installed custom-node packs, disabled ones included.
        builtin_types: Types that ComfyUI itself registers.
        problems: What could not be read.
        builtin_inputs: Loader inputs of ComfyUI's own nodes, as a running one tells them; see `NodePack.inputs`.
        comfyui_version: Of the installed ComfyUI, None where it is not known.
        faulty: Files that are there and count as missing; none of them is among `models`.
    """

    installation: Installation
    folders: dict[str, ModelFolder]
    models: tuple[InstalledModel, ...]
    packs: tuple[NodePack, ...] = ()
    builtin_types: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()
    builtin_inputs: dict[str, dict[str, LoaderInput]] = {}
    comfyui_version: str | None = None
    faulty: tuple[FaultyModel, ...] = ()
