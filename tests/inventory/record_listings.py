"""Ask a real ComfyUI what it lists for each tree of `listings.json`, and write its answers there.

Run: `python tests/inventory/record_listings.py COMFYUI [PYTHON [WORD...]]`; PYTHON has ComfyUI's requirements. Each
case starts the server once, on a copy of its code in a folder of its own, without a graphics card. Linux only: the
names of some cases are possible nowhere else.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

LISTINGS = Path(__file__).with_name("listings.json")
LEFT_OUT = ("models", "custom_nodes", "output", "input", "temp", "user", ".git", "tests", "tests-unit")
PATIENCE_SECONDS = 120


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
        shutil.copytree(comfyui, root / "ComfyUI", ignore=_top_level(comfyui), copy_function=os.link)
        build(case, root)
        for name in {"ComfyUI", case.get("base", "ComfyUI")}:
            (root / name / "custom_nodes").mkdir(parents=True, exist_ok=True)
        return _served(case, root, python)


def _top_level(comfyui: Path) -> Any:
    return lambda folder, _names: LEFT_OUT if Path(folder) == comfyui else ()


def _served(case: dict[str, Any], root: Path, python: str) -> dict[str, Any] | None:
    port = _free_port()
    options = [option.replace("{root}", str(root)) for option in case.get("options", ())]
    words = [python, "main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(port), "--disable-api-nodes", *options]
    environ = {name: value.replace("{root}", str(root)) for name, value in case.get("environ", {}).items()}
    server = subprocess.Popen(
        [*words, "--database-url", "sqlite:///:memory:"],
        cwd=root / "ComfyUI",
        env=os.environ | environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _answers(server, f"http://127.0.0.1:{port}", root)
    finally:
        server.kill()
        server.wait()


def _touch_folders(root: Path) -> None:
    """ComfyUI keeps a list until a folder changes, also one that it made before packs changed what is listed."""
    for folder, _, _ in os.walk(root):
        os.utime(folder)


def _answers(server: "subprocess.Popen[bytes]", address: str, root: Path) -> dict[str, Any] | None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            return None
        try:
            folders = _get(f"{address}/models")
        except urllib.error.URLError:
            time.sleep(0.2)
            continue
        _touch_folders(root)
        listed = {name: _get(f"{address}/models/{urllib.request.quote(name)}") for name in folders}  # type: ignore[attr-defined]
        loader = _get(f"{address}/object_info/DiffusersLoader")["DiffusersLoader"]["input"]["required"]
        return {
            "models": {name: files for name, files in listed.items() if name != "custom_nodes"},
            "embeddings": _get(f"{address}/embeddings"),
            "diffusers": loader["model_path"][0],
        }
    raise SystemExit("ComfyUI neither ended nor answered")


def _get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def main() -> None:
    """Record every case, or those whose names hold the words after PYTHON."""
    comfyui = Path(sys.argv[1]).resolve()
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    listings = json.loads(LISTINGS.read_text(encoding="utf-8"))
    version: dict[str, str] = {}
    exec((comfyui / "comfyui_version.py").read_text(encoding="utf-8"), version)  # what is run anyway
    listings["comfyui"] = version["__version__"]
    for case in listings["cases"]:
        if all(word in case["name"] for word in sys.argv[3:]):
            case["listed"] = record(case, comfyui, python)
            print(case["name"], "does not start" if case["listed"] is None else "listed", flush=True)
            LISTINGS.write_text(json.dumps(listings, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
