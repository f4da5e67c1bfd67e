"""What indexes name, asked from the hubs themselves."""

import msgspec
import pytest

from comfyfixer.demo.catalogue import Catalogue, GitHubFile, HuggingFaceRepo, ListedModel, RepoFile
from comfyfixer.demo.content import Plain, Weights, sha256_of, size_of
from comfyfixer.demo.faults import Down, Faults, server_error
from comfyfixer.demo.hub import Hub
from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.candidate import Findings
from comfyfixer.model.decision import Ask, Fetch
from comfyfixer.resolve.decide import decide
from tests.sources.bench import all_sources, kinds, lead, wanted

ONE, TWO = Weights(kind="lora", seed="one"), Weights(kind="lora", seed="two")
SITE = "https://huggingface.co"
FLAT = f"{SITE}/owner/rain/resolve/main/rain.safetensors"
ALL = Catalogue(
    huggingface=(
        HuggingFaceRepo(id="owner/rain", files=(RepoFile(path="rain.safetensors", content=ONE),)),
        HuggingFaceRepo(id="copies/rain-two", files=(RepoFile(path="rain.safetensors", content=TWO),)),
        HuggingFaceRepo(id="many/x", files=(RepoFile(path="a/model.safetensors", content=ONE),)),
    ),
    github=(GitHubFile(path="/o/r/releases/download/v1/up.pth", content=Plain(b"x" * 100)),),
    listed=(ListedModel(filename="rain.safetensors", url=FLAT, save_path="loras/rainy"),),
)


def test_a_named_file_comes_with_the_hubs_size_and_hash_and_the_indexs_folder() -> None:
    with Hub(ALL) as hub, all_sources(hub, lead("rain.safetensors", FLAT)) as sources:
        (found,) = sources["indexes"].search(wanted("rain.safetensors"))
    assert (found.source, found.found_by, found.workflow_urls) == ("huggingface", "index", ())
    assert (found.size_bytes, found.sha256, found.folders) == (size_of(ONE), sha256_of(ONE), ("loras",))
    assert [fact.detail for fact in found.evidence] == [f"The templates names its address, for `loras`: {FLAT}"]


def test_an_index_alone_proves_nothing_and_its_folder_does_when_everybody_answered() -> None:
    missing = wanted("rain.safetensors")
    with Hub(ALL) as hub, all_sources(hub, lead("rain.safetensors", FLAT)) as sources:
        candidates = tuple(sources["indexes"].search(missing))
    assert isinstance(decide(missing, Findings(candidates=candidates)), Fetch)
    silent = Findings(candidates=candidates, unanswered={"civitai": "not asked yet"})
    assert isinstance(decide(missing, silent), Ask)


def test_two_indexes_that_name_different_bytes_are_a_doubt() -> None:
    missing = wanted("rain.safetensors")
    other = lead("rain.safetensors", f"{SITE}/copies/rain-two/resolve/main/rain.safetensors", index="manager")
    with Hub(ALL) as hub, all_sources(hub, lead("rain.safetensors", FLAT), other) as sources:
        decision = decide(missing, Findings(candidates=tuple(sources["indexes"].search(missing))))
    assert isinstance(decision, Ask)
    assert "different files" in decision.because
    assert decision.candidates[0].repo_id == "owner/rain"


@pytest.mark.parametrize("folder", ["checkpoints", None])
def test_another_folder_of_the_index_is_a_doubt_where_the_hub_tells_none(folder: str | None) -> None:
    missing = wanted("rain.safetensors")
    unlisted = msgspec.structs.replace(ALL, listed=())
    with Hub(unlisted) as hub, all_sources(hub, lead("rain.safetensors", FLAT, folder)) as sources:
        decision = decide(missing, Findings(candidates=tuple(sources["indexes"].search(missing))))
    assert isinstance(decision, Ask)


def test_a_hash_of_the_index_that_the_hub_does_not_confirm_refuses_the_file() -> None:
    named = lead("rain.safetensors", FLAT, sha256="a" * 64)
    with Hub(ALL) as hub, all_sources(hub, named) as sources:
        (found,) = sources["indexes"].search(wanted("rain.safetensors"))
    assert "contradictory" in kinds(found)


def test_only_the_exact_name_is_asked_for() -> None:
    with Hub(ALL) as hub, all_sources(hub, lead("rain.safetensors", FLAT)) as sources:
        for name in ("Rain.safetensors", "xrain.safetensors", "rain.ckpt"):
            assert list(sources["indexes"].search(wanted(name))) == []
        assert hub.requests_to("huggingface") == ()


def test_of_a_common_name_only_the_folders_own_are_shown_and_none_is_proven() -> None:
    url = f"{SITE}/many/x/resolve/main/a/model.safetensors"
    leads = [lead("model.safetensors", url, "vae"), lead("model.safetensors", url, "loras")]
    missing = wanted("model.safetensors")
    with Hub(ALL) as hub, all_sources(hub, *leads) as sources:
        found = tuple(sources["indexes"].search(missing))
    assert [candidate.folders for candidate in found] == [("loras",)]
    assert isinstance(decide(missing, Findings(candidates=found)), Ask)


def test_a_release_on_github_comes_with_the_hash_that_its_api_tells() -> None:
    named = lead("up.pth", "https://github.com/o/r/releases/download/v1/up.pth", "upscale_models", "manager")
    with Hub(ALL) as hub, all_sources(hub, named) as sources:
        (found,) = sources["indexes"].search(wanted("up.pth", "upscale_models"))
        assert found.download_url.startswith(hub.endpoints.github)
    assert (found.source, found.sha256) == ("url", sha256_of(ALL.github[0].content))


def test_what_is_gone_is_told_and_other_addresses_are_asked_all_the_same() -> None:
    gone = lead("rain.safetensors", f"{SITE}/nobody/gone/resolve/main/rain.safetensors")
    with Hub(ALL) as hub, all_sources(hub, gone, lead("rain.safetensors", FLAT)) as sources:
        searching = sources["indexes"].search(wanted("rain.safetensors"))
        assert next(searching).repo_id == "owner/rain"
        with pytest.raises(NotThere, match="nobody/gone"):
            next(searching)


def test_a_hub_that_is_silent_leaves_the_named_file_open() -> None:
    with (
        Hub(ALL, Faults((server_error(times=None, role="huggingface"),))) as hub,
        all_sources(hub, lead("rain.safetensors", FLAT)) as sources,
        pytest.raises(SourceError) as caught,
    ):
        list(sources["indexes"].search(wanted("rain.safetensors")))
    assert not isinstance(caught.value, NotThere)


def test_the_managers_channel_is_asked_once_and_only_where_no_copy_lies_here() -> None:
    with Hub(ALL) as hub, all_sources(hub) as sources:
        (found,) = sources["indexes"].search(wanted("rain.safetensors"))
        assert list(sources["indexes"].search(wanted("rain.safetensors"))) == [found]
        assert [request.path for request in hub.requests_to("manager")] == ["/model-list.json"]
    assert "ComfyUI-Manager's model list" in found.evidence[0].detail
    here = lead("other.pth", f"{SITE}/o/r/resolve/main/other.pth", index="manager")
    with Hub(ALL) as hub, all_sources(hub, here) as sources:
        assert list(sources["indexes"].search(wanted("rain.safetensors"))) == []
        assert hub.requests == ()


def test_a_channel_that_is_silent_is_told_and_leaves_nothing_open() -> None:
    with (
        Hub(ALL, Faults((Down(times=None, role="manager"),))) as hub,
        all_sources(hub) as sources,
        pytest.raises(NotThere, match="ComfyUI-Manager's model list could not be had"),
    ):
        list(sources["indexes"].search(wanted("rain.safetensors")))


def test_no_more_than_a_few_addresses_are_asked_for_one_name() -> None:
    leads = [lead("rain.safetensors", f"{SITE}/o{n}/r/resolve/main/rain.safetensors") for n in range(50)]
    with Hub(ALL) as hub, all_sources(hub, *leads) as sources:
        with pytest.raises(NotThere):
            list(sources["indexes"].search(wanted("rain.safetensors")))
        assert len(hub.requests_to("huggingface")) == 6


def test_owners_that_indexes_name_for_similar_files_are_listed_first() -> None:
    url = f"{SITE}/raincompany/stormy/resolve/main/storm_cloud_v1.safetensors"
    repo = HuggingFaceRepo(
        id="raincompany/unrelated", files=(RepoFile(path="loras/storm_cloud_v2.safetensors", content=ONE),)
    )
    with (
        Hub(Catalogue(huggingface=(repo,))) as hub,
        all_sources(hub, lead("storm_cloud_v1.safetensors", url, index="manager")) as sources,
    ):
        (found,) = sources["huggingface"].search(wanted("storm_cloud_v2.safetensors"))
        assert "author=raincompany" in hub.requests_to("huggingface")[0].query
    assert found.repo_id == "raincompany/unrelated"
