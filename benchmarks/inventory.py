"""How long listing 100,000 model files takes, as a ratio to `find -L -printf`; both warm, best of several.

Run: `python benchmarks/inventory.py [FOLDER]` (a folder for the tree, made once and kept when it is named).
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.walk import list_models

FILES = 100_000
GOAL = 2.0


def build(root: Path) -> None:
    """Four model folders, nested three deep, twenty files a folder, some behind symbolic links."""
    for number in range(FILES // 20):
        kind = ("checkpoints", "loras", "vae", "controlnet")[number % 4]
        folder = root / "models" / kind / f"author{number % 40}" / f"family {number % 25}" / f"set{number}"
        folder.mkdir(parents=True)
        for index in range(20):
            (folder / f"model_{index:02}.safetensors").touch()
    (root / "models" / "upscale_models").mkdir()
    (root / "models" / "upscale_models" / "linked").symlink_to(root / "models" / "vae" / "author2")
    (root / "models" / "vae" / "loop").symlink_to(root / "models" / "vae")


def best(run: Callable[[], object], times: int = 5) -> float:
    """The shortest of several runs, in seconds."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(root: Path) -> float:
    """Print both times and the ratio."""
    command = ["find", "-L", str(root / "models"), "-printf", "%p %s %T@\\n"]
    limit = best(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False))
    folders = FolderTable(str(root)).model_folders().values()
    ours = best(lambda: list_models(folders))
    models, _ = list_models(folders)
    print(f"{len(models)} models: {ours:.3f} s, find {limit:.3f} s, ratio {ours / limit:.2f} (goal {GOAL})")
    return ours / limit


def main() -> int:
    """Exit code 1 when the goal is missed."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="inventory-"))
    try:
        if not (root / "models").exists():
            build(root)
        return int(measure(root) > GOAL)
    finally:
        if len(sys.argv) == 1:
            shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main())
