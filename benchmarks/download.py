"""How long verified downloads take, each against a program that people know, in turns on the same machine.

    python -m benchmarks.download [--mebibytes 2048] [--divided 256] [--runs 5] [--only one,slow,far,many]

- one: one big file against `curl -o FILE` followed by `openssl dgst -sha256 FILE`: at most 0.85, and at most 1.4
  processor seconds a GB and 120 MiB of memory.
- slow, far: a server that gives 20 MB/s to each connection, and one 30 ms away, against `aria2c` with as many
  connections, which hashes nothing (with its own check beside it): at most 1.1. Python's start, the look at the first
  connection and the opening of the others cost a quarter of a second, whatever the size of the file (`--divided`).
- many: 200 files of 5 MiB against `curl -Z` with 8 at once, which hashes nothing: at most 1.3.

Our time holds the start of Python and the hash. Files lie on a memory disk where there is one. What counts is the ratio
of the medians.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.origins import Origins, origins

_MEMORY_DISK = Path("/dev/shm")
_HEADER_BYTES = 256
_MANY, _MANY_MIB, _MANY_AT_ONCE = 200, 5, 8

_FETCH = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from comfyfixer.download.fetch import fetch
from comfyfixer.download.sharing import Sharing
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from comfyfixer.net.client import make_client
from comfyfixer.settings import Endpoints, Settings

hub, root, at_once, per_file, *files = sys.argv[1:]
emit = lambda *names, **details: None
sharing = Sharing(per_file=int(per_file), per_host=16)

def one(file):
    name, size, sha256 = file.split(",")
    candidate = Candidate(source="civitai", filename=name, download_url=f"{hub}/{name}", size_bytes=int(size),
                          hashes={"sha256": sha256})
    request = FetchRequest(filename=name, target=f"{root}/{name}", root=root, candidates=(candidate,), folder="loras")
    outcome = fetch(request, client, emit=emit, cancelled=lambda: False, sharing=sharing)
    assert outcome.verified, outcome

with make_client(Settings(workdir=root, endpoints=Endpoints(civitai=hub)), emit, cache_path=None) as client:
    with ThreadPoolExecutor(int(at_once)) as pool:
        list(pool.map(one, files))
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)
"""


class Served:
    """A safetensors file at the server."""

    def __init__(self, folder: Path, name: str, size: int) -> None:
        self.name, self.size = name, size
        self.sha256 = _make_file(folder / name, size)

    def __str__(self) -> str:
        return f"{self.name},{self.size},{self.sha256}"


def _make_file(path: Path, size: int) -> str:
    """A real safetensors file of `size` bytes; gives its SHA-256."""
    data = size - 8 - _HEADER_BYTES
    header = json.dumps({"w": {"dtype": "U8", "shape": [data], "data_offsets": [0, data]}}).encode()
    head = struct.pack("<Q", _HEADER_BYTES) + header.ljust(_HEADER_BYTES)
    block = os.urandom(1 << 20)
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in (head, *[block] * (data >> 20), block[: data & 0xFFFFF]):
            file.write(chunk)
            hasher.update(chunk)
    return hasher.hexdigest()


class Case:
    """Ours against another program, in turns."""

    def __init__(self, folder: Path, runs: int) -> None:
        self._folder = folder
        self._runs = runs
        self.processor: list[float] = []
        self.memory_mib = 0

    def ratio(self, title: str, goal: float, theirs: Callable[[Path], None], ours: Callable[[Path], str]) -> bool:
        """Measure, print, and say whether the goal is reached. The first round warms caches and is not counted."""
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(self._runs + 1):
            for taken, work in zip(times, (theirs, ours), strict=True):
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir()
                began = time.perf_counter()
                told = work(self._folder)
                if number:
                    taken.append(time.perf_counter() - began)
                    self._note(told)
        pair, own = (statistics.median(taken) for taken in times)
        verdict = "reached" if own <= goal * pair else "missed"
        print(f"{title}: {pair:.2f} s, ours {own:.2f} s, ratio {own / pair:.2f} (goal {goal}): {verdict}", flush=True)
        return own <= goal * pair

    def _note(self, told: str | None) -> None:
        if told:
            processor, memory = told.split()
            self.processor.append(float(processor))
            self.memory_mib = max(self.memory_mib, int(memory))


def _ours(hub: str, files: Sequence[Served], *, at_once: int = 1, per_file: int = 4) -> Callable[[Path], str]:
    def run(folder: Path) -> str:
        words = [hub, str(folder), str(at_once), str(per_file), *map(str, files)]
        return subprocess.run([sys.executable, "-c", _FETCH, *words], check=True, capture_output=True, text=True).stdout

    return run


def _curl_then_openssl(hub: str, file: Served) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        target = folder / "curl"
        subprocess.run(["curl", "-s", "-o", target, f"{hub}/{file.name}"], check=True)
        told = subprocess.run(["openssl", "dgst", "-sha256", target], check=True, capture_output=True, text=True).stdout
        if file.sha256 not in told:
            raise SystemExit(f"curl brought something else: {told}")

    return run


def _aria2(hub: str, file: Served, connections: int, *, check: bool) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        words = ["aria2c", "-q", f"-x{connections}", f"-s{connections}", "-k1M", "-d", str(folder), "-o", "x"]
        words += [f"--checksum=sha-256={file.sha256}"] * check
        subprocess.run([*words, f"{hub}/{file.name}"], check=True)

    return run


def _curl_many(hub: str, files: Sequence[Served]) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        words = ["curl", "-s", "--no-progress-meter", "-Z", "--parallel-max", str(_MANY_AT_ONCE)]
        for file in files:
            words += ["-o", str(folder / file.name), f"{hub}/{file.name}"]
        subprocess.run(words, check=True, capture_output=True)

    return run


def _one(served: Path, to: Path, hubs: Origins, mebibytes: int, runs: int) -> bool:
    file = Served(served, "one.safetensors", mebibytes << 20)
    case = Case(to, runs)
    good = case.ratio(
        f"one file of {mebibytes} MiB, curl then openssl", 0.85,
        _curl_then_openssl(hubs.fast, file), _ours(hubs.fast, [file]),
    )  # fmt: skip
    (served / file.name).unlink()
    processor = statistics.median(case.processor) / file.size * 1e9
    print(f"  processor {processor:.2f} s a GB (goal 1.4), memory {case.memory_mib} MiB (goal 120)", flush=True)
    return good and processor <= 1.4 and case.memory_mib <= 120


def _divided(served: Path, to: Path, name: str, hub: str, mebibytes: int, runs: int) -> bool:
    if shutil.which("aria2c") is None:
        print(f"{name}: left out, aria2c is not installed")
        return True
    file = Served(served, f"{name}.safetensors", mebibytes << 20)
    good = True
    for connections in (4, 8):
        ours = _ours(hub, [file], per_file=connections)
        title = f"{name}, {mebibytes} MiB, aria2c with {connections}"
        good &= Case(to, runs).ratio(title, 1.1, _aria2(hub, file, connections, check=False), ours)
        Case(to, runs).ratio(f"{title} and its check", 1.1, _aria2(hub, file, connections, check=True), ours)
    return good


def _many(served: Path, to: Path, hub: str, runs: int) -> bool:
    files = [Served(served, f"many{number}.safetensors", _MANY_MIB << 20) for number in range(_MANY)]
    title = f"{_MANY} files of {_MANY_MIB} MiB, curl -Z with {_MANY_AT_ONCE}"
    return Case(to, runs).ratio(
        title, 1.3, _curl_many(hub, files), _ours(hub, files, at_once=_MANY_AT_ONCE, per_file=1)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mebibytes", type=int, default=2048)
    parser.add_argument("--divided", type=int, default=256, metavar="MEBIBYTES")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="one,slow,far,many")
    options = parser.parse_args()
    size = options.mebibytes << 20
    in_memory = _MEMORY_DISK.is_dir() and shutil.disk_usage(_MEMORY_DISK).free > 3 * size
    with tempfile.TemporaryDirectory(dir=_MEMORY_DISK if in_memory else None) as name:
        served, to, scratch = (Path(name, part) for part in ("served", "to", "scratch"))
        served.mkdir()
        scratch.mkdir()
        Path(name).chmod(0o755)
        with origins(served, scratch) as hubs:
            print(f"{hubs.server}, on {'a memory disk' if in_memory else 'the disk'}, {options.runs} runs each")
            cases = {
                "one": lambda: _one(served, to, hubs, options.mebibytes, options.runs),
                "slow": lambda: _divided(served, to, "slow", hubs.slow, options.divided, options.runs),
                "far": lambda: _divided(served, to, "far", hubs.far, options.divided, options.runs),
                "many": lambda: _many(served, to, hubs.fast, options.runs),
            }
            reached = [cases[one]() for one in options.only.split(",")]
            return int(not all(reached))


if __name__ == "__main__":
    sys.exit(main())
