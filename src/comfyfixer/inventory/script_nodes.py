"""Node types that only JavaScript of a pack registers: they are in no mapping of its Python source."""

import re
from typing import Final

_SCRIPT_NODES: Final[dict[str, tuple[str, ...]]] = {
    "comfyui-kjnodes": ("SetNode", "GetNode"),
    "comfyui-easy-use": ("easy setNode", "easy getNode", "easy bookmark"),
    "rgthree-comfy": (
        "Fast Groups Muter (rgthree)",
        "Fast Groups Bypasser (rgthree)",
        "Fast Muter (rgthree)",
        "Fast Bypasser (rgthree)",
        "Fast Actions Button (rgthree)",
        "Mute / Bypass Relay (rgthree)",
        "Mute / Bypass Repeater (rgthree)",
        "Random Unmuter (rgthree)",
        "Node Collector (rgthree)",
        "Reroute (rgthree)",
        "Bookmark (rgthree)",
        "Label (rgthree)",
    ),
    "comfyui-custom-scripts": ("PresetText|pysssss",),
}
"""By repository name in lower case; from the packs' own JavaScript."""


def script_nodes(repository: str | None, folder: str) -> frozenset[str]:
    """The types of the pack with this repository, or in a folder of its usual name."""
    names = [*re.split(r"[/\\]", (repository or "").rstrip("/").removesuffix(".git"))[-1:], folder]
    return frozenset(node for name in names for node in _SCRIPT_NODES.get(name.lower(), ()))
