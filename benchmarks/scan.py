"""Scanning all official templates, as a multiple of reading and decoding the same bytes in one process.

Run with `python benchmarks/scan.py`. The baseline reads each file and decodes it with msgspec into the typed shape
that the scan itself uses, unknown fields skipped: what no scan in Python that reads JSON can do without.
"""

import os
import statistics
import time
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path

import msgspec

from comfyfixer.errors import WorkflowError
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.raw import RawWorkflow
from comfyfixer.scan.read import read_workflow

PACKAGE = "comfyui-workflow-templates-json"
RUNS = 11
TYPED = msgspec.json.Decoder(RawWorkflow)
LOOSE = msgspec.json.Decoder()


def template_paths() -> list[str]:
    """Every JSON file of the installed package."""
    found = [Path(str(entry.locate())) for entry in files(PACKAGE) or () if entry.suffix == ".json"]
    return sorted(str(path) for path in found if path.parent.name == "templates")


def read_bytes(path: str) -> bytes:
    """A file's content with as few calls as possible."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, os.fstat(handle).st_size)
    finally:
        os.close(handle)


def decode(paths: list[str], decoder: msgspec.json.Decoder[object]) -> None:
    """The baseline."""
    for path in paths:
        try:
            decoder.decode(read_bytes(path))
        except msgspec.ValidationError:
            continue  # a list of templates among them, which is no workflow


def scan(paths: list[str]) -> int:
    """The thing measured: how many workflows were read."""
    knowledge = builtin_knowledge()
    read = 0
    for path in paths:
        try:
            read += read_workflow(read_bytes(path), path, knowledge) is not None
        except WorkflowError:
            continue
    return read


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """CPU time of one call: what else runs on the machine does not count."""
    start = time.process_time()
    work(*arguments)
    return time.process_time() - start


def main() -> None:
    """Print both times and their ratio."""
    paths = template_paths()
    workflows = scan(paths)
    typed, loose, scanned = [], [], []
    for _ in range(RUNS):
        typed.append(seconds(decode, paths, TYPED))
        loose.append(seconds(decode, paths, LOOSE))
        scanned.append(seconds(scan, paths))
    base, untyped, ours = (statistics.median(times) for times in (typed, loose, scanned))
    ratio = statistics.median(mine / theirs for mine, theirs in zip(scanned, typed, strict=True))
    print(f"{workflows} workflows in {len(paths)} files, CPU time, median of {RUNS} runs")
    print(f"read + msgspec typed decode     {base * 1000:8.1f} ms   1.00")
    print(f"read + msgspec untyped decode   {untyped * 1000:8.1f} ms   {untyped / base:.2f}")
    print(f"scan                            {ours * 1000:8.1f} ms   {ratio:.2f}   (budget 3.00)")


if __name__ == "__main__":
    main()
