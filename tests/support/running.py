"""A running ComfyUI in small: answers in the form of ComfyUI 0.33.0, on loopback."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.net.loopback import Given, Loopback, Seen

LISTS: Mapping[str, Sequence[str]] = {
    "checkpoints": ("c1.safetensors", "c2.safetensors"),
    "loras": ("l1.safetensors", "sub/l2.safetensors"),
    "vae": ("v1.safetensors",),
    "upscale_models": ("u1.pth",),
    "text_encoders": (),
    "configs": ("v1.yaml",),
}
INT = ["INT", {"default": 0}]


def described(module: str, required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One entry of `/object_info`."""
    groups = {"required": dict(required)} | ({"optional": dict(optional)} if optional else {})
    return {
        "input": groups,
        "input_order": {name: list(group) for name, group in groups.items()},
        "output": ["MODEL"],
        "name": "x",
        "display_name": "x",
        "python_module": module,
        "category": "x",
        "output_node": False,
    }


BUILTIN = {
    "CheckpointLoaderSimple": described("nodes", {"ckpt_name": [list(LISTS["checkpoints"]), {"tooltip": "x"}]}),
    "VAELoader": described("nodes", {"vae_name": [["v1.safetensors", "pixel_space"]]}),
    "LTXAVTextEncoderLoader": described(
        "comfy_extras.nodes_lt_audio",
        {
            "text_encoder": ["COMBO", {"multiselect": False, "options": []}],
            "ckpt_name": ["COMBO", {"multiselect": False, "options": list(LISTS["checkpoints"])}],
        },
    ),
    "KlingCamera": described("comfy_api_nodes.nodes_kling", {"mode": ["COMBO", {"options": ["std", "pro"]}]}),
}
PACK = {
    "GoodLoader": described(
        "custom_nodes.good",
        {
            "model": ["MODEL"],
            "seed": INT,
            "style": [["a", "b"]],
            "which": [["None", *LISTS["loras"]]],
            "some": [["c1.safetensors"]],
        },
        {"vae_file": [["v1.safetensors"], {"tooltip": "x"}]},
    )
}


def comfyui(
    nodes: Mapping[str, Any],
    *,
    packs: Path | None = None,
    lists: Mapping[str, Sequence[str]] = LISTS,
    argv: Sequence[str] = ("main.py",),
) -> Loopback:
    """The server, to be entered."""
    answers: dict[str, Any] = {
        "/object_info": nodes,
        "/models": [*lists, "custom_nodes"],
        "/system_stats": {"system": {"os": "linux", "comfyui_version": "0.33.0", "argv": argv}, "devices": []},
        "/internal/folder_paths": {"checkpoints": ["/x"], "custom_nodes": [str(packs)] if packs else []},
    }
    answers |= {f"/models/{name}": names for name, names in lists.items()}

    def answer(seen: Seen) -> Given:
        found = answers.get(unquote(seen.target))
        return Given(status=404, body=b"404: Not Found") if found is None else Given(body=json.dumps(found).encode())

    return Loopback(answer)
