"""How long reading the node types of installed packs takes: the first time, and again with the cache.

Run: `python benchmarks/packs.py CUSTOM_NODES` with a folder of about 100 real packs. Each time is that of a process of
its own, without Python's start; the packs' files are read once before, so that the disk plays no part.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

GOAL_COLD = 5.0
GOAL_CACHED = 0.3

MEASURED = """
import sys, time
from pathlib import Path
start = time.perf_counter()
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.packs import read_packs
from comfyfixer.inventory.source_cache import SourceCache
table = FolderTable(sys.argv[1])
cache = SourceCache(Path(sys.argv[2]), table)
packs, problems = read_packs(table, None, cache)
cache.save()
print(time.perf_counter() - start, len(packs), sum(len(pack.node_types) for pack in packs), len(problems))
"""


def measure(base: Path, cache: Path) -> tuple[float, str]:
    """Seconds of one reading, and what it found."""
    words = [sys.executable, "-c", MEASURED, str(base), str(cache)]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return float(printed[0]), f"{printed[1]} packs, {printed[2]} node types, {printed[3]} problems"


def main() -> int:
    """Print the best of three first readings and of three with the cache; exit code 1 when a goal is missed."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "custom_nodes").symlink_to(Path(sys.argv[1]).resolve())
        files = [os.path.join(place, name) for place, _, names in os.walk(sys.argv[1]) for name in names]
        for file in files:
            if file.endswith(".py"):
                Path(file).read_bytes()
        colds = [measure(base, base / f"cache{number}") for number in range(3)]
        cached = min(measure(base, base / "cache0")[0] for _ in range(3))
    cold = min(seconds for seconds, _ in colds)
    print(f"{colds[0][1]}, {len(files)} files")
    print(f"first time {cold:6.2f} s (goal {GOAL_COLD}), with the cache {cached:5.2f} s (goal {GOAL_CACHED})")
    return int(cold > GOAL_COLD or cached > GOAL_CACHED)


if __name__ == "__main__":
    sys.exit(main())
