"""ModelScope as a mirror: only where it is switched on, only by an equal SHA-256."""

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import Weights, sha256_of, size_of
from comfyfixer.demo.hub import Hub
from comfyfixer.model.candidate import Findings
from comfyfixer.model.decision import Fetch
from comfyfixer.resolve.decide import decide
from tests.sources.bench import all_sources, linked, wanted

ONE, TWO = Weights(kind="lora", seed="one"), Weights(kind="lora", seed="two")
REPO = HuggingFaceRepo(
    id="owner/rain",
    files=(
        RepoFile(path="loras/rain.safetensors", content=ONE),
        RepoFile(path="other/rain.safetensors", content=TWO),
    ),
)
ALL = Catalogue(modelscope=(REPO,))
ON = ("modelscope",)
HASHES = {"sha256": sha256_of(ONE)}


def test_it_is_not_asked_unless_it_is_switched_on() -> None:
    with Hub(ALL) as hub, all_sources(hub) as sources:
        assert "modelscope" not in sources


def test_a_repository_that_the_workflow_names_is_looked_through_without_a_search() -> None:
    url = "https://huggingface.co/owner/rain/resolve/main/loras/rain.safetensors"
    missing = linked("rain.safetensors", url)
    with Hub(ALL) as hub, all_sources(hub, sources_enabled=ON) as sources:
        source = sources["modelscope"]
        found = list(source.search(wanted("rain.safetensors", urls=missing.urls, hashes=HASHES)))
        paths = [request.path for request in hub.requests_to("modelscope")]
        place = f"{hub.endpoints.modelscope}/models/owner/rain/resolve/master/loras/rain.safetensors"
    assert paths == ["/api/v1/models/owner/rain/repo/files"]
    assert [(one.sha256, one.size_bytes, one.download_url) for one in found] == [
        (HASHES["sha256"], size_of(ONE), place)
    ]


def test_the_very_bytes_are_found_by_search_and_are_proof() -> None:
    missing = wanted("rain.safetensors", hashes=HASHES)
    with Hub(ALL) as hub, all_sources(hub, sources_enabled=ON) as sources:
        found = tuple(sources["modelscope"].search(missing))
        assert len(hub.requests_to("modelscope")) == 2
    assert isinstance(decide(missing, Findings(candidates=found, unanswered={"civitai": "down"})), Fetch)


def test_other_bytes_of_the_name_are_not_even_shown() -> None:
    with Hub(ALL) as hub, all_sources(hub, sources_enabled=ON) as sources:
        assert list(sources["modelscope"].search(wanted("rain.safetensors", hashes={"sha256": "a" * 64}))) == []


def test_without_a_hash_nothing_is_asked() -> None:
    with Hub(ALL) as hub, all_sources(hub, sources_enabled=ON) as sources:
        assert list(sources["modelscope"].search(wanted("rain.safetensors"))) == []
        assert hub.requests_to("modelscope") == ()
