"""Ask a real ComfyUI what it lists for each tree of `listings.json`, and write its answers there.

Run: `python -m tests.inventory.record_listings COMFYUI [PYTHON [WORD...]]`; PYTHON has ComfyUI's requirements. Each
case starts the server once, on a copy of its code in a folder of its own, without a graphics card. Linux only: the
names of some cases are possible nowhere else.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.real_comfyui import DoesNotStart, Server, copied, version_of

LISTINGS = Path(__file__).with_name("listings.json")


def build(case: dict[str, Any], root: Path) -> None:
    """Write a case's files and links below `root`; `{root}` in a text or link is that folder."""
    for name, text in case["files"].items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.fsencode(text.replace("{root}", str(root))))
    for name, target in case.get("links", {}).items():
        link = root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target.replace("{root}", str(root)))


def record(case: dict[str, Any], comfyui: Path, python: str) -> dict[str, Any] | None:
    """What the server answers for one case, None where it does not start."""
    with tempfile.TemporaryDirectory(prefix="listings-") as folder:
        root = Path(folder, "root").resolve()
        copied(comfyui, root / "ComfyUI")
        build(case, root)
        for name in {"ComfyUI", case.get("base", "ComfyUI")}:
            (root / name / "custom_nodes").mkdir(parents=True, exist_ok=True)
        options = [option.replace("{root}", str(root)) for option in case.get("options", ())]
        environ = {name: value.replace("{root}", str(root)) for name, value in case.get("environ", {}).items()}
        try:
            with Server(root / "ComfyUI", python, ["--disable-api-nodes", *options], environ) as server:
                return _answers(server, root)
        except DoesNotStart:
            return None


def _touch_folders(root: Path) -> None:
    """ComfyUI keeps a list until a folder changes, also one that it made before packs changed what is listed."""
    for folder, _, _ in os.walk(root):
        os.utime(folder)


def _answers(server: Server, root: Path) -> dict[str, Any]:
    folders = server.get("models")
    _touch_folders(root)
    loader = server.get("object_info", "DiffusersLoader")["DiffusersLoader"]["input"]["required"]
    return {
        "models": {name: server.get("models", name) for name in folders if name != "custom_nodes"},
        "embeddings": server.get("embeddings"),
        "diffusers": loader["model_path"][0],
    }


def main() -> None:
    """Record every case, or those whose names hold the words after PYTHON."""
    comfyui = Path(sys.argv[1]).resolve()
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    listings = json.loads(LISTINGS.read_text(encoding="utf-8"))
    listings["comfyui"] = version_of(comfyui)
    for case in listings["cases"]:
        if all(word in case["name"] for word in sys.argv[3:]):
            case["listed"] = record(case, comfyui, python)
            print(case["name"], "does not start" if case["listed"] is None else "listed", flush=True)
            LISTINGS.write_text(json.dumps(listings, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
