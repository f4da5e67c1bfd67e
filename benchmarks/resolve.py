"""How quickly missing files are resolved: a hub that answers in 50 ms, and deciding among 100,000 names.

    python -m benchmarks.resolve [--wanted 500] [--names 100000]

The ideal is what the busiest hub alone takes: its requests, 50 ms each, four at once. Promised: within 1.5 times of it;
under 2 ms per wanted name among 100,000; no request in a second run.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from comfyfixer.demo.delivery import Delivery
from comfyfixer.demo.exchange import Request, Response
from comfyfixer.demo.hub import Hub
from comfyfixer.model.candidate import Findings
from comfyfixer.model.missing import MissingModel
from comfyfixer.net.limits import AT_ONCE
from comfyfixer.resolve.decide import decide
from comfyfixer.sources.name_index import NameIndex, Place
from tests.simulation.trial import tried
from tests.simulation.world import build

ANSWER_S = 0.05
SHARE = 1.5
PER_NAME_MS = 2.0


class SlowHub(Hub):
    """Every answer takes a while."""

    def _answer(self, request: Request) -> tuple[Response, Delivery]:
        started = time.monotonic()
        answer = super()._answer(request)
        time.sleep(max(0.0, ANSWER_S - (time.monotonic() - started)))
        return answer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wanted", type=int, default=500)
    parser.add_argument("--names", type=int, default=100_000)
    options = parser.parse_args()
    good = [asked_in_time(options.wanted), decided_in_time(options.names)]
    return 0 if all(good) else 1


def asked_in_time(wanted: int) -> bool:
    """One resolve of so many missing files, and one more."""
    world = build(names=wanted)
    with SlowHub(world.catalogue) as hub, tempfile.TemporaryDirectory() as folder:
        figures, _, again = tried(world, Path(folder), hub)
        requests = Counter(request.role for request in hub.requests)
    ideal = max(requests.values()) * ANSWER_S / AT_ONCE
    share = figures.seconds / ideal
    print(f"{wanted} missing: {figures.seconds:.1f} s, {share:.2f} times the ideal {ideal:.1f} s ({dict(requests)})")
    print(f"a second time: {again} requests")
    return share <= SHARE and again == 0


def decided_in_time(names: int) -> bool:
    """Exact and similar names of a listing, and the decision about them, per wanted name."""
    places = [Place(f"maker{number % 997}/repo{number % 4999}", _name(number)) for number in range(names)]
    started = time.perf_counter()
    index = NameIndex(places)
    read = time.perf_counter() - started
    wanted = [_name(number) for number in range(0, names, max(1, names // 200))]
    started = time.perf_counter()
    for name in wanted:
        index.exact(name)
        index.similar(name.replace("v", "v1"), 0.6)
        decide(_missing(name), Findings())
    each = (time.perf_counter() - started) / len(wanted) * 1000
    print(f"{names} names: read in {read:.2f} s; {each:.2f} ms per wanted name")
    return each < PER_NAME_MS


_WORDS = (
    "ink", "wash", "harbor", "rain", "copper", "valley", "north", "light", "paper", "moon", "velvet", "storm", "amber",
    "field", "glass", "river",
)  # fmt: skip


def _name(number: int) -> str:
    one, two = _WORDS[number % 16], _WORDS[number // 16 % 16]
    return f"{one}_{two}_{number // 256}_v{number % 7}.safetensors"


def _missing(name: str) -> MissingModel:
    return MissingModel(
        filename=name, value=name, folder="loras", expected_type="lora", workflow="w.json", workflows=("w.json",),
        node_type="LoraLoader", node_id="1", references=(),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
