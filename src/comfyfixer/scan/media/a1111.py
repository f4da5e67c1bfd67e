"""The parameters that A1111 and its kin write beside a picture: the last resort where there is no workflow."""

import re
from typing import Final

from comfyfixer.model.reference import ModelReference, Workflow, base_name, expected_type
from comfyfixer.scan.text_tags import embeddings, lora_tags

_MODEL: Final = re.compile(r"(?:^|, |\n)Model: ([^,\n]{1,300})")
_MODEL_HASH: Final = re.compile(r"(?:^|, |\n)Model hash: ([0-9a-fA-F]{8,64})")
_VAE: Final = re.compile(r"(?:^|, |\n)VAE: ([^,\n]{1,300})")
_LORA_HASHES: Final = re.compile(r'Lora hashes: "([^"\n]{1,4000})"')
_ALGORITHMS: Final = {8: "autov1", 10: "autov2", 12: "autov3", 64: "sha256"}
_NONE: Final = frozenset({"none", "automatic", ""})


def read_parameters(text: str, path: str, kind: str) -> Workflow | None:
    """What the picture was made with; None where the text names no file."""
    hashes = _lora_hashes(text)
    models = [
        *_named(_MODEL, text, "checkpoints", _hash(_MODEL_HASH, text)),
        *_named(_VAE, text, "vae", {}),
        *(_reference(name, "loras", "lora-tag", hashes.get(name, {})) for name in lora_tags(text)),
        *(_reference(name, "embeddings", "embedding", {}) for name in embeddings(text)),
    ]
    return Workflow(path=path, format=kind, models=tuple(models)) if models else None


def _named(pattern: re.Pattern[str], text: str, folder: str, hashes: dict[str, str]) -> list[ModelReference]:
    match = pattern.search(text)
    name = match[1].strip() if match else ""
    return [] if name.lower() in _NONE else [_reference(name, folder, "metadata", hashes)]


def _reference(value: str, folder: str, origin: str, hashes: dict[str, str]) -> ModelReference:
    return ModelReference(
        value=value,
        filename=base_name(value),
        folder=folder,
        expected_type=expected_type(folder),
        folder_known_by="builtin",
        node_id="",
        node_type="",
        input="parameters",
        origin=origin,
        hashes=hashes,
    )


def _hash(pattern: re.Pattern[str], text: str) -> dict[str, str]:
    match = pattern.search(text)
    return _by_length(match[1]) if match else {}


def _by_length(value: str) -> dict[str, str]:
    algorithm = _ALGORITHMS.get(len(value))
    return {algorithm: value.lower()} if algorithm else {}


def _lora_hashes(text: str) -> dict[str, dict[str, str]]:
    match = _LORA_HASHES.search(text)
    pairs = (entry.partition(": ") for entry in match[1].split(", ")) if match else ()
    return {name.strip(): _by_length(value.strip()) for name, _, value in pairs}
