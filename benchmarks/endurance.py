"""What downloads survive: storms of faults, `kill -9`, full disks, removed folders, a cut network.

    python -m benchmarks.endurance [--downloads 1000] [--kills 200] [--disks 20] [--seed 1]

Everything runs on loopback against the embedded hub; nothing is measured in seconds here. The test suite does the same
in small numbers. The full disks need the right to mount a memory disk; without it that part is left out, with a word.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from comfyfixer.demo.content import sha256_of
from comfyfixer.demo.faults import Cut, Down, Faults, SlowDrip
from comfyfixer.demo.hub import Hub
from comfyfixer.download.fetch import fetch
from comfyfixer.download.pace import Pace
from comfyfixer.download.sharing import Sharing
from comfyfixer.download.transfer import CHUNK
from comfyfixer.model.outcome import Outcome
from comfyfixer.net.client import make_client
from comfyfixer.settings import load
from tests.support.killing import Kills, killed
from tests.support.storm import EAGER, HURRIED, Case, Report, catalogue_and_places, request_of, storm

_AT_ONCE = 50
_MIB = 1 << 20


def _storms(folder: Path, downloads: int, seed: int) -> list[str]:
    report = Report()
    for number in range(0, downloads, _AT_ONCE):
        report.add(storm(folder / f"storm{number}", min(_AT_ONCE, downloads - number), seed + number))
        shutil.rmtree(folder / f"storm{number}")
    reasons = ", ".join(f"{code} {count}" for code, count in report.absent.most_common())
    print(f"storm: {report.right} right, {report.absent.total()} absent with a reason ({reasons})")
    print(f"       {report.requests} requests, {report.keys_abroad} with a key at a foreign host, "
          f"{report.against_limits} during {report.silences} silences that were asked for")  # fmt: skip
    return report.wrong + ["a key went abroad"] * report.keys_abroad + ["a limit was ignored"] * report.against_limits


def _kills(folder: Path, kills: int, seed: int) -> list[str]:
    found, runs = Kills(), 0
    while found.kills < kills:
        runs += 1
        found.add(killed(folder / f"kill{runs}", seed + runs, kills=kills - found.kills))
        shutil.rmtree(folder / f"kill{runs}")
    print(f"kill -9: {found.kills} times in {runs} runs of 40 files, {found.parts} unfinished files looked at")
    print(f"         at most {found.most_lost / _MIB:.2f} MiB of a file lost ({CHUNK / _MIB:.0f} MiB is "
          f"allowed), {found.most_twice} known bytes asked for again")  # fmt: skip
    excess = ["more was lost of a file than a chunk"] if found.most_lost > CHUNK else []
    return found.wrong + excess + (["known bytes were asked for again"] if found.most_twice else [])


# --- one file, and something done to it while it comes ---------------------------------------------------------------


class Victim:
    """One file of 12 MiB from a slow hub, fetched into a folder."""

    def __init__(self, hub: Hub, root: Path, case: Case) -> None:
        self.hub = hub
        self.root = root
        self.request = request_of(root, case)
        self.target = Path(self.request.target)
        self._right = sha256_of(case.content)

    def fetch(self, pace: Pace = HURRIED) -> Outcome:
        """One run; a true failure leaves nothing under the name."""
        settings = load({"download.timeout_seconds": 5}, self.hub.environment(), self.root)
        with make_client(settings, lambda *_names, **_details: None, cache_path=None) as client:
            outcome = fetch(
                self.request, client, emit=lambda *_names, **_details: None, cancelled=lambda: False,
                pace=pace, sharing=Sharing(trial=EAGER),
            )  # fmt: skip
        assert outcome.success or not self.target.exists(), outcome
        return outcome

    def is_right(self) -> bool:
        """Whether the file is in its place, and the promised one."""
        return self.target.is_file() and sha256(self.target.read_bytes()).hexdigest() == self._right


@contextmanager
def _victim(root: Path, seed: int, bytes_per_second: int) -> Iterator[Victim]:
    catalogue, placed = catalogue_and_places(1, seed, 12 * _MIB)
    name, source, _path, content = placed[0]
    content = msgspec.structs.replace(content, size_bytes=12 * _MIB)
    file = msgspec.structs.replace(catalogue.civitai[0].versions[0].files[0], content=content)
    version = msgspec.structs.replace(catalogue.civitai[0].versions[0], files=(file,))
    model = msgspec.structs.replace(catalogue.civitai[0], versions=(version,))
    with Hub(msgspec.structs.replace(catalogue, civitai=(model,))) as hub:
        hub.set_faults(Faults((SlowDrip(role="storage", bytes_per_second=bytes_per_second, times=None),)))
        url = f"{hub.civitai_endpoint}/api/download/models/10"
        case = Case(name=name, source=source, content=content, url=url, rules=(), codes=frozenset())
        yield Victim(hub, root, case)


def _full_disks(folder: Path, rounds: int, seed: int) -> list[str]:
    """A memory disk that is too small by a random number of bytes, and then large enough."""
    dice, wrong, done = random.Random(seed), [], 0
    disk = folder / "disk"
    disk.mkdir()
    for _ in range(rounds):
        size = dice.randrange(16 << 10, 11 * _MIB)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", disk], capture_output=True).returncode:
            print("full disk: left out, a memory disk can't be mounted here")
            return []
        try:
            with _victim(disk, seed, 100_000_000) as victim:
                code = (error := victim.fetch().error) and error.code
                subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
                if code != "disk-full" or not victim.fetch().success or not victim.is_right():
                    wrong.append(f"a disk of {size} bytes: {code}, then {victim.is_right()}")
                done += 1
        finally:
            subprocess.run(["umount", disk], check=True)
    print(f"full disk: {done} times at a random byte, `disk-full` each time, and right when there was room")
    return wrong


def _removed(folder: Path, rounds: int, seed: int) -> list[str]:
    """The target's folder goes away while the file comes."""
    dice, wrong, codes = random.Random(seed), [], set()
    for number in range(rounds):
        root = folder / f"removed{number}"
        root.mkdir()
        with _victim(root, seed, 20_000_000) as victim:
            timer = threading.Timer(dice.uniform(0.02, 0.3), shutil.rmtree, (root,), {"ignore_errors": True})
            timer.start()
            outcome = victim.fetch()
            timer.join()
            codes.add(outcome.error.code if outcome.error else "placed")
            root.mkdir(exist_ok=True)
            if not victim.fetch().success or not victim.is_right():
                wrong.append("after its folder had been removed a file was not right")
    print(f"removed folder: {rounds} times ({', '.join(sorted(codes))}), and right in the next run")
    return wrong


def _cut_network(folder: Path, rounds: int, seed: int) -> list[str]:
    """Nothing answers for a while; a minute is a second here, as are all the waits of the downloader."""
    pace = Pace(first_wait_s=0.5 / 60, longest_wait_s=0.5, stall_window_s=0.5, stall_bytes_per_second=4000)
    wrong = []
    for number in range(rounds):
        root = folder / f"cut{number}"
        root.mkdir()
        with _victim(root, seed + number, 20_000_000) as victim:
            thread = threading.Thread(target=_cut, args=(victim.hub,))
            thread.start()
            outcome = victim.fetch(pace)
            thread.join()
            if not outcome.success or not victim.is_right():
                wrong.append(f"after the network was cut: {outcome.error}")
    print(f"cut network: {rounds} times for a minute (60 times as fast), bridged in the same run")
    return wrong


def _cut(hub: Hub) -> None:
    slow = SlowDrip(role="storage", bytes_per_second=20_000_000, times=None)
    time.sleep(0.1)
    hub.set_faults(Faults((Down(times=None), Cut(after_bytes=0, times=None))))
    time.sleep(1.0)
    hub.set_faults(Faults((slow,)))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--downloads", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--disks", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() and os.access(memory, os.W_OK) else None) as name:
        folder = Path(name)
        wrong = _storms(folder, options.downloads, options.seed)
        wrong += _full_disks(folder, options.disks, options.seed)
        wrong += _removed(folder, options.disks, options.seed)
        wrong += _cut_network(folder, max(1, options.disks // 4), options.seed)
        wrong += _kills(folder, options.kills, options.seed)
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    print("all as it should be" if not wrong else f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
