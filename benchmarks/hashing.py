"""Hashing as a ratio to `openssl dgst -sha256`: one large file, and two at once against one after the other.

The files are in memory (or in FOLDER) and warm, runs take turns, the best of several counts. What two openssl processes
gain side by side is printed as the bound: on a machine whose second core is busy nothing gains more.

Run: `python benchmarks/hashing.py [FOLDER] [GIB]`
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from comfyfixer.inventory.hashes import HashCache
from comfyfixer.inventory.hashing import hash_files

GIB = 4.0
GOAL = 1.1
GOAL_TWO = 1.6
ROUNDS = 3
_MIB = 1 << 20


def build(path: Path, size_mib: int) -> Path:
    """A file whose content nothing can shorten."""
    block = os.urandom(_MIB)
    with path.open("wb") as file:
        for number in range(size_mib):
            file.write(number.to_bytes(8, "little") + block[8:])
    return path


def silent(_action: str, **_details: object) -> None:
    """Nobody listens."""


def ours(paths: Sequence[Path], workers: int) -> None:
    """As the commands hash, with an empty cache."""
    with HashCache(None, silent) as cache:
        names = [str(path) for path in paths]
        done = list(hash_files(names, cache=cache, cancelled=lambda: False, emit=silent, workers=workers))
    assert all(len(file.hashes["sha256"]) == 64 for file in done)


def openssl(paths: Sequence[Path]) -> None:
    """One process for each file, side by side."""
    running = [subprocess.Popen(["openssl", "dgst", "-sha256", str(path)], stdout=subprocess.DEVNULL) for path in paths]
    assert not any(process.wait() for process in running)


def openssl_in_turn(paths: Sequence[Path]) -> None:
    """One process after the other."""
    for path in paths:
        openssl([path])


def best(runs: Mapping[str, Callable[[], None]]) -> dict[str, float]:
    """The shortest time of each, in seconds. They take turns: a busy moment of the machine hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    return {name: min(times) for name, times in taken.items()}


def one_file(folder: Path, gib: float) -> bool:
    """Print the ratio for one file; True when the goal is met."""
    path = build(folder / "one.bin", int(gib * 1024))
    times = best({"openssl": lambda: openssl([path]), "ours": lambda: ours([path], 1)})
    path.unlink()
    ratio = times["ours"] / times["openssl"]
    print(f"{gib:g} GiB: {times['ours']:.2f} s, openssl {times['openssl']:.2f} s, ratio {ratio:.2f} (goal {GOAL})")
    return ratio <= GOAL


def two_files(folder: Path, gib: float) -> bool:
    """Print what two at once gain; True when the goal is met, or as much is gained as openssl gains."""
    pair = [build(folder / f"{name}.bin", int(gib * 512)) for name in ("first", "second")]
    times = best(
        {
            "ours, one after the other": lambda: ours(pair, 1),
            "ours, at once": lambda: ours(pair, 2),
            "openssl, one after the other": lambda: openssl_in_turn(pair),
            "openssl, at once": lambda: openssl(pair),
        }
    )
    for path in pair:
        path.unlink()
    gains = {name: times[f"{name}, one after the other"] / times[f"{name}, at once"] for name in ("ours", "openssl")}
    bound = f"openssl {gains['openssl']:.2f}"
    print(f"2 x {gib / 2:g} GiB at once: {gains['ours']:.2f} times as fast (goal {GOAL_TWO}, {bound})")
    return gains["ours"] >= min(GOAL_TWO, gains["openssl"] * 0.95)


def main() -> int:
    """Exit code 1 when a goal is missed."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    gib = float(sys.argv[2]) if len(sys.argv) > 2 else GIB
    with tempfile.TemporaryDirectory(prefix="hashing-", dir=sys.argv[1] if len(sys.argv) > 1 else memory) as folder:
        met = [one_file(Path(folder), gib), two_files(Path(folder), gib)]
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
