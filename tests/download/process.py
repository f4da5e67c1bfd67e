"""A run of its own for tests that kill one: `python process.py HUB ROOT SIZE SHA256 [LIMIT]`.

Each progress is a line on stdout, the outcome the last one. With LIMIT no file may become longer than that.
"""

import resource
import sys
from collections.abc import Iterator

import msgspec

from comfyfixer.download.fetch import fetch
from comfyfixer.download.pace import Pace
from comfyfixer.download.sharing import Sharing
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from comfyfixer.net.client import make_client
from comfyfixer.settings import Endpoints, Settings


def main(hub: str, root: str, size: str, sha256: str, limit: str = "") -> None:
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    candidate = Candidate(
        source="civitai", filename="x.safetensors", download_url=f"{hub}/x", size_bytes=int(size),
        hashes={"sha256": sha256}, model_id=1, version_id=3, file_id=5,
    )  # fmt: skip
    request = FetchRequest(
        filename="x.safetensors", target=f"{root}/loras/sub/x.safetensors", root=root, candidates=(candidate,),
        folder="loras",
    )  # fmt: skip
    seconds = _seconds()
    settings = Settings(workdir="/", endpoints=Endpoints(civitai=hub), timeout_seconds=30)
    with make_client(settings, _say, cache_path=None) as client:
        pace = Pace(clock=lambda: next(seconds), sleep=lambda seconds: None, tries=0, stall_bytes_per_second=0)
        outcome = fetch(request, client, emit=_say, cancelled=lambda: False, pace=pace, sharing=Sharing(per_file=1))
    print(msgspec.json.encode(outcome).decode(), flush=True)


def _seconds() -> Iterator[float]:
    """A clock on which each look is a second later, so that every chunk is told."""
    now = 0.0
    while True:
        yield now
        now += 1.0


def _say(action: str, **details: object) -> None:
    if action == "download.progressed":
        print(details["bytes_done"], flush=True)


main(*sys.argv[1:])
