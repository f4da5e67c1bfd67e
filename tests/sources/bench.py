"""One search against the embedded hub, or against a server that answers as a test tells it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from comfyfixer.demo.catalogue import Catalogue
from comfyfixer.demo.faults import Faults
from comfyfixer.demo.hub import Hub
from comfyfixer.errors import SourceError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.lead import Lead
from comfyfixer.model.missing import MissingModel
from comfyfixer.net.client import Timing, make_client
from comfyfixer.settings import Endpoints, Settings
from comfyfixer.sources.plugins import Told
from comfyfixer.sources.registry import make_sources
from comfyfixer.sources.source import Source
from tests.net.loopback import FakeTime


def wanted(filename: str, folder: str | None = "loras", **more: Any) -> MissingModel:
    fields: dict[str, Any] = {
        "value": filename,
        "expected_type": "lora",
        "workflow": "w.json",
        "workflows": ("w.json",),
        "node_type": "LoraLoader",
        "node_id": "1",
        "references": (),
    }
    return MissingModel(filename=filename, folder=folder, **(fields | more))


def linked(filename: str, *urls: str, origin: str = "properties", folder: str = "loras") -> MissingModel:
    return wanted(filename, folder, urls=urls, url_origins=dict.fromkeys(urls, origin))


@contextmanager
def sources_at(civitai: str, huggingface: str, **more: Any) -> Iterator[tuple[Source, Source, Source]]:
    """Workflow URLs, Civitai, Hugging Face; time passes only in sleeps."""
    endpoints = {"civitai": civitai, "huggingface": huggingface} | more.pop("endpoints", {})
    settings = Settings(workdir="/", endpoints=Endpoints(**endpoints), timeout_seconds=5, **more)
    time = FakeTime()
    timing = Timing(wall=time.read, clock=time.read, sleep=time.sleep)
    with make_client(settings, lambda action, **details: None, cache_path=None, timing=timing) as client:
        made = {source.name: source for source in make_sources(settings, client)}
        yield made["workflow"], made["civitai"], made["huggingface"]


class Shop:
    """A hub with a catalogue, and the sources that ask it, also by their names."""

    def __init__(self, hub: Hub, sources: Mapping[str, Source]) -> None:
        self.hub = hub
        self.sources = sources
        self.workflow, self.civitai, self.huggingface = (
            sources[name] for name in ("workflow", "civitai", "huggingface")
        )

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}?{request.query}" for request in self.hub.requests]


@contextmanager
def shop(catalogue: Catalogue, faults: Faults | None = None, **settings: Any) -> Iterator[Shop]:
    with (
        Hub(catalogue, faults) as hub,
        sources_at(
            hub.civitai_endpoint,
            hub.huggingface_endpoint,
            endpoints={"github": hub.endpoints.github},
            **settings,
        ) as sources,
    ):
        yield Shop(hub, dict(zip(("workflow", "civitai", "huggingface"), sources, strict=True)))


@contextmanager
def whole_shop(catalogue: Catalogue, faults: Faults | None = None, *leads: Lead) -> Iterator[Shop]:
    """With every source that there is."""
    with Hub(catalogue, faults) as hub, all_sources(hub, *leads, sources_enabled=("modelscope",)) as sources:
        yield Shop(hub, sources)


def searched(source: Source, missing: MissingModel) -> tuple[list[Candidate], SourceError | None]:
    """What a source gave, and the error with which it ended."""
    found: list[Candidate] = []
    try:
        for candidate in source.search(missing):
            found.append(candidate)  # noqa: PERF402  # what came before an error stays
    except SourceError as error:
        return found, error
    return found, None


def kinds(candidate: Candidate) -> set[str]:
    return {fact.kind for fact in candidate.evidence}


def lead(filename: str, url: str, folder: str | None = "loras", index: str = "templates", **more: Any) -> Lead:
    return Lead(filename=filename, url=url, folder=folder, index=index, named_by=f"The {index}", **more)


@contextmanager
def all_sources(hub: Hub, *leads: Lead, told: Told | None = None, **settings: Any) -> Iterator[dict[str, Source]]:
    """Every source that the settings want, by its name, at the embedded hub's end points."""
    roles = {name: getattr(hub.endpoints, name) for name in Endpoints.__struct_fields__}
    chosen = Settings(workdir="/", endpoints=Endpoints(**roles), timeout_seconds=5, **settings)
    time = FakeTime()
    timing = Timing(wall=time.read, clock=time.read, sleep=time.sleep)
    with make_client(chosen, lambda action, **details: None, cache_path=None, timing=timing) as client:
        made = make_sources(chosen, client, read_leads=lambda: leads, told=told or (lambda problem: None))
        yield {source.name: source for source in made}
