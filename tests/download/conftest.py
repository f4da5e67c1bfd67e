"""What the tests of this room share: an origin, the real client, a clock that nobody has to wait for."""

import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from comfyfixer.download.beside import PartPaths
from comfyfixer.download.fetch import fetch
from comfyfixer.download.pace import Pace
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.secret import Secret
from comfyfixer.net.client import Client, Timing, make_client
from comfyfixer.settings import Endpoints, Settings
from tests.download.origin import Origin

if TYPE_CHECKING:
    from comfyfixer.download.sharing import Sharing

KEY = "civitai-key-that-nobody-may-see"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def safetensors(size: int = 3_000_000, seed: int = 1) -> bytes:
    """A real safetensors file of about `size` bytes that compress badly and differ by seed."""
    data = hashlib.shake_128(str(seed).encode()).digest(size)
    header = {"weight": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Bench:
    """One installation folder, one hub, one storage."""

    def __init__(self, root: Path, hub: Origin, storage: Origin) -> None:
        self.root = root / "models"
        self.root.mkdir()
        self.target = self.root / "loras" / "sub" / "x.safetensors"
        self.folder = "loras"
        self.hub = hub
        self.storage = storage
        self.clock = Clock()
        self.pace = Pace(clock=self.clock.read, sleep=self.clock.sleep)
        self.sharing: Sharing | None = None
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stop = False
        self.cancelled: Callable[[], bool] = lambda: self.stop

    def fails(self, code: str, *candidates: Candidate) -> Problem:
        """Fetch, and give the problem, which has to have this code."""
        outcome = self.fetch(*candidates)
        assert not outcome.success
        assert outcome.error is not None
        assert outcome.error.code == code, outcome.error
        assert outcome.path is None
        return outcome.error

    @property
    def part(self) -> Path:
        return PartPaths(self.target).part

    @property
    def record(self) -> Path:
        return PartPaths(self.target).journal

    def names(self) -> list[str]:
        """Every file below the models folder."""
        return sorted(path.name for path in self.root.rglob("*") if path.is_file())

    def actions(self) -> list[str]:
        return [action for action, _ in self.events]

    def told(self, action: str) -> list[dict[str, Any]]:
        return [details for name, details in self.events if name == action]

    def emit(self, action: str, **details: Any) -> None:
        self.events.append((action, details))

    def client(self) -> Client:
        endpoints = Endpoints(civitai=self.hub.url, huggingface=self.storage.url)
        settings = Settings(workdir="/", endpoints=endpoints, civitai_key=Secret(KEY), timeout_seconds=5)
        timing = Timing(wall=self.clock.read, clock=self.clock.read, sleep=self.clock.sleep)
        return make_client(settings, self.emit, cache_path=None, timing=timing)

    def candidate(self, source: str = "civitai", body: bytes | None = None, **changes: Any) -> Candidate:
        """One whose size and SHA-256 are those of `body` (default: what the hub has)."""
        body = self.hub.body if body is None else body
        origin = self.hub if source == "civitai" else self.storage
        values: dict[str, Any] = {
            "source": source, "filename": "x.safetensors", "download_url": f"{origin.url}/api/download/models/3",
            "size_bytes": len(body), "hashes": {"sha256": hashlib.sha256(body).hexdigest()},
            "page_url": f"https://{source}.example/page", "model_id": 1, "version_id": 3, "file_id": 5,
            "repo_id": "a/b", "repo_path": "x.safetensors",
        }  # fmt: skip
        return Candidate(**(values | changes))

    def request(self, *candidates: Candidate) -> FetchRequest:
        return FetchRequest(
            filename=self.target.name, target=str(self.target), root=str(self.root), folder=self.folder,
            candidates=candidates or (self.candidate(),),
        )  # fmt: skip

    def fetch(self, *candidates: Candidate, verify_hashes: bool = True) -> Outcome:
        with self.client() as client:
            return fetch(
                self.request(*candidates), client, emit=self.emit, cancelled=self.cancelled,
                verify_hashes=verify_hashes, pace=self.pace, sharing=self.sharing,
            )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Origin(safetensors()) as hub, Origin(hub.body) as storage:
        yield Bench(tmp_path, hub, storage)
