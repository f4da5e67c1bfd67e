"""How long a verified download takes, against `curl -o FILE` followed by `openssl dgst -sha256 FILE`.

    python benchmarks/download.py [--mebibytes 1024] [--runs 5]

A server in a process of its own gives one file with `sendfile` over loopback; both sides write to the same disk, a
memory disk where there is one; their runs alternate, so that a slow moment of the machine meets both. What counts is
the ratio of the medians: the goal is 1.0 at most, 0.85 is good.
"""

import argparse
import hashlib
import http.server
import json
import multiprocessing
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_MEMORY_DISK = Path("/dev/shm")
_GOAL, _GOOD = 1.0, 0.85
_HEADER_BYTES = 256

_FETCH = """
import resource, sys
from comfyfixer.download.fetch import fetch
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from comfyfixer.net.client import make_client
from comfyfixer.settings import Endpoints, Settings

hub, root, size, sha256 = sys.argv[1:]
candidate = Candidate(source="civitai", filename="x.safetensors", download_url=hub + "/x", size_bytes=int(size),
                      hashes={"sha256": sha256})
request = FetchRequest(filename="x.safetensors", target=root + "/x.safetensors", root=root, candidates=(candidate,),
                       folder="loras")
settings = Settings(workdir=root, endpoints=Endpoints(civitai=hub))
emit = lambda *names, **details: None
with make_client(settings, emit, cache_path=None) as client:
    outcome = fetch(request, client, emit=emit, cancelled=lambda: False)
assert outcome.verified, outcome
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)
"""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    path_served: Path

    def do_GET(self) -> None:
        with self.path_served.open("rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            self.wfile.flush()
            self.connection.sendfile(file)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Say nothing."""


def _serve(path: Path, port: Connection) -> None:
    _Handler.path_served = path
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    port.send(server.server_address[1])
    server.serve_forever()


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


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _curl_then_openssl(url: str, file: Path, sha256: str) -> None:
    subprocess.run(["curl", "-s", "-o", file, url], check=True)
    told = subprocess.run(["openssl", "dgst", "-sha256", file], check=True, capture_output=True, text=True).stdout
    if sha256 not in told:
        raise SystemExit(f"curl brought something else: {told}")


def _ours(url: str, folder: Path, size: int, sha256: str) -> str:
    arguments = [sys.executable, "-c", _FETCH, url, str(folder), str(size), sha256]
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def _measure(url: str, folder: Path, size: int, sha256: str, runs: int) -> None:
    theirs, ours, processor, memory = [], [], [], 0
    for number in range(runs + 1):
        pair, _ = _timed(lambda: _curl_then_openssl(f"{url}/x", folder / "curl", sha256))
        (folder / "curl").unlink()
        own, told = _timed(lambda: _ours(url, folder, size, sha256))
        (folder / "x.safetensors").unlink()
        if number:  # the first round warms caches
            theirs.append(pair)
            ours.append(own)
            processor.append(float(told.split()[0]))
            memory = max(memory, int(told.split()[1]))
    _report(theirs, ours, processor, memory, size)


def _report(theirs: list[float], ours: list[float], processor: list[float], memory: int, size: int) -> None:
    pair, own = statistics.median(theirs), statistics.median(ours)
    print(f"curl, then openssl   median {pair:.3f} s   ({', '.join(f'{one:.2f}' for one in theirs)})")
    print(f"comfyfixer, whole    median {own:.3f} s   ({', '.join(f'{one:.2f}' for one in ours)})")
    print(f"processor {statistics.median(processor) / size * 1e9:.2f} s per GB, at most {memory} MiB of memory")
    verdict = "good" if own <= _GOOD * pair else "reached" if own <= _GOAL * pair else "missed"
    print(f"ratio of the best runs {min(ours) / min(theirs):.3f}")
    print(f"ratio {own / pair:.3f} (goal {_GOAL}, good {_GOOD}): {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    size = options.mebibytes << 20
    in_memory = _MEMORY_DISK.is_dir() and shutil.disk_usage(_MEMORY_DISK).free > 3 * size
    with tempfile.TemporaryDirectory(dir=_MEMORY_DISK if in_memory else None) as name:
        folder = Path(name)
        print(f"{options.mebibytes} MiB on {'a memory disk' if in_memory else 'the disk'} ({folder.parent})")
        sha256 = _make_file(folder / "served", size)
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(folder / "served", there), daemon=True
        )
        server.start()
        try:
            _measure(f"http://127.0.0.1:{here.recv()}", folder, size, sha256, options.runs)
        finally:
            server.terminate()
            server.join()


if __name__ == "__main__":
    main()
