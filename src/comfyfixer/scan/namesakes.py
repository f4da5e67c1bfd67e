"""Which file a name means where several files of one workflow are called the same.

A wrong file is worse than none: what may mean two files is evidence for neither.
"""

import re
from collections.abc import Collection
from typing import Final

import msgspec

from comfyfixer.model.reference import base_name
from comfyfixer.scan.needs import Need
from comfyfixer.scan.raw import RawNode

_GENERIC: Final = frozenset(
    {
        "adapter_model", "ae", "clip", "config", "controlnet", "decoder", "diffusion_model", "diffusion_pytorch_model",
        "encoder", "image_encoder", "ip-adapter", "ip_adapter", "lora", "model", "open_clip_pytorch_model",
        "pytorch_lora_weights", "pytorch_model", "text_encoder", "transformer", "unet", "vae", "weights",
    }
)  # fmt: skip
_GENERIC_STARTS: Final = tuple(_GENERIC)
_VARIANT: Final = re.compile(r"(\.[a-z0-9]+)$|[-_.](fp16|fp32|bf16|fp8|non_ema|ema)$|-\d{5}-of-\d{5}$")
_MOST_VARIANTS: Final = 4
_MAX_NAMESAKES: Final = 16


def is_generic(name: str) -> bool:
    """Whether thousands of files are called so: then only the node itself can say which one it means."""
    stem = name.lower()
    if not stem.startswith(_GENERIC_STARTS):
        return False
    for _ in range(_MOST_VARIANTS):
        if stem in _GENERIC:
            return True
        shorter = _VARIANT.sub("", stem, count=1)
        if shorter == stem:
            return False
        stem = shorter
    return stem in _GENERIC


def path_of(value: str) -> str:
    """A value or name with the one kind of slash."""
    return value.replace("\\", "/").strip("/") if "/" in value or "\\" in value else value


def certain_folder(need: Need) -> str | None:
    """The need's models folder where there is no doubt about it."""
    return need.folder if need.known_by in ("builtin", "pack", "object_info") else None


class File(msgspec.Struct, frozen=True):
    """What one need asks for: the same for all that ask for the same file.

    Attributes:
        folder: Also a guessed one: where guesses differ, so may the files.
        certain: `certain_folder`.
    """

    path: str
    folder: str | None
    certain: str | None


class Namesakes:
    """The needs of one workflow by base name, those of nodes that do not run too."""

    def __init__(self, needs: list[Need]) -> None:
        self._needs: dict[str, list[Need]] = {}
        for need in needs:
            self._needs.setdefault(base_name(need.value), []).append(need)
        self._files: dict[str, dict[File, set[int]]] = {}

    @property
    def names(self) -> Collection[str]:
        """All base names."""
        return self._needs

    def share(self, name: str) -> bool:
        """Whether several files have that base name."""
        return len(self._needs[name]) > 1 and len(self._called(name)) > 1

    def too_many(self, name: str) -> bool:
        """Whether so many files share the name that nobody looks which of them is meant."""
        return self.share(name) and len(self._called(name)) > _MAX_NAMESAKES

    def rivals(self, file: File, name: str, directory: str | None) -> list[File]:
        """Other files of that name which may lie in that folder (None: in any)."""
        return [
            other
            for other in self._called(name)
            if _differ(file, other) and (directory is None or other.certain in (None, directory))
        ]

    def at_node(self, node: RawNode | None, name: str, files: list[File]) -> bool:
        """Whether that very node needs one of the files."""
        return any(id(node) in self._called(name)[file] for file in files)

    def _called(self, name: str) -> dict[File, set[int]]:
        """The files of that name, each with the nodes that need it."""
        if name not in self._files:
            files = self._files[name] = {}
            for need in self._needs[name]:
                files.setdefault(file_of(need), set()).add(id(need.node.raw))
        return self._files[name]


def file_of(need: Need) -> File:
    """What a need asks for."""
    return File(path_of(need.value), need.folder, certain_folder(need))


def _differ(one: File, other: File) -> bool:
    return one.path != other.path or (None not in (one.folder, other.folder) and one.folder != other.folder)


def singles_out(told: str, file: File, others: list[File]) -> bool:
    """Whether a path, being longer than the base name, ends with this file's and with none of its rivals'."""
    if "/" not in file.path or not _ends_with(told, file.path):
        return False
    return not any(_ends_with(told, other.path) for other in others if len(other.path) >= len(file.path))


def _ends_with(told: str, path: str) -> bool:
    return told == path or told.endswith("/" + path)
