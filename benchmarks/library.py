"""A library of distinct workflows with other files around them, against the bare minimum and against a peer.

Run with `python -m benchmarks.library [WORKFLOWS [OTHER_FILES]]` (20,000 and 100,000 unless said otherwise). The
baseline reads each workflow once and decodes it with msgspec into the typed shape that the scan uses, in one process.
Reading alone is what the reader does with the same paths, in this process and as it chooses (several processes). The
peer is comfy-resolve's parser, which knows no subgraphs; it is measured where it is installed (`pip install
comfy-resolve`, best with `--no-deps` and `--target` into a folder named by `PYTHONPATH`). Both scans are whole
commands: Python's start, the walk over all files, the reading, the results on disk.
"""

import importlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.scan import TYPED, read_bytes, template_paths
from comfyfixer.pipeline.reading.file import Reader
from comfyfixer.pipeline.reading.many import read_many
from comfyfixer.scan.knowledge import builtin_knowledge

MAX_TEMPLATE_BYTES = 60_000
RUNS = 3


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


def read_here(paths: list[str]) -> int:
    """The reader in this process alone; gives the references found."""
    reader = Reader(builtin_knowledge())
    return sum(len(workflow.models) for path in paths if (workflow := reader.read(path)))


def read_side_by_side(paths: list[str]) -> int:
    """The reader as a scan uses it."""
    return sum(len(workflow.models) for workflow in read_many(paths, {}) if workflow)


def peer() -> Callable[[list[str]], int] | None:
    """The peer's parser, where it is installed."""
    try:
        parse = importlib.import_module("comfy_resolve.parser").parse_workflow
    except ImportError:
        return None
    return lambda paths: sum(len(parse(Path(path))) for path in paths)


def seconds(work: Callable[[list[str]], int], paths: list[str], runs: int = RUNS) -> float:
    """Best of some runs, by the clock."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        work(paths)
        best = min(best, time.perf_counter() - start)
    return best


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
        size = decode(paths)
        base = seconds(decode, paths)
        print(f"{workflows} distinct workflows, {size / 1e6:.0f} MB, {others} other files, {os.cpu_count()} cores")
        print(f"read + msgspec typed decode      {base:6.2f} s   1.00")
        for what, work in (("one process", read_here), ("all cores", read_side_by_side)):
            took = seconds(work, paths)
            print(f"reading alone, {what:<17} {took:6.2f} s   {took / base:.2f}")
        parse = peer()
        if parse is not None:
            theirs = seconds(parse, paths, runs=1)
            print(f"comfy-resolve's parser           {theirs:6.2f} s   {theirs / base:.2f}")
        first, second = scan(place, library), min(scan(place, library) for _ in range(RUNS))
        print(f"first scan, whole command        {first:6.2f} s   {first / base:.2f}")
        second_ratio = f"{second / base:.2f}   {second / first:.2f} of the first"
        print(f"second scan                      {second:6.2f} s   {second_ratio}")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak memory                      {peak:6.0f} MiB")


if __name__ == "__main__":
    main()
