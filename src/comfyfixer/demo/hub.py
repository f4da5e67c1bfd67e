"""The embedded hub: Civitai, Hugging Face, the registry and their storages on loopback, over a catalogue.

In a test or the demo:

    with Hub(sample_catalogue(), Faults()) as hub:
        hub.civitai_endpoint, hub.huggingface_endpoint, hub.requests

As a process of its own:

    python -m comfyfixer.demo.hub [--catalogue FILE.json] [--faults FILE.json]

prints one JSON line with the end points, and serves until its standard input ends. Without `--catalogue` it has the
sample's. Lines of standard input: `open NAME` opens a gate, `requests` prints the record as one JSON line.
"""

import argparse
import secrets
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from comfyfixer.demo import civitai, civitai_download, further, huggingface, huggingface_files, registry, storage
from comfyfixer.demo.catalogue import Catalogue
from comfyfixer.demo.delivery import Delivery, changed_request, changed_response, plan
from comfyfixer.demo.exchange import Endpoints, Request, Response, Signer, World
from comfyfixer.demo.faults import Faults, FaultState, Gate
from comfyfixer.demo.server import Acceptor, EndPoint

ANSWERS: Final = {
    "civitai": civitai.answer,
    "huggingface": huggingface.answer,
    "registry": registry.answer_registry,
    "manager": registry.answer_manager,
    "github": registry.answer_github,
    "openmodeldb": further.answer_openmodeldb,
    "modelscope": further.answer_modelscope,
    "storage": storage.answer_storage,
    "cdn": storage.answer_cdn,
}
RECORDED_HEADERS: Final = (
    "accept-encoding",
    "content-type",
    "host",
    "if-none-match",
    "if-range",
    "range",
    "user-agent",
)


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One request and how it was answered, without the key that it may have brought.

    Attributes:
        role: The end point: a key of `ANSWERS`.
        query: As sent, percent-encoded.
        headers: Those of `RECORDED_HEADERS`, lower case.
        had_authorization: Whether a key came along in a header.
        status: 0 where the connection was closed instead of an answer.
        at_s: When it was answered, on a clock that only grows.
        retry_after: For how long the answer asked for silence, as it said it.
    """

    role: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    had_authorization: bool
    status: int
    at_s: float = 0.0
    retry_after: str | None = None


class Hub:
    """All end points on ports of their own, from `__enter__` to `__exit__`."""

    def __init__(self, catalogue: Catalogue, faults: Faults | None = None, *, signature_seconds: int = 3600) -> None:
        self.catalogue = catalogue
        self._faults = FaultState(faults or Faults())
        self._gates: dict[str, Gate] = {}
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._requests: list[Recorded] = []
        self._ports = {role: EndPoint(role, self._answer, self._pass_gate, self._stopped) for role in ANSWERS}
        self._acceptor = Acceptor(tuple(self._ports.values()))
        self.endpoints = Endpoints(**{role: port.url for role, port in self._ports.items()})
        self._world = _world(catalogue, self.endpoints, signature_seconds)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with self._lock:
            gates = tuple(self._gates.values())
        for gate in gates:
            gate.open()
        self._acceptor.stop()
        for port in self._ports.values():
            port.end()
        failures = [failure for port in self._ports.values() for failure in port.failures]
        if failures and error is None:
            raise failures[0]

    @property
    def civitai_endpoint(self) -> str:
        """For `endpoints.civitai`."""
        return self.endpoints.civitai

    @property
    def huggingface_endpoint(self) -> str:
        """For `endpoints.huggingface`."""
        return self.endpoints.huggingface

    @property
    def registry_endpoint(self) -> str:
        """For `endpoints.registry`."""
        return self.endpoints.registry

    @property
    def storage_endpoint(self) -> str:
        """Where Civitai's redirects lead."""
        return self.endpoints.storage

    @property
    def cdn_endpoint(self) -> str:
        """Where Hugging Face's redirects lead."""
        return self.endpoints.cdn

    @property
    def keys(self) -> dict[str, tuple[str, ...]]:
        """The keys that are accepted, by end point."""
        return {"civitai": self.catalogue.civitai_keys, "huggingface": self.catalogue.huggingface_keys}

    @property
    def requests(self) -> tuple[Recorded, ...]:
        """All requests so far, in order of their answers."""
        with self._lock:
            return tuple(self._requests)

    def requests_to(self, role: str) -> tuple[Recorded, ...]:
        """Those of one end point."""
        return tuple(request for request in self.requests if request.role == role)

    def gate(self, name: str = "gate") -> Gate:
        """The gate that `Hold(gate=name)` waits at."""
        with self._lock:
            return self._gates.setdefault(name, Gate())

    def set_faults(self, faults: Faults) -> None:
        """Other faults from now on."""
        self._faults.replace(faults)

    def environment(self) -> dict[str, str]:
        """Environment variables that send the tool here, and nowhere else."""
        roles = ("civitai", "huggingface", "registry", "manager", "github", "openmodeldb", "modelscope")
        return {f"COMFYFIXER_{role.upper()}_ENDPOINT": self._ports[role].url for role in roles}

    def _answer(self, request: Request) -> tuple[Response, Delivery]:
        active = self._faults.active(request)
        response = ANSWERS[request.role](changed_request(request, active), self._world)
        response = changed_response(request, response, active)
        delivery = plan(response, active)
        self._record(request, 0 if delivery.down else response.status, dict(response.headers).get("Retry-After"))
        return response, delivery

    def _record(self, request: Request, status: int, retry_after: str | None) -> None:
        path, _, query = request.target.partition("?")
        recorded = Recorded(
            role=request.role,
            method=request.method,
            path=path,
            query=query,
            headers={name: request.headers[name] for name in RECORDED_HEADERS if name in request.headers},
            had_authorization="authorization" in request.headers,
            status=status,
            at_s=time.monotonic(),
            retry_after=retry_after,
        )
        with self._lock:
            self._requests.append(recorded)

    def _pass_gate(self, name: str) -> None:
        gate = self.gate(name)
        if not self._stopped.is_set():
            gate.wait()


def _world(catalogue: Catalogue, endpoints: Endpoints, signature_seconds: int) -> World:
    stored = {
        civitai_download.storage_path(model, version, file): file.content
        for model, version in civitai_download.places(catalogue)
        for file in version.files
    }
    stored |= {registry.storage_path(file): file.content for file in catalogue.github}
    cached = {
        huggingface_files.cdn_path(repo, file): file.content
        for repo in catalogue.huggingface
        for file in repo.files
        if file.lfs
    }
    signer = Signer(secret=secrets.token_bytes(16), lifetime_seconds=signature_seconds)
    return World(catalogue=catalogue, endpoints=endpoints, signer=signer, stored=stored, cached=cached)


def main(arguments: list[str] | None = None) -> int:
    """Serve until standard input ends; see the module's text."""
    parser = argparse.ArgumentParser(prog="python -m comfyfixer.demo.hub")
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--faults", type=Path)
    options = parser.parse_args(arguments)
    catalogue = _catalogue(options.catalogue)
    faults = msgspec.json.decode(options.faults.read_bytes(), type=Faults) if options.faults else Faults()
    with Hub(catalogue, faults) as hub:
        _say(msgspec.structs.asdict(hub.endpoints) | {"environment": hub.environment()})
        for line in sys.stdin:
            _obey(hub, line.split())
    return 0


def _catalogue(path: Path | None) -> Catalogue:
    if path is not None:
        return msgspec.json.decode(path.read_bytes(), type=Catalogue)
    from comfyfixer.demo.sample import sample_catalogue

    return sample_catalogue()


def _obey(hub: Hub, words: list[str]) -> None:
    if words[:1] == ["open"]:
        hub.gate(words[1] if len(words) > 1 else "gate").open()
    elif words == ["requests"]:
        _say(hub.requests)


def _say(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
