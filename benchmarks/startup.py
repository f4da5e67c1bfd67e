"""How long the installed commands that do little take to start, over bare Python; medians of interleaved runs.

Run: `python benchmarks/startup.py [RUNS]`
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

RUNS = 25
GOAL_MS = 60.0
BARE = "python -c pass"


def commands() -> dict[str, list[str]]:
    """What is measured, by the name it is printed under."""
    product = [str(Path(sys.executable).with_name("comfyfixer"))]
    return {
        BARE: [sys.executable, "-c", "pass"],
        "comfyfixer --help": [*product, "--help"],
        "comfyfixer status": [*product, "status"],
        "comfyfixer scan (empty)": [*product, "scan", "--quiet"],
    }


def empty_installation(folder: Path) -> Path:
    """A ComfyUI with a folder for workflows and nothing in it."""
    root = folder / "ComfyUI"
    for name in ("models/checkpoints", "custom_nodes", "output", "user/default/workflows"):
        (root / name).mkdir(parents=True)
    for name in ("main.py", "nodes.py", "folder_paths.py"):
        (root / name).touch()
    return root


def seconds(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """One run, from its start to its end."""
    start = time.perf_counter()
    subprocess.run(words, cwd=folder, env=dict(environment), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def medians_ms(folder: Path, runs: int) -> dict[str, float]:
    """Median of each command in milliseconds. They take turns: a busy moment of the machine hits all alike."""
    environment = {**os.environ, "COMFYUI_PATH": str(empty_installation(folder))}
    taken: dict[str, list[float]] = {name: [] for name in commands()}
    for number in range(runs + 1):
        for name, words in commands().items():
            time_s = seconds(words, folder, environment)
            if number:  # the first round fills the caches of Python and of the disk
                taken[name].append(time_s)
    return {name: 1000 * statistics.median(times) for name, times in taken.items()}


def main() -> int:
    """Exit code 1 when the goal is missed."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory(prefix="startup-") as folder:
        medians = medians_ms(Path(folder), runs)
    over = {name: median - medians[BARE] for name, median in medians.items()}
    for name, median in medians.items():
        beyond = "" if name == BARE else f"  {over[name]:+6.1f} ms (goal {GOAL_MS:.0f})"
        print(f"{name:26} {median:6.1f} ms{beyond}")
    return int(max(over.values()) > GOAL_MS)


if __name__ == "__main__":
    sys.exit(main())
