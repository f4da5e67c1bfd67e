"""Hugging Face: exact names in listings, in found repositories, by cards."""

import pytest

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import Plain, Weights, sha256_of
from comfyfixer.demo.faults import Faults, server_error
from comfyfixer.errors import SourceError
from tests.net.loopback import Given, Loopback, Seen, json
from tests.sources.bench import shop, sources_at, wanted


def _repo(name: str, *paths: str, card: str = "", gated: str | None = None) -> HuggingFaceRepo:
    files = [RepoFile(path=path, content=Weights(kind="lora", seed=f"{name}/{path}")) for path in paths]
    readme = RepoFile(path="README.md", content=Plain(card.encode()), lfs=False)
    return HuggingFaceRepo(id=name, files=(readme, *files), gated=gated)


def _catalogue(*repos: HuggingFaceRepo) -> Catalogue:
    return Catalogue(huggingface=repos)


def test_a_publishers_file_is_found_in_the_listing_with_hash_and_folder() -> None:
    repo = _repo("Comfy-Org/Harbor_repackaged", "split_files/vae/harbor_vae.safetensors")
    with shop(_catalogue(repo)) as here:
        (found,) = here.huggingface.search(wanted("harbor_vae.safetensors", "vae"))
    assert found.sha256 == sha256_of(repo.files[1].content)
    assert (found.repo_id, found.folders, found.found_by) == ("Comfy-Org/Harbor_repackaged", ("vae",), "search")


def test_a_repository_is_found_by_words_of_the_name() -> None:
    with shop(_catalogue(_repo("somebody/harbor-rain-lora", "deep/harbor_rain_v2.safetensors"))) as here:
        (found,) = here.huggingface.search(wanted("harbor_rain_v2.safetensors"))
    assert found.repo_path == "deep/harbor_rain_v2.safetensors"


def test_a_repository_is_found_by_its_card() -> None:
    repo = _repo("somebody/things", "film_grain.safetensors", card="Use `film_grain.safetensors` in ComfyUI.")
    with shop(_catalogue(repo)) as here:
        (found,) = here.huggingface.search(wanted("film_grain.safetensors"))
    assert found.repo_id == "somebody/things"


def test_every_file_of_the_name_is_told_so_that_different_bytes_are_seen() -> None:
    repos = [_repo(f"maker{number}/harbor-rain", "harbor_rain.safetensors") for number in range(8)]
    with shop(_catalogue(*repos)) as here:
        found = list(here.huggingface.search(wanted("harbor_rain.safetensors")))
        details = [path for path in here.asked if "blobs=true" in path]
    assert len(found) == 8
    assert len({candidate.sha256 for candidate in found}) > 1
    assert len(details) == 5


def test_the_end_of_a_name_is_not_the_name() -> None:
    with shop(_catalogue(_repo("somebody/harbor-rain", "not_harbor_rain.safetensors"))) as here:
        found = list(here.huggingface.search(wanted("harbor_rain.safetensors")))
    assert [candidate.filename for candidate in found] == ["not_harbor_rain.safetensors"]


def test_similar_names_are_told_only_without_an_exact_one_and_few() -> None:
    paths = [f"harbor_rain_v{number}.safetensors" for number in range(1, 9)]
    with shop(_catalogue(_repo("somebody/harbor-rain", *paths))) as here:
        exact = list(here.huggingface.search(wanted("harbor_rain_v3.safetensors")))
        similar = list(here.huggingface.search(wanted("harbor_rain_v9.safetensors")))
    assert [candidate.filename for candidate in exact] == ["harbor_rain_v3.safetensors"]
    assert len(similar) == 3
    assert all(candidate.sha256 for candidate in similar)


def test_a_gated_repository_is_told_as_one() -> None:
    with shop(_catalogue(_repo("tideway/river-dev", "river_dev.safetensors", gated="auto"))) as here:
        (found,) = here.huggingface.search(wanted("river_dev.safetensors", "diffusion_models"))
        assert found.page_url == f"{here.hub.huggingface_endpoint}/tideway/river-dev"
    assert found.access == "gated"


def test_a_name_that_many_files_carry_is_only_looked_up_at_publishers() -> None:
    repos = (_repo("Kijai/a", "vae/model.safetensors"), _repo("somebody/model", "model.safetensors"))
    with shop(_catalogue(*repos)) as here:
        found = list(here.huggingface.search(wanted("model.safetensors")))
        assert all("author=" in path or "blobs=" in path for path in here.asked)
    assert [candidate.repo_id for candidate in found] == ["Kijai/a"]


def test_what_was_found_stays_found_when_another_question_has_no_answer() -> None:
    faults = Faults((server_error(role="huggingface", path="full-text", times=None),))
    with shop(_catalogue(_repo("Kijai/a", "harbor_rain.safetensors")), faults) as here:
        search = here.huggingface.search(wanted("harbor_rain.safetensors"))
        assert next(search).repo_id == "Kijai/a"
        with pytest.raises(SourceError) as caught:
            next(search)
    assert caught.value.code == "hub-error"


def test_nothing_is_asked_twice() -> None:
    repo = _repo("Comfy-Org/Harbor", "harbor_a.safetensors", "harbor_b.safetensors")
    with shop(_catalogue(repo)) as here:
        for name in ("harbor_a.safetensors", "harbor_b.safetensors", "harbor_a.safetensors"):
            assert list(here.huggingface.search(wanted(name)))
        assert len(here.asked) == len(set(here.asked))


def test_a_long_listing_is_read_page_by_page_from_the_configured_host_and_never_for_ever() -> None:
    def answer(seen: Seen) -> Given:
        if "author=Kijai" not in seen.target:
            return json("[]" if "full-text" not in seen.target else '{"hits": []}')
        page = '[{"id": "Kijai/a", "siblings": [{"rfilename": "other_thing.safetensors"}]}]'
        return json(
            page, 200, ("Link", f'<https://elsewhere.example/api/models?cursor=c{len(server.seen)}>; rel="next"')
        )

    with Loopback(answer) as server, sources_at(server.url, server.url) as (_, _civitai, huggingface):
        assert list(huggingface.search(wanted("harbor_rain.safetensors"))) == []
        assert len([seen for seen in server.seen if "author=Kijai" in seen.target]) == 3


def test_names_that_lead_elsewhere_are_passed_over() -> None:
    def answer(seen: Seen) -> Given:
        if "full-text" in seen.target:
            return json('{"hits": [{"repoOwner": "..", "repoName": "../etc"}, {"repoOwner": 5}]}')
        return json(
            '[{"id": "../../x/y", "siblings": [{"rfilename": "other_thing.safetensors"}]},'
            ' {"id": "a/b", "siblings": [{"rfilename": "x/\\u202eharbor_rain.safetensors"}, {"rfilename": 7}, null]}]'
        )

    with Loopback(answer) as server, sources_at(server.url, server.url) as (_, _civitai, huggingface):
        assert list(huggingface.search(wanted("harbor_rain.safetensors"))) == []
