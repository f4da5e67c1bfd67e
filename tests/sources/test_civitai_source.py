"""Civitai: hashes, words, names, kinds, access."""

import pytest

from comfyfixer.demo.catalogue import Catalogue, CivitaiFile, CivitaiModel, CivitaiVersion
from comfyfixer.demo.content import Weights, crc32_of, sha256_of, size_of
from comfyfixer.demo.faults import Faults, Reply, html_page
from comfyfixer.errors import SourceError
from comfyfixer.sources.source import prepared
from tests.net.loopback import Given, Loopback, Seen, json
from tests.sources.bench import kinds, searched, shop, sources_at, wanted


def _content(seed: str) -> Weights:
    return Weights(kind="lora", seed=seed)


def _model(
    number: int, name: str, *files: str, kind: str = "LORA", level: int = 1, access: str = "open", version: str = "v1"
) -> CivitaiModel:
    rows = tuple(
        CivitaiFile(id=number * 10 + at, name=file, content=_content(file + str(number)), primary=at == 0)
        for at, file in enumerate(files)
    )
    return CivitaiModel(
        id=number,
        name=name,
        type=kind,
        level=level,
        versions=(CivitaiVersion(id=number + 1000, name=version, files=rows, access=access),),
    )


INK = _model(1, "Ink Wash Landscape", "ink_wash_v3.safetensors", level=8)


def test_a_hash_finds_the_file_with_one_request_and_no_search() -> None:
    digest = sha256_of(_content("ink_wash_v3.safetensors1"))
    with shop(Catalogue(civitai=(INK,))) as here:
        (found,) = here.civitai.search(wanted("renamed.safetensors", hashes={"sha256": digest}))
        assert len(here.asked) == 1
        assert found.download_url == f"{here.hub.civitai_endpoint}/api/download/models/1001?fileId=10"
    assert (found.found_by, found.sha256, found.size_bytes) == (
        "hash",
        digest,
        size_of(_content("ink_wash_v3.safetensors1")),
    )
    assert found.hashes["crc32"] == crc32_of(_content("ink_wash_v3.safetensors1")).lower()
    assert (found.kind, found.folders) == ("LORA", ("loras",))


def test_many_hashes_are_one_question() -> None:
    names = [f"ink_{number}.safetensors" for number in range(5)]
    models = [_model(number + 1, f"Ink {number}", name) for number, name in enumerate(names)]
    digests = [sha256_of(_content(f"{name}{number + 1}")) for number, name in enumerate(names)]
    rows = [wanted(f"renamed_{digest}.safetensors", hashes={"sha256": digest}) for digest in (*digests, "a" * 64)]
    with shop(Catalogue(civitai=tuple(models))) as here:
        prepared([here.civitai], rows)
        found = [[candidate.sha256 for candidate in here.civitai.search(row)] for row in rows[:5]]
        assert [path for path in here.asked if "by-hash" in path] == ["POST /api/v1/model-versions/by-hash?"]
        assert len(here.asked) == 1
        assert list(here.civitai.search(rows[5])) == []
        assert not [path for path in here.asked if path.startswith("GET /api/v1/model-versions/by-hash")]
    assert found == [[digest] for digest in digests]


def test_where_many_hashes_get_no_answer_each_is_asked_for() -> None:
    rows = [wanted("a.safetensors", hashes={"sha256": sha256_of(_content("ink_wash_v3.safetensors1"))})]
    rows.append(wanted("b.safetensors", hashes={"sha256": "b" * 64}))
    fault = Reply(role="civitai", method="POST", times=None, status=404, body="{}")
    with shop(Catalogue(civitai=(INK,)), Faults((fault,))) as here:
        prepared([here.civitai], rows)
        assert [candidate.filename for candidate in here.civitai.search(rows[0])] == ["ink_wash_v3.safetensors"]


def test_a_short_hash_is_followed_by_a_look_at_the_stored_name() -> None:
    copper = _model(3, "Copper Valley", "copper-final.safetensors", kind="Checkpoint", version="v4.0")
    digest = sha256_of(_content("copper-final.safetensors3"))[:10]
    with shop(Catalogue(civitai=(copper,))) as here:
        found = here.civitai.search(wanted("copper-final.safetensors", "checkpoints", hashes={"autov2": digest}))
        assert "copper-final.safetensors" in next(iter(found)).alternative_names


def test_a_namesake_in_a_model_of_fewer_words_is_seen() -> None:
    models = (_model(1, "Ink Wash", "ink_wash.safetensors"), _model(2, "Ink - Style", "ink_wash.safetensors"))
    with shop(Catalogue(civitai=models)) as here:
        assert {found.model_id for found in here.civitai.search(wanted("ink_wash.safetensors"))} == {1, 2}


def test_only_the_file_of_the_version_that_has_the_hash_is_found() -> None:
    pair = _model(2, "Pair", "a.safetensors", "b.safetensors")
    with shop(Catalogue(civitai=(pair,))) as here:
        digest = sha256_of(_content("b.safetensors2"))[:10]
        found = list(here.civitai.search(wanted("zzz.safetensors", hashes={"autov2": digest})))
    assert [candidate.filename for candidate in found] == ["b.safetensors"]


def test_a_model_without_a_harmless_picture_is_found() -> None:
    with shop(Catalogue(civitai=(INK,))) as here:
        (found,) = here.civitai.search(wanted("ink_wash_v3.safetensors"))
        assert "nsfw=true" in here.asked[0]
        assert "types=LORA&types=LoCon&types=DoRA" in here.asked[0]
    assert (found.model_name, found.version_name, found.found_by) == ("Ink Wash Landscape", "v1", "search")


def test_a_checkpoint_is_known_under_its_derived_name() -> None:
    copper = _model(3, "Copper Valley", "coppervalley-four-final.safetensors", kind="Checkpoint", version="v4.0")
    with shop(Catalogue(civitai=(copper,))) as here:
        (found,) = here.civitai.search(wanted("copperValley_v40.safetensors", "checkpoints"))
    assert found.filename == "copperValley_v40.safetensors"


def test_a_checkpoint_is_known_under_its_uploaded_name() -> None:
    copper = _model(3, "Copper Valley", "copper_valley_four.safetensors", kind="Checkpoint", version="v4.0")
    with shop(Catalogue(civitai=(copper,))) as here:
        (found,) = here.civitai.search(wanted("copper_valley_four.safetensors", "checkpoints"))
    assert "copper_valley_four.safetensors" in found.alternative_names


def test_every_file_of_exactly_the_name_is_told_and_few_others() -> None:
    same = [_model(number, f"Soft Lighting {number}", "soft_lighting.safetensors") for number in range(10, 18)]
    near = [
        _model(number, f"Soft Lighting {number}", f"soft_lighting_{number}.safetensors") for number in range(20, 28)
    ]
    with shop(Catalogue(civitai=(*same, *near)), max_results=3) as here:
        found = list(here.civitai.search(wanted("soft_lighting.safetensors")))
    names = [candidate.filename for candidate in found]
    assert names.count("soft_lighting.safetensors") == 8
    assert len(names) == 11


def test_a_name_that_is_not_alike_enough_is_not_told() -> None:
    with shop(Catalogue(civitai=(_model(5, "Ink Machine", "ink_machine_of_doom.safetensors"),))) as here:
        assert list(here.civitai.search(wanted("ink_drops_on_paper.safetensors"))) == []


def test_a_name_that_many_files_carry_is_not_searched() -> None:
    with shop(Catalogue(civitai=(_model(5, "Model", "model.safetensors"),))) as here:
        assert list(here.civitai.search(wanted("model.safetensors"))) == []
        assert here.asked == []


@pytest.mark.parametrize(("access", "told"), [("open", "open"), ("disabled", "download-disabled")])
def test_access_is_told(access: str, told: str) -> None:
    model = _model(6, "Gate", "gate_one.safetensors", access=access)
    digest = sha256_of(_content("gate_one.safetensors6"))
    with shop(Catalogue(civitai=(model,))) as here:
        (found,) = here.civitai.search(wanted("gate_one.safetensors", hashes={"sha256": digest}))
    assert found.access == told


@pytest.mark.parametrize(
    ("version", "access"),
    [
        ('"paidAccess": {"permanent": false, "endsAt": null}', "early-access"),
        ('"paidAccess": {"permanent": false, "endsAt": "2020-01-01T00:00:00.000Z"}', "open"),
        ('"paidAccess": {"permanent": true}', "early-access"),
        ('"earlyAccessDeadline": "2999-01-01T00:00:00.000Z"', "early-access"),
        ('"earlyAccessDeadline": "soon"', "early-access"),
        ('"usageControl": "Generation"', "download-disabled"),
        ('"paidAccess": null, "trainedWords": null, "stats": null', "open"),
    ],
)
def test_early_access_ends(version: str, access: str) -> None:
    body = (
        '{"items":[{"id":1,"name":"Gate","type":"LORA","modelVersions":[{"id":2,"name":"v1",'
        f'{version},"files":[{{"id":3,"name":"gate_one.safetensors","sizeKB":1.5,"pickleScanResult":"Danger"}}]}}]}}]}}'
    )
    with Loopback(lambda seen: json(body)) as server, sources_at(server.url, server.url) as (_, civitai, _hf):
        (found,) = civitai.search(wanted("gate_one.safetensors"))
    assert (found.access, found.size_bytes, kinds(found)) == (access, 1536, {"unsafe"})


def test_a_type_that_the_hub_does_not_know_any_more_is_left_out() -> None:
    def answer(seen: Seen) -> Given:
        return json('{"error":{"name":"ZodError"}}', 400) if "types=" in seen.target else json('{"items":[]}')

    with Loopback(answer) as server, sources_at(server.url, server.url) as (_, civitai, _hf):
        assert list(civitai.search(wanted("gate_one.safetensors"))) == []
        assert len(server.seen) == 2


def test_a_broken_item_does_not_spoil_the_others_and_is_not_forgotten() -> None:
    body = (
        '{"items":[{"id":"x"},null,{"id":1,"name":"Gate","type":"LORA","modelVersions":[{"id":null},'
        '{"id":2,"files":[{"name":"no id.safetensors"},{"id":4,"name":"../../gate_one.safetensors"},'
        '{"id":3,"name":"gate_one.safetensors","sizeKB":"?"},{"id":5,"name":"gate_one.safetensors","hashes":{"SHA256":"zz"}}]}]}]}'
    )
    with Loopback(lambda seen: json(body)) as server, sources_at(server.url, server.url) as (_, civitai, _hf):
        found, error = searched(civitai, wanted("gate_one.safetensors"))
    assert [
        (candidate.file_id, candidate.size_bytes, candidate.hashes)
        for candidate in found
        if candidate.filename == "gate_one.safetensors"
    ] == [(3, None, {}), (5, None, {})]
    assert error is not None
    assert error.code == "hub-bad-answer"


def test_training_pictures_are_no_model() -> None:
    model = _model(7, "Gate", "gate_one.safetensors")
    pictures = CivitaiFile(id=999, name="gate_one.zip", type="Training Data", content=_content("zip"))
    version = model.versions[0]
    with_pictures = CivitaiVersion(id=version.id, name=version.name, files=(*version.files, pictures))
    catalogue = Catalogue(civitai=(CivitaiModel(id=7, name="Gate", type="LORA", versions=(with_pictures,)),))
    with shop(catalogue) as here:
        assert [found.file_id for found in here.civitai.search(wanted("gate_one.safetensors"))] == [70]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (html_page(role="civitai", times=None), "hub-bad-answer"),
        (Reply(role="civitai", times=None, status=451, body='{"code":"REGION_BLOCKED"}'), "hub-region-blocked"),
    ],
)
def test_no_answer_is_not_no(fault: Reply, code: str) -> None:
    with shop(Catalogue(civitai=(INK,)), Faults((fault,))) as here, pytest.raises(SourceError) as caught:
        list(here.civitai.search(wanted("ink_wash_v3.safetensors")))
    assert caught.value.code == code
