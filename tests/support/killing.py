"""A run of many files that is killed at random moments, resumed, and killed again: what is lost, what is left."""

import contextlib
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from comfyfixer.demo.catalogue import Catalogue
from comfyfixer.demo.content import Weights, sha256_of, whole
from comfyfixer.demo.faults import Faults, SlowDrip
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.huggingface_files import cdn_path
from comfyfixer.download.beside import PartPaths
from comfyfixer.download.extents import Extents
from tests.support.hubs import repo
from tests.support.product import PATIENCE_S, Product, declared

_BLOCK = 512


class Kills(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes:
        kills: How often a run was killed at work.
        parts: Unfinished files that were looked at after a kill.
        most_lost: Bytes that were on the disk, and that the journal did not know of: the most of one file.
        most_twice: Bytes that were known and asked for again: the most of one file.
        wrong: What should not be.
    """

    kills: int = 0
    parts: int = 0
    most_lost: int = 0
    most_twice: int = 0
    wrong: list[str] = msgspec.field(default_factory=list)

    def add(self, other: "Kills") -> None:
        """Count another one in."""
        self.kills += other.kills
        self.parts += other.parts
        self.most_lost = max(self.most_lost, other.most_lost)
        self.most_twice = max(self.most_twice, other.most_twice)
        self.wrong += other.wrong


class Case:
    """One installation that needs so many files of one hub, each from a slow server."""

    def __init__(self, folder: Path, files: int, size: int, bytes_per_second: int) -> None:
        self.contents = {
            f"file_{number:03}.safetensors": Weights(kind="lora", seed=f"kill {number}", size_bytes=size + 2 * number)
            for number in range(files)
        }
        repos = {name: repo(f"kill/{name[:8]}", {name: content}) for name, content in self.contents.items()}
        self.names = {cdn_path(one, one.files[1]): name for name, one in repos.items()}
        self.hub = Hub(Catalogue(huggingface=tuple(repos.values())))
        self.hub.set_faults(Faults((SlowDrip(role="cdn", bytes_per_second=bytes_per_second, times=None),)))
        self.product = Product(folder, self.hub)
        self.product.clear_workflows()
        graph = Graph()
        for name, one in repos.items():
            graph.add("LoraLoader", name, 1.0, 1.0, models=[declared(one.id, name, "loras")])
        self.product.save("many.json", graph.to_json())

    def part(self, name: str) -> PartPaths:
        """Where a file is while it is unfinished."""
        return PartPaths(self.product.models / "loras" / name)


def killed(
    folder: Path, seed: int, *, kills: int, files: int = 40, size: int = 3_000_000, speed: int = 400_000
) -> Kills:
    """Kill a run again and again until it is done or was killed `kills` times, let it finish, and compare."""
    dice, found = random.Random(seed), Kills()
    case = Case(folder, files, size, speed)
    with case.hub:
        command = "auto"
        while found.kills < kills and _killed_once(case, command, dice.uniform(0.3, 2.5), found):
            command = "resume" if (case.product.workdir / ".comfyfixer" / "run.json").exists() else "auto"
        case.hub.set_faults(Faults())
        ran = case.product.run(command)
        if ran.code not in (0, 2):  # 2: the killed run had ended already, and nothing is left to resume
            found.wrong.append(f"the last run ended with {ran.code}: {ran.err[-500:]}")
        _compare(case, found)
    return found


def _killed_once(case: Case, command: str, after_s: float, found: Kills) -> bool:
    """One run that is killed; False where it ended before."""
    known = dict(_known(case))
    asked_before = len(case.hub.requests)
    process = case.product.start(command)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate(timeout=PATIENCE_S)
        found.kills += 1
        _look(case, known, asked_before, found)
        return True
    process.communicate(timeout=PATIENCE_S)
    return False


def _known(case: Case) -> Iterator[tuple[str, Extents]]:
    """Which bytes of each unfinished file the journal knows of."""
    for name in case.contents:
        paths = case.part(name)
        record = paths.record()
        if record is not None and paths.part.exists():
            front = paths.part.stat().st_size if record.front is None else record.front
            yield name, Extents([(0, front), *record.ahead])


def _look(case: Case, known: dict[str, Extents], asked_before: int, found: Kills) -> None:
    """What the killed run asked for again, and what it lost."""
    for request in case.hub.requests[asked_before:]:
        name = case.names.get(request.path)
        if name in known and request.role == "cdn":
            start, end = _range(request.headers.get("range", ""), case.contents[name].size_bytes)
            missing = sum(stop - begin for begin, stop in known[name].holes(start, end))
            found.most_twice = max(found.most_twice, end - start - missing)
    for name, extents in _known(case):
        found.parts += 1
        found.most_lost = max(found.most_lost, _on_disk(case, name) - extents.count)
    for name, content in case.contents.items():
        target = case.part(name).target
        if target.exists() and target.read_bytes() != whole(content):
            found.wrong.append(f"{name} has its name, and other bytes")


def _range(text: str, size: int) -> tuple[int, int]:
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", text)
    return (int(asked[1]), int(asked[2]) + 1 if asked[2] else size) if asked else (0, size)


def _on_disk(case: Case, name: str) -> int:
    """Right bytes in the part, whether the journal knows them or not."""
    with contextlib.suppress(FileNotFoundError):
        part, right = case.part(name).part.read_bytes(), whole(case.contents[name])
        blocks = [(part[at : at + _BLOCK], right[at : at + _BLOCK]) for at in range(0, len(part), _BLOCK)]
        return sum(len(here) for here, wanted in blocks if here == wanted[: len(here)])
    return 0


def _compare(case: Case, found: Kills) -> None:
    """The end has to be that of an undisturbed run: every file, and nothing else."""
    folder = case.product.models / "loras"
    there = {path: digest for path, digest in case.product.digests().items() if Path(path).name in case.contents}
    wanted = {f"loras/{name}": sha256_of(content) for name, content in case.contents.items()}
    if there != wanted:
        found.wrong.append(f"{len(wanted.keys() - there.keys())} files are missing, others differ")
    if left := [path.name for path in folder.glob(".*comfyfixer*")]:
        found.wrong.append(f"left beside the files: {left}")
    rows = case.product.rows("downloads.json")
    if {name for name, row in rows.items() if row["success"] and row["sha256"]} != case.contents.keys():
        found.wrong.append("downloads.json does not tell all of them")
