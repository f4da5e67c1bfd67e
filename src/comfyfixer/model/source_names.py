"""What a source is called in a sentence; rows and settings have its short name."""

from typing import Final

_NAMES: Final = {
    "civitai": "Civitai",
    "huggingface": "Hugging Face",
    "modelscope": "ModelScope",
    "openmodeldb": "OpenModelDB",
    "url": "the web",
    "workflow": "an address that a workflow names",
    "indexes": "an address that a list names",
}
ADDRESSES: Final = frozenset({"workflow", "indexes"})
"""Sources that lead to somebody else, who is the one that answers."""


def called(source: str) -> str:
    """`Hugging Face` for `huggingface`; what another package brings is called as it calls itself."""
    return _NAMES.get(source, source)
