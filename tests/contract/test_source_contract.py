"""What every source promises, each against a hub that answers as the real one does.

For a source of another package: copy this file, put the source into `CASES` with a file that its catalogue has, and let
`whole_shop` lead it to a server of your own on loopback.
"""

from collections.abc import Callable

import msgspec
import pytest

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile, Upscaler
from comfyfixer.demo.content import Weights, sha256_of
from comfyfixer.demo.faults import Down, Faults, Reply, Truncated, html_page, server_error
from comfyfixer.demo.sample import sample_catalogue
from comfyfixer.errors import CODES, NotThere, SourceError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel
from comfyfixer.sources.source import Source
from tests.sources.bench import Shop, lead, linked, wanted, whole_shop

HUB = "https://huggingface.co"
MIRRORED, UPSCALER = Weights(kind="lora", seed="mirrored"), Weights(kind="upscaler", seed="mirror")
LEAD = lead("harbor_rain_v2.safetensors", f"{HUB}/harborworks/harbor-rain-lora/resolve/main/harbor_rain_v2.safetensors")
Pick = Callable[[Shop], Source]
CASES: dict[str, tuple[Pick, MissingModel]] = {
    "workflow": (
        lambda here: here.workflow,
        linked("aurora_xl_v2.safetensors", f"{HUB}/northern-light/aurora-xl/resolve/main/aurora_xl_v2.safetensors"),
    ),
    "civitai": (lambda here: here.civitai, wanted("ink_wash_landscape_v3.safetensors")),
    "huggingface": (lambda here: here.huggingface, wanted("harbor_rain_v2.safetensors")),
    "indexes": (lambda here: here.sources["indexes"], wanted("harbor_rain_v2.safetensors")),
    "openmodeldb": (lambda here: here.sources["openmodeldb"], wanted("4x_mirror.safetensors", "upscale_models")),
    "modelscope": (
        lambda here: here.sources["modelscope"],
        wanted("mirrored_rain.safetensors", hashes={"sha256": sha256_of(MIRRORED)}),
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Pick, MissingModel]:
    return CASES[request.param]


@pytest.fixture
def catalogue() -> Catalogue:
    """The sample's, and what smaller places have."""
    release = "https://github.com/o/r/releases/download/v1/4x_mirror.safetensors"
    mirror = HuggingFaceRepo(
        id="harborworks/mirrored-rain", files=(RepoFile(path="mirrored_rain.safetensors", content=MIRRORED),)
    )
    return msgspec.structs.replace(
        sample_catalogue(),
        upscalers=(Upscaler(id="4x-Mirror", name="Mirror", urls=(release,), content=UPSCALER),),
        modelscope=(mirror,),
    )


def test_the_file_is_found_and_addressed_by_what_stays(case: tuple[Pick, MissingModel], catalogue: Catalogue) -> None:
    pick, missing = case
    with whole_shop(catalogue, None, LEAD) as here:
        found = list(pick(here).search(missing))
        best = found[0]
        assert best.filename == missing.filename
        assert best.sha256 in _all_hashes(catalogue)
        assert best.size_bytes
        assert best.download_url.startswith(tuple(here.hub.environment().values()))
        assert len({candidate.id for candidate in found}) == len(found)


def test_facts_are_sentences_and_hashes_are_lower_case(case: tuple[Pick, MissingModel], catalogue: Catalogue) -> None:
    pick, missing = case
    with whole_shop(catalogue, None, LEAD) as here:
        for candidate in pick(here).search(missing):
            assert all(value == value.lower() for value in candidate.hashes.values())
            assert all(fact.detail[0].isupper() and len(fact.detail) > 15 for fact in candidate.evidence)


def test_asking_again_gives_the_same_and_sends_nothing(case: tuple[Pick, MissingModel], catalogue: Catalogue) -> None:
    pick, missing = case
    with whole_shop(catalogue, None, LEAD) as here:
        first = list(pick(here).search(missing))
        requests = len(here.asked)
        assert list(pick(here).search(missing)) == first
        assert len(here.asked) == requests


def test_what_nobody_has_is_not_found_without_an_error(case: tuple[Pick, MissingModel], catalogue: Catalogue) -> None:
    pick, _ = case
    with whole_shop(catalogue, None, LEAD) as here:
        assert list(pick(here).search(wanted("zzyzx_qwrty_unheard.safetensors"))) == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (html_page(times=None), "hub-bad-answer"),
        (Truncated(times=None, keep_bytes=15), "hub-bad-answer"),
        (Down(times=None), "hub-unreachable"),
        (server_error(times=None), "hub-error"),
        (Reply(times=None, status=429, body="{}"), "hub-rate-limited"),
        (Reply(times=None, status=401, body="{}"), "hub-refused"),
        (Reply(times=None, status=451, body="{}"), "hub-region-blocked"),
    ],
)
def test_no_answer_is_an_error_with_a_code_and_a_hint(
    case: tuple[Pick, MissingModel], catalogue: Catalogue, fault: Reply, code: str
) -> None:
    pick, missing = case
    with whole_shop(catalogue, Faults((fault,)), LEAD) as here, pytest.raises(SourceError) as caught:
        list[Candidate](pick(here).search(missing))
    assert not isinstance(caught.value, NotThere)
    assert caught.value.code == code
    assert caught.value.code in CODES
    assert caught.value.hint


def _all_hashes(catalogue: Catalogue) -> set[str]:
    of_civitai = [file.content for model in catalogue.civitai for version in model.versions for file in version.files]
    of_huggingface = [file.content for repo in catalogue.huggingface for file in repo.files]
    return {sha256_of(content) for content in (*of_civitai, *of_huggingface, MIRRORED, UPSCALER)}
