"""A library of distinct workflows with other files around them: first and second scan against the bare minimum.

Run with `python -m benchmarks.library [WORKFLOWS [OTHER_FILES]]` (20,000 and 100,000 unless said otherwise). The
baseline reads each workflow once and decodes it with msgspec into the typed shape that the scan uses, in one process.
Both scans are whole commands: Python's start, the walk over all files, the reading, the results on disk.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.scan import TYPED, read_bytes, template_paths

MAX_TEMPLATE_BYTES = 45_000


def make_library(folder: Path, workflows: int, others: int) -> list[str]:
    """Distinct workflows made from the official templates, and files of other kinds beside them."""
    templates = [data for path in template_paths() if len(data := read_bytes(path)) <= MAX_TEMPLATE_BYTES]
    templates = [data for data in templates if b'"nodes"' in data]
    paths = []
    for number in range(workflows):
        path = folder / f"{number % 200:03}" / f"{number:05}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(templates[number % len(templates)].replace(b".safetensors", b"_%05d.safetensors" % number))
        paths.append(str(path))
    for number in range(others):
        path = folder / f"{number % 200:03}" / f"{number:06}.{'txt' if number % 10 else 'json'}"
        path.write_bytes(b'{"name": "package", "version": "1.0.0"}')
    return paths


def decode(paths: list[str]) -> int:
    """The baseline; gives the bytes read."""
    total = 0
    for path in paths:
        data = read_bytes(path)
        total += len(data)
        try:
            TYPED.decode(data)
        except msgspec.ValidationError:
            continue
    return total


def scan(place: Path, library: Path) -> float:
    """Seconds of one whole command."""
    words = [sys.executable, "-m", "comfyfixer", "scan", str(library), "--comfyui-root", str(place / "ComfyUI")]
    start = time.perf_counter()
    done = subprocess.run([*words, "--workdir", str(place), "--quiet"], stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"the scan ended with {done.returncode}")
    return time.perf_counter() - start


def main() -> None:
    """Print each time and its ratio to the baseline."""
    workflows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    others = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with tempfile.TemporaryDirectory() as name:
        place, library = Path(name), Path(name, "library")
        library.mkdir()
        for folder in ("ComfyUI/models", "ComfyUI/user"):
            (place / folder).mkdir(parents=True)
        paths = make_library(library, workflows, others)
        os.sync()
        time.sleep(2.5)  # the cache trusts no file that changed less than two seconds before it was read
        decode(paths)
        start = time.perf_counter()
        size = decode(paths)
        base = time.perf_counter() - start
        first, second = scan(place, library), scan(place, library)
        print(f"{workflows} distinct workflows, {size / 1e6:.0f} MB, {others} other files")
        print(f"read + msgspec typed decode  {base:6.2f} s   1.00")
        print(f"first scan                   {first:6.2f} s   {first / base:.2f}")
        print(f"second scan                  {second:6.2f} s   {second / base:.2f}   {second / first:.2f} of the first")
        print(f"peak memory                  {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:6.0f} MiB")


if __name__ == "__main__":
    main()
