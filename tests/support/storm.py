"""Downloads from the embedded hub while everything goes wrong, and what has to be true of each of them.

Every fault comes from seeded dice: the same seed gives the same faults for the same files. Used by the tests in small
numbers and by `python -m benchmarks.endurance` in large ones.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from comfyfixer.demo import faults
from comfyfixer.demo.catalogue import Catalogue
from comfyfixer.demo.civitai_download import storage_path
from comfyfixer.demo.content import Weights, sha256_of, size_of
from comfyfixer.demo.faults import AnyFault, Faults
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.huggingface_files import cdn_path
from comfyfixer.download.fetch import fetch
from comfyfixer.download.growth import Trial
from comfyfixer.download.pace import Pace
from comfyfixer.download.sharing import Sharing
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.secret import Secret
from comfyfixer.net.client import make_client
from comfyfixer.settings import Settings, load
from tests.support.hubs import civitai_model, repo

AT_ONCE = 6
SILENCE_S = 1
EAGER = Trial(window_s=0.002, enough=float("inf"), worth_s=0.0, gain=-9.0, full_gain=9.0, again_s=0.01)
_ON_ITS_WAY_S = 0.2  # what was sent before the answer came is no request against it
HURRIED = Pace(first_wait_s=0.01, longest_wait_s=0.05, stall_window_s=0.5, stall_bytes_per_second=4000)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One file and what goes wrong with it.

    Attributes:
        codes: What it may fail with; empty: it has to be had. Right bytes are right whatever was in the way.
    """

    name: str
    source: str
    content: Weights
    url: str
    rules: tuple[AnyFault, ...]
    codes: frozenset[str]


class Report(msgspec.Struct, kw_only=True):
    """What the storm did."""

    right: int = 0
    absent: Counter[str] = msgspec.field(default_factory=Counter)
    wrong: list[str] = msgspec.field(default_factory=list)
    requests: int = 0
    keys_abroad: int = 0
    silences: int = 0
    against_limits: int = 0

    def add(self, other: "Report") -> None:
        """Count another one in."""
        self.right += other.right
        self.absent += other.absent
        self.wrong += other.wrong
        self.requests += other.requests
        self.keys_abroad += other.keys_abroad
        self.silences += other.silences
        self.against_limits += other.against_limits


def weather(dice: random.Random, where: str, path: str, size: int) -> tuple[tuple[AnyFault, ...], frozenset[str]]:
    """Some faults of one file at its storage, and the reasons that they are for its absence."""
    at: dict[str, Any] = {"role": where, "path": path}
    passing: list[Callable[[], AnyFault]] = [
        lambda: faults.Cut(**at, after_bytes=dice.randrange(size)),
        lambda: faults.Cut(**at, after_bytes=dice.randrange(size), times=3),
        lambda: faults.SlowDrip(**at, bytes_per_second=dice.choice([2_000, 3_000_000])),
        lambda: faults.WrongLength(**at, extra_bytes=dice.choice([-100, -1, 1, 5000])),
        lambda: faults.MissingLength(**at, chunked=dice.random() < 0.5),
        lambda: faults.FlippedByte(**at, at=dice.randrange(size)),
        lambda: faults.IgnoreRange(**at, times=dice.choice([1, 3])),
        lambda: faults.WrongOffset(**at, shift_bytes=dice.choice([-1, 1, -5000]), times=2),
        lambda: faults.Truncated(**at, keep_bytes=dice.randrange(size)),
        lambda: faults.OtherBytes(**at),
        lambda: faults.Expired(**at, times=dice.choice([1, 4])),
        lambda: faults.Down(**at, times=dice.choice([1, 3])),
        lambda: faults.html_page(**at),
        lambda: faults.empty_body(**at),
        lambda: faults.too_many(**at, times=dice.choice([1, 3]), retry_after=dice.choice(["0", None])),
        lambda: faults.server_error(**at, times=dice.choice([1, 4]), status=dice.choice([500, 502, 503, 504])),
    ]
    if dice.random() < 0.15:
        rule, codes = dice.choice(_lasting(at, size, dice))
        return (rule,), frozenset(codes)
    return tuple(dice.choice(passing)() for _ in range(dice.randrange(1, 4))), frozenset()


def _lasting(at: dict[str, Any], size: int, dice: random.Random) -> list[tuple[AnyFault, set[str]]]:
    """Faults that no patience mends, and what has to be said of them."""
    always = {**at, "times": None}
    return [
        (faults.FlippedByte(**always, at=dice.randrange(size)), {"hash-mismatch", "not-a-model-file"}),
        (faults.OtherBytes(**always), {"hash-mismatch"}),
        (faults.html_page(**always), {"not-a-model-file"}),
        (faults.Truncated(**always, keep_bytes=size // 2), {"size-mismatch", "download-interrupted"}),
        (faults.server_error(**always, status=502), {"hub-error"}),
        (faults.Expired(**always), {"download-interrupted"}),
        (faults.Reply(**always, status=403, body="no"), {"hub-refused"}),
        (faults.Reply(**always, status=404), {"file-not-found"}),
    ]


def catalogue_and_places(count: int, seed: int, largest: int) -> tuple[Catalogue, list[tuple[str, str, str, Weights]]]:
    """So many files at both hubs: name, source, path at the storage, content."""
    dice = random.Random(seed)
    models, repos, placed = [], [], []
    for number in range(1, count + 1):
        size = dice.choice([16_384, 200_000, largest // 2, largest]) + 2 * dice.randrange(500)
        content = Weights(kind="lora", seed=f"storm {seed} {number}", size_bytes=size)
        name = f"file_{number:05}.safetensors"
        if number % 2:
            models.append(model := civitai_model(number, content=content, file_name=name))
            version = model.versions[0]
            placed.append((name, "civitai", storage_path(model, version, version.files[0]), content))
        else:
            gated = "auto" if number % 50 == 0 else None
            repos.append(one := repo(f"storm/r{number}", {name: content}, gated=gated))
            placed.append((name, "huggingface", cdn_path(one, one.files[1]), content))
    return Catalogue(civitai=tuple(models), huggingface=tuple(repos)), placed


def cases(hub: Hub, placed: Sequence[tuple[str, str, str, Weights]], seed: int) -> Iterator[Case]:
    """Each file with its weather."""
    dice = random.Random(seed)
    for name, source, path, content in placed:
        number = int(name[5:10])
        rules, codes = weather(dice, "storage" if source == "civitai" else "cdn", path, content.size_bytes)
        if source == "civitai":
            url = f"{hub.civitai_endpoint}/api/download/models/{number * 10}"
        else:
            url = f"{hub.huggingface_endpoint}/storm/r{number}/resolve/main/{name}"
            codes = frozenset({"gated"}) if number % 50 == 0 else codes
        yield Case(name=name, source=source, content=content, url=url, rules=rules, codes=codes)


def storm(folder: Path, count: int, seed: int, *, largest: int = 3_000_000) -> Report:
    """Fetch so many files through their weather, and judge each."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue, placed = catalogue_and_places(count, seed, largest)
    report = Report()
    with Hub(catalogue) as hub:
        every = list(cases(hub, placed, seed))
        silence = faults.too_many(role="storage", skip=5, retry_after=str(SILENCE_S))
        hub.set_faults(Faults((*(rule for case in every for rule in case.rules), silence)))
        outcomes = _all_fetched(hub, folder, every)
        for case, outcome in zip(every, outcomes, strict=True):
            _judge(folder, case, outcome, report)
        _judge_requests(hub, report)
    return report


def _all_fetched(hub: Hub, folder: Path, every: Sequence[Case]) -> list[Outcome]:
    settings = _settings(hub, folder)
    sharing = Sharing(per_file=3, per_host=AT_ONCE + 2, trial=EAGER)

    def one(case: Case) -> Outcome:
        return fetch(
            request_of(folder, case), client, emit=_silent, cancelled=lambda: False, pace=HURRIED, sharing=sharing
        )

    with make_client(settings, _silent, cache_path=None) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, every))


def request_of(folder: Path, case: Case) -> FetchRequest:
    """What the downloader is asked for one file."""
    candidate = Candidate(
        source=case.source, filename=case.name, download_url=case.url, size_bytes=size_of(case.content),
        hashes={"sha256": sha256_of(case.content)}, page_url=case.url, model_id=1, version_id=int(case.name[5:10]),
    )  # fmt: skip
    target = folder / "loras" / case.name
    return FetchRequest(
        filename=case.name, target=str(target), root=str(folder), candidates=(candidate,), folder="loras"
    )


def _settings(hub: Hub, folder: Path) -> Settings:
    settings = load({"download.timeout_seconds": 5}, hub.environment(), folder)
    key = Secret(hub.keys["civitai"][0])
    return msgspec.structs.replace(settings, civitai_key=key, huggingface_key=Secret(hub.keys["huggingface"][0]))


def _judge(folder: Path, case: Case, outcome: Outcome, report: Report) -> None:
    """Right under its name, or absent with a reason that is one of the true ones."""
    target = folder / "loras" / case.name
    if outcome.success:
        is_right = target.is_file() and sha256(target.read_bytes()).hexdigest() == sha256_of(case.content)
        report.right += is_right
        if not is_right:
            report.wrong.append(f"{case.name}: wrong bytes have its name, with {case.rules}")
        return
    code = outcome.error.code if outcome.error else "none"
    report.absent[code] += 1
    if target.exists() or code not in case.codes:
        report.wrong.append(f"{case.name}: {code} with {case.rules}: {outcome.error and outcome.error.message}")


def _judge_requests(hub: Hub, report: Report) -> None:
    """Keys only where they belong, and nothing asked of a host that asked for silence."""
    report.requests = len(hub.requests)
    report.keys_abroad = sum(one.had_authorization for one in hub.requests if one.role in ("storage", "cdn"))
    asked = hub.requests_to("storage")
    silences = [one.at_s for one in asked if one.status == 429 and one.retry_after == str(SILENCE_S)]
    report.silences = len(silences)
    report.against_limits = sum(
        begin + _ON_ITS_WAY_S < one.at_s < begin + SILENCE_S for begin in silences for one in asked
    )


def _silent(_action: str, **_details: Any) -> None:
    """Nothing is told here."""
