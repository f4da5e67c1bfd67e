"""ComfyUI's table of model folders (`folder_paths.folder_names_and_paths`), with its own rules for adding to it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.model.inventory import ModelFolder

LEGACY_NAMES: Final = {"unet": "diffusion_models", "clip": "text_encoders"}
"""`folder_paths.map_legacy`: old names that ComfyUI still takes."""

_OUTPUT_ROOTS: Final = (
    ("checkpoints", "checkpoints"),
    ("clip", "clip"),
    ("vae", "vae"),
    ("diffusion_models", "diffusion_models"),
    ("loras", "loras"),
)
"""`main.py`, `apply_custom_paths`: where ComfyUI's own save nodes put models."""

_DATA_FILE: Final = Path(__file__).parents[1] / "data" / "model_folders.json"


class _Folder(msgspec.Struct):
    default_paths: tuple[str, ...]
    extensions: frozenset[str]


class _Meta(msgspec.Struct):
    comfyui_version: str
    standard_extensions: frozenset[str]


class _Table(msgspec.Struct):
    """`data/model_folders.json`, as far as it is needed here."""

    meta: _Meta = msgspec.field(name="_meta")
    folders: dict[str, _Folder]
    newer_core_folders: dict[str, _Folder]


class FolderTable:
    """The table while it is built: ComfyUI's own folders first, then whatever adds to them, in ComfyUI's order.

    Args:
        version: Of ComfyUI; where it is not known, folders of newer versions are there too.
    """

    def __init__(self, base_dir: str, version: str | None = None) -> None:
        packaged = msgspec.json.decode(_DATA_FILE.read_bytes(), type=_Table)
        self.standard_extensions = packaged.meta.standard_extensions
        self.base_dir = base_dir
        self._roots: dict[str, list[str]] = {}
        self._extensions: dict[str, frozenset[str]] = {}
        newer = version is None or _numbers(version) > _numbers(packaged.meta.comfyui_version)
        for name, folder in (packaged.folders | (packaged.newer_core_folders if newer else {})).items():
            roots = [os.path.join(base_dir, *path.split("/")) for path in folder.default_paths]
            self.put(name, roots, folder.extensions)

    @property
    def models_dir(self) -> str:
        """`folder_paths.models_dir`."""
        return os.path.join(self.base_dir, "models")

    def put(self, name: str, roots: Iterable[str], extensions: frozenset[str]) -> None:
        """Set a folder as packs do by assignment: what was there before is gone."""
        self._roots[name] = list(dict.fromkeys(roots))
        self._extensions[name] = extensions

    def add(self, name: str, root: str, *, first: bool = False) -> None:
        """Add one root as `folder_paths.add_model_folder_path` does; a new name lists files of every extension."""
        name = LEGACY_NAMES.get(name, name)
        self._extensions.setdefault(name, frozenset())
        roots = self._roots.setdefault(name, [])
        if root in roots:
            if not first:
                return
            roots.remove(root)
        roots.insert(0 if first else len(roots), root)

    def add_output_roots(self) -> None:
        """What ComfyUI adds after all YAML files."""
        for name, folder in _OUTPUT_ROOTS:
            self.add(name, os.path.join(self.base_dir, "output", folder))

    def merge(
        self,
        name: str,
        roots: tuple[str, ...],
        extensions: frozenset[str],
        before: tuple[tuple[str, ...], frozenset[str]] | None,
    ) -> None:
        """Take over what one pack made of a folder, beside what other packs made of it.

        Args:
            before: As the folder was when the pack began, None where it was not there.
        """
        old_roots, old_extensions = before or ((), frozenset())
        now_roots, now = self._roots.get(name, []), self._extensions.get(name)
        appended = roots[: len(old_roots)] == old_roots
        others = [root for root in now_roots if root not in old_roots]
        self._roots[name] = list(dict.fromkeys([*now_roots, *roots] if appended else [*roots, *others]))
        every_file = not extensions or (now is not None and not now)
        self._extensions[name] = frozenset() if every_file else extensions | ((now or frozenset()) - old_extensions)

    def share(self, name: str, other: str) -> None:
        """Give a folder all roots of another one, whose list it shares."""
        self._roots[name] = list(dict.fromkeys([*self._roots.get(other, ()), *self._roots.get(name, ())]))

    def roots(self, name: str) -> tuple[str, ...]:
        """The roots of a folder in search order, empty where ComfyUI does not know it."""
        return tuple(self._roots.get(LEGACY_NAMES.get(name, name), ()))

    def extensions(self, name: str) -> frozenset[str]:
        """The extensions that a folder lists; empty means every file."""
        return self._extensions.get(LEGACY_NAMES.get(name, name), frozenset())

    def snapshot(self) -> dict[str, tuple[tuple[str, ...], frozenset[str]]]:
        """Roots and extensions of every folder, `custom_nodes` too."""
        return {name: (tuple(roots), self._extensions[name]) for name, roots in self._roots.items()}

    def model_folders(self) -> dict[str, ModelFolder]:
        """All folders that hold models: `custom_nodes` is in ComfyUI's table too, and is left out."""
        return {
            name: ModelFolder(name=name, roots=tuple(roots), extensions=self._extensions[name])
            for name, roots in sorted(self._roots.items())
            if name != "custom_nodes"
        }


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split(".")[:4])
