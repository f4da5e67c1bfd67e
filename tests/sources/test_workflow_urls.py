"""What workflows say, asked from the hubs."""

import pytest

from comfyfixer.demo.catalogue import (
    Catalogue,
    CivitaiFile,
    CivitaiModel,
    CivitaiVersion,
    GitHubFile,
    HuggingFaceRepo,
    RepoFile,
)
from comfyfixer.demo.content import Plain, Weights, sha256_of, size_of
from comfyfixer.demo.faults import Faults, Reply, server_error
from comfyfixer.errors import NotThere, SourceError
from tests.sources.bench import kinds, linked, searched, shop

ONE, TWO = Weights(kind="lora", seed="one"), Weights(kind="lora", seed="two")
REPO = HuggingFaceRepo(
    id="owner/rain",
    files=(
        RepoFile(path="split_files/loras/rain.safetensors", content=ONE),
        RepoFile(path="other.safetensors", content=TWO),
    ),
    former_ids=("before/rain",),
    revisions=("main", "v2"),
)  # fmt: skip
MODEL = CivitaiModel(
    id=11,
    name="Soft Light",
    type="LORA",
    versions=(
        CivitaiVersion(
            id=21,
            name="v1",
            files=(
                CivitaiFile(id=31, name="soft.safetensors", content=ONE, primary=True),
                CivitaiFile(id=32, name="soft_small.safetensors", content=TWO, fp="fp8"),
            ),
        ),
    ),
)
CLOSED = HuggingFaceRepo(id="owner/closed", files=(RepoFile(path="c.safetensors", content=ONE),), gated="manual")
ALL = Catalogue(
    huggingface=(REPO, CLOSED),
    civitai=(MODEL,),
    github=(GitHubFile(path="/o/r/releases/download/v1/up.pth", content=Plain(b"x" * 100)),),
)  # fmt: skip
RELEASE_FILE = "https://github.com/o/r/releases/download/v1/up.pth"
OTHER_RELEASE = "https://github.com/o/r/releases/download/v2/up.pth"
FILE = "https://huggingface.co/owner/rain/resolve/main/split_files/loras/rain.safetensors"


def test_a_file_at_hugging_face_comes_with_size_hash_and_place_at_the_configured_end_point() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("rain.safetensors", FILE))
        assert found.download_url.startswith(f"{here.hub.huggingface_endpoint}/owner/rain/resolve/main/")
    assert (found.size_bytes, found.sha256) == (size_of(ONE), sha256_of(ONE))
    assert (found.found_by, found.access, found.folders) == ("workflow-url", "open", ("loras",))
    assert found.id == "huggingface:owner/rain@main/split_files/loras/rain.safetensors"
    assert kinds(found) == {"workflow-url"}


@pytest.mark.parametrize(
    "url",
    [
        "https://huggingface.co/before/rain/blob/main/split_files/loras/rain.safetensors?download=true",
        "hf://before/rain/split_files/loras/rain.safetensors",
    ],
)
def test_a_renamed_repository_and_other_spellings_are_the_same_file(url: str) -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("rain.safetensors", url))
        assert len(here.asked) == 2
    assert found.id == "huggingface:owner/rain@main/split_files/loras/rain.safetensors"


def test_another_revision_is_asked_for() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(
            linked("other.safetensors", "https://huggingface.co/owner/rain/resolve/v2/other.safetensors")
        )
    assert (found.revision, found.sha256) == ("v2", sha256_of(TWO))
    assert "/resolve/v2/" in found.download_url


def test_a_file_that_was_renamed_by_the_workflow_is_still_that_file() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("my_rain.safetensors", FILE))
    assert found.filename == "rain.safetensors"
    assert kinds(found) == {"workflow-url"}


def test_a_link_in_a_note_is_told_as_one() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("rain.safetensors", FILE, origin="note"))
    assert kinds(found) == {"note-url"}
    assert "note" in found.evidence[0].detail


def test_a_repository_is_a_place_to_look_for_the_exact_name() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("rain.safetensors", "https://huggingface.co/owner/rain", origin="note"))
        assert list(here.workflow.search(linked("ain.safetensors", "https://huggingface.co/owner/rain"))) == []
    assert (found.found_by, found.sha256, kinds(found)) == ("repository", sha256_of(ONE), {"repository"})


def test_a_file_that_moved_inside_its_repository_is_found_there_and_the_move_is_told() -> None:
    url = "https://huggingface.co/owner/rain/resolve/main/rain.safetensors"
    with shop(ALL) as here:
        search = here.workflow.search(linked("rain.safetensors", url))
        found = next(search)
        assert (found.found_by, kinds(found)) == ("repository", {"repository"})
        with pytest.raises(NotThere, match=r"has no file `rain.safetensors`"):
            next(search)


def test_every_address_is_asked_and_each_file_says_which_led_to_it() -> None:
    moved = "https://huggingface.co/owner/rain/resolve/main/rain.safetensors"
    again = "https://huggingface.co/before/rain/resolve/main/split_files/loras/rain.safetensors"
    civitai = "https://civitai.com/api/download/models/21?fileId=32"
    many = [f"https://huggingface.co/nobody/gone{number}/resolve/main/rain.safetensors" for number in range(14)]
    with shop(ALL) as here:
        found, error = searched(here.workflow, linked("rain.safetensors", *many, FILE, again, moved, civitai))
    assert [(one.source, one.workflow_urls) for one in found] == [
        ("huggingface", (FILE,)),
        ("huggingface", (again,)),
        ("huggingface", ()),
        ("civitai", (civitai,)),
    ]
    assert isinstance(error, NotThere)
    assert all(url in error.message for url in many)


def test_more_addresses_than_are_asked_leave_the_question_open() -> None:
    with shop(ALL) as here:
        found, error = searched(here.workflow, linked("rain.safetensors", FILE, *(f"x{at}" for at in range(50))))
    assert len(found) == 1
    assert error is not None
    assert not isinstance(error, NotThere)


@pytest.mark.parametrize("revision", ["0" * 40, "refs/pr/1", "refs%2Fpr%2F1", "fp16"])
@pytest.mark.parametrize("page", ["resolve", "tree"])
def test_the_address_of_a_revision_that_is_gone_is_not_answered_by_another_revision(page: str, revision: str) -> None:
    url = f"https://huggingface.co/owner/rain/{page}/{revision}/other.safetensors"
    with shop(ALL) as here:
        found, error = searched(here.workflow, linked("other.safetensors", url))
    assert found == []
    assert isinstance(error, NotThere)


def test_the_page_of_a_revision_is_a_place_to_look_at_that_revision() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("rain.safetensors", "https://huggingface.co/owner/rain/tree/v2"))
    assert (found.revision, found.found_by, found.workflow_urls) == ("v2", "repository", ())
    assert found.sha256 == sha256_of(ONE)


@pytest.mark.parametrize(
    "url",
    [
        "https://civitai.com/models/11?modelVersionId=21",
        "https://civitai.red/models/11/soft-light?modelVersionId=21",
        "https://civitai.com/api/v1/model-versions/21",
        "urn:air:sdxl:lora:civitai:11@21",
    ],
)
def test_the_page_of_a_version_with_several_files_is_a_place_to_look(url: str) -> None:
    with shop(ALL) as here:
        found, error = searched(here.workflow, linked("soft_small.safetensors", url))
    assert [(one.file_id, kinds(one), one.workflow_urls) for one in found] == [(32, {"repository"}, ())]
    assert isinstance(error, NotThere)


def test_the_page_of_a_version_with_one_file_means_that_file() -> None:
    version = CivitaiVersion(id=22, name="v1", files=(CivitaiFile(id=33, name="one.safetensors", content=ONE),))
    model = CivitaiModel(id=12, name="One", type="LORA", versions=(version,))
    url = "https://civitai.com/models/12?modelVersionId=22"
    with shop(Catalogue(civitai=(model,))) as here:
        (found,) = here.workflow.search(linked("other.safetensors", url))
    assert (found.file_id, kinds(found), found.workflow_urls) == (33, {"workflow-url"}, (url,))


def test_a_download_address_without_a_file_means_the_primary_one_whatever_is_wanted() -> None:
    with shop(ALL) as here:
        url = "https://civitai.com/api/download/models/21"
        first, second = here.workflow.search(linked("soft_small.safetensors", url))
    assert (first.file_id, kinds(first)) == (31, {"workflow-url"})
    assert (second.file_id, kinds(second)) == (32, {"repository"})


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/o/r/archive/refs/tags/v1.zip", "v1.zip"),
        ("https://github.com/o/r/releases/download/v1/up%2B.pth", "up+.pth"),
        ("https://github.com/o/r", "r"),
    ],
)
def test_what_an_address_gives_has_no_other_name_than_it_has_there(url: str, name: str) -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("up.pth", url))
        assert list(here.workflow.search(linked("up.pth", url, origin="note"))) == []
    assert (found.filename, found.workflow_urls) == (name, (url,))


def test_an_address_without_a_name_is_of_no_file() -> None:
    with shop(ALL) as here:
        found, error = searched(here.workflow, linked("up.pth", "https://github.com/o/r/"))
    assert found == []
    assert isinstance(error, NotThere)


def test_a_dead_address_is_told_and_the_next_one_is_asked() -> None:
    dead = "https://huggingface.co/nobody/gone/resolve/main/rain.safetensors"
    with shop(ALL) as here:
        search = here.workflow.search(linked("rain.safetensors", dead, FILE))
        assert next(search).sha256 == sha256_of(ONE)
        with pytest.raises(NotThere, match="nobody/gone"):
            next(search)


def test_a_hub_with_a_fault_leaves_the_question_open() -> None:
    faults = Faults((server_error(role="huggingface", times=None),))
    with shop(ALL, faults) as here, pytest.raises(SourceError) as caught:
        list(here.workflow.search(linked("rain.safetensors", FILE)))
    assert caught.value.code == "hub-error"


def test_a_gated_file_is_known_before_the_licence_is_accepted() -> None:
    with shop(ALL) as here:
        url = "https://huggingface.co/owner/closed/resolve/main/c.safetensors"
        (found,) = here.workflow.search(linked("c.safetensors", url))
    assert (found.access, found.sha256) == ("gated", sha256_of(ONE))


@pytest.mark.parametrize(
    ("filename", "url", "file_id"),
    [
        ("anything.safetensors", "https://civitai.com/api/download/models/21", 31),
        ("anything.safetensors", "https://civitai.com/api/download/models/21?type=Model&format=SafeTensor&fp=fp8", 32),
        ("anything.safetensors", "https://civitai.com/api/download/models/21?fileId=32&token=***", 32),
        ("anything.safetensors", "urn:air:sdxl:lora:civitai:11@21+32", 32),
    ],
)
def test_an_address_of_civitai_means_one_file(filename: str, url: str, file_id: int) -> None:
    with shop(ALL) as here:
        found = next(here.workflow.search(linked(filename, url)))
        assert found.download_url == f"{here.hub.civitai_endpoint}/api/download/models/21?fileId={file_id}"
    assert (found.model_id, found.version_id, found.file_id) == (11, 21, file_id)
    assert kinds(found) == {"workflow-url"}


def test_a_models_page_is_a_place_to_look_for_the_exact_name() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("soft_small.safetensors", "https://civitai.com/models/11"))
        assert list(here.workflow.search(linked("hard.safetensors", "https://civitai.com/models/11"))) == []
    assert (found.file_id, found.found_by) == (32, "repository")


def test_a_file_of_a_github_release_has_the_size_and_hash_that_githubs_api_tells() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("up.pth", RELEASE_FILE))
        assert found.download_url == f"{here.hub.endpoints.github}/o/r/releases/download/v1/up.pth"
    content = ALL.github[0].content
    assert (found.source, found.size_bytes, kinds(found)) == ("url", size_of(content), {"workflow-url"})
    assert found.hashes == {"sha256": sha256_of(content)}


@pytest.mark.parametrize(
    "fault", [server_error(times=None, role="github"), Reply(times=None, role="github", status=403)]
)
def test_a_release_of_which_the_api_tells_nothing_is_a_candidate_all_the_same(fault: Reply) -> None:
    with shop(ALL, Faults((fault,))) as here:
        found, again = (next(here.workflow.search(linked("up.pth", url))) for url in (RELEASE_FILE, OTHER_RELEASE))
        asked_once = {request.path for request in here.hub.requests_to("github")}
    assert (found.size_bytes, found.hashes) == (again.size_bytes, again.hashes) == (None, {})
    assert asked_once == {"/api/v3/repos/o/r/releases/tags/v1"}


def test_a_host_that_is_not_allowed_is_shown_with_the_reason_and_not_asked() -> None:
    with shop(ALL) as here:
        (found,) = here.workflow.search(linked("x.pth", "https://evil.example/x.pth"))
        assert here.asked == []
    assert kinds(found) == {"workflow-url", "not-allowed-host"}
    assert "evil.example" in next(fact.detail for fact in found.evidence if fact.kind == "not-allowed-host")


def test_a_signed_address_is_no_candidate_and_its_signature_is_not_told() -> None:
    with shop(ALL) as here, pytest.raises(NotThere) as caught:
        list(here.workflow.search(linked("x.pth", "https://b2.civitai.com/x.pth?Authorization=s3cret")))
    assert "s3cret" not in caught.value.message
    assert "***" in caught.value.message


def test_text_that_is_no_address_is_passed_over() -> None:
    with shop(ALL) as here:
        assert list(here.workflow.search(linked("x.pth", "see the readme", "file:///etc/passwd"))) == []
        assert here.asked == []
