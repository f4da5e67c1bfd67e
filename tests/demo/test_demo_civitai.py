"""The embedded Civitai refuses and hides what the real one does."""

import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from comfyfixer.demo.catalogue import CIVITAI_KEY, CivitaiFile, CivitaiModel, CivitaiVersion
from comfyfixer.demo.civitai_shapes import shown_name
from comfyfixer.demo.content import autov3_of, sha256_of, whole
from comfyfixer.demo.hub import Hub
from tests.support.hubs import AGENT, ask, catalogue_of, civitai_model, follow, weights

TWIN = weights("twin")
TWO_FILES = CivitaiModel(
    id=6,
    name="Copper Valley",
    type="Checkpoint",
    versions=(
        CivitaiVersion(
            id=60,
            name="v4.0",
            files=(
                CivitaiFile(id=600, name="cv-final.safetensors", content=weights("full"), primary=True, fp="fp32"),
                CivitaiFile(id=601, name="cv-half.safetensors", content=weights("half"), fp="fp16", quant_type="Q8_0"),
                CivitaiFile(id=602, name="cv-half2.safetensors", content=weights("half2"), fp="fp16"),
            ),
        ),
    ),
)
MODELS = (
    civitai_model(1, name="Ink Wash Landscape", level=4, file_name="Ink_Wash_v3.safetensors", downloads=10),
    civitai_model(2, name="Paper Lantern", type="Checkpoint", downloads=500),
    civitai_model(3, name="Ink Bottle", access="login", content=TWIN),
    civitai_model(4, name="Ink Early", access="early-access"),
    civitai_model(5, name="Ink Locked", access="disabled"),
    TWO_FILES,
    civitai_model(7, name="Old Archive", mode="Archived"),
    civitai_model(8, name="Newer Twin", content=TWIN, storage="b2"),
)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub(catalogue_of(*MODELS)) as hub:
        yield hub


def search(hub: Hub, query: str) -> list[int]:
    reply = ask(f"{hub.civitai_endpoint}/api/v1/models?{query}")
    assert reply.status == 200, reply
    return [item["id"] for item in reply.json["items"]]


def test_without_nsfw_a_model_without_a_pg_picture_is_not_found(hub: Hub) -> None:
    assert 1 not in search(hub, "query=ink")
    assert 1 in search(hub, "query=ink&nsfw=true")


def test_file_names_are_not_searched_but_names_authors_and_hashes_are(hub: Hub) -> None:
    assert search(hub, "query=cv-final.safetensors&nsfw=true") == []
    assert search(hub, "query=file_2&nsfw=true") == []
    assert 2 in search(hub, "query=northern_light")
    assert search(hub, f"query={sha256_of(weights('full'))}") == [6]
    assert search(hub, f"query={sha256_of(weights('full'))[:10]}") == [6]


def test_words_are_dropped_from_the_end_and_popularity_ranks(hub: Hub) -> None:
    assert search(hub, "query=ink+wash&nsfw=true") == [1]
    assert search(hub, "query=lantern+nonexistent") == [2]
    assert search(hub, "query=nonexistent+lantern") == []
    assert set(search(hub, "query=ink&nsfw=true")) == {1, 3, 4, 5}


def test_a_typo_is_forgiven_only_in_long_words() -> None:
    models = (civitai_model(1, name="Extraordinary"), civitai_model(2, name="Lantern"))
    with Hub(catalogue_of(*models)) as hub:
        assert search(hub, "query=extraordimary") == [1]
        assert search(hub, "query=lamtern") == []


@pytest.mark.parametrize(
    "query", ["types=LORA,Checkpoint", "types=Lora", "limit=101", "limit=x", "sort=newest", "period=Ever", "nsfw=yes"]
)
def test_a_parameter_that_the_site_does_not_know_is_a_400(hub: Hub, query: str) -> None:
    reply = ask(f"{hub.civitai_endpoint}/api/v1/models?{query}")

    assert reply.status == 400
    assert reply.json["error"]["name"] == "ZodError"


def test_types_are_repeated_keys(hub: Hub) -> None:
    assert set(search(hub, "types=LORA&types=Checkpoint&nsfw=true")) == {1, 2, 3, 4, 5, 6, 8}
    assert search(hub, "types=Checkpoint") == [2, 6]


def test_deep_pages_are_a_429_that_is_no_rate_limit(hub: Hub) -> None:
    reply = ask(f"{hub.civitai_endpoint}/api/v1/models?page=11&limit=100")

    assert (reply.status, "retry-after" in reply.headers) == (429, False)
    assert "cursors" in reply.json["error"]


def test_a_query_has_no_pages_but_a_cursor(hub: Hub) -> None:
    base = f"{hub.civitai_endpoint}/api/v1/models"
    assert ask(f"{base}?query=ink&page=2").status == 400

    first = ask(f"{base}?query=ink&nsfw=true&limit=3").json
    second = ask(first["metadata"]["nextPage"]).json

    assert len(first["items"]) == 3
    assert len(second["items"]) == 1
    assert second["metadata"] == {}


def test_with_a_query_other_filters_only_thin_out_the_page(hub: Hub) -> None:
    reply = ask(f"{hub.civitai_endpoint}/api/v1/models?query=ink&nsfw=true&limit=3&baseModels=Pony").json

    assert reply["items"] == []
    assert "nextCursor" in reply["metadata"]


def test_favorites_need_a_key(hub: Hub) -> None:
    url = f"{hub.civitai_endpoint}/api/v1/models?favorites=true"

    assert (ask(url).status, ask(url, key=CIVITAI_KEY).status) == (401, 200)


def test_urls_in_answers_carry_the_host_that_was_asked(hub: Hub) -> None:
    reply = ask(f"{hub.civitai_endpoint}/api/v1/models/2", headers={"Host": "civitai.red"}).json

    assert reply["modelVersions"][0]["files"][0]["downloadUrl"] == "http://civitai.red/api/download/models/20"


def test_a_single_model_has_no_empty_keys_and_a_list_item_has(hub: Hub) -> None:
    item = ask(f"{hub.civitai_endpoint}/api/v1/models?query=lantern").json["items"][0]
    single = ask(f"{hub.civitai_endpoint}/api/v1/models/2").json

    assert item["cosmetic"] is None
    assert "cosmetic" not in single
    assert "trainedWords" not in single["modelVersions"][0]


def test_what_is_not_there_is_a_404_with_a_reason(hub: Hub) -> None:
    base = f"{hub.civitai_endpoint}/api/v1"

    assert ask(f"{base}/models/999").json == {"error": "No model with id 999"}
    assert ask(f"{base}/models/abc").status == 400
    assert ask(f"{base}/model-versions/999").json == {"error": "Model not found"}
    assert ask(f"{base}/model-versions/by-hash/ABCDEF").status == 404


def test_every_file_of_a_checkpoint_version_is_shown_under_the_same_derived_name(hub: Hub) -> None:
    version = ask(f"{hub.civitai_endpoint}/api/v1/model-versions/60").json

    assert {file["name"] for file in version["files"]} == {"copperValley_v40.safetensors"}
    assert [file["primary"] for file in version["files"]] == [True, False, False]
    assert all("quantType" not in file["metadata"] for file in version["files"])
    stored = ask(f"{hub.civitai_endpoint}/api/v1/model-versions/mini/60?modelFileId=601").json
    assert stored["fileName"] == "cv-half.safetensors"


@pytest.mark.parametrize(
    ("model", "version", "stored", "shown"),
    [
        ("Realistic Vision V3.0", "v3.0 (VAE)", "x.safetensors", "realisticVisionV30_v30VAE.safetensors"),
        ("Realistic Vision V3.0", "V2.0-inpainting (noVAE)", "a-inpainting.ckpt",
         "realisticVisionV30_v20Novae-inpainting.ckpt"),
        ("DreamShaper", "6.31 baked vae", "x.safetensors", "dreamshaper_631BakedVae.safetensors"),
        ("DreamShaper", "6-inpainting", "x.safetensors", "dreamshaper_6Inpainting.safetensors"),
        ("Cetus-Mix", "CetusMix_WhaleFall2", "x.safetensors", "cetusMix_Whalefall2.safetensors"),
        ("Cetus-Mix", "CetusMix-Version3.5", "x.safetensors", "cetusMix_Version35.safetensors"),
        ("ControlNet Pre-Trained Models", "HED V1.0", "x.safetensors", "controlnetPreTrained_hedV10.safetensors"),
        ("Deliberate", "v1.1", "x.ckpt", "deliberate_v11.ckpt"),
        ("细节", "v1", "detail.safetensors", "detail.safetensors"),
    ],
)  # fmt: skip
def test_the_derived_name_is_the_one_that_was_seen(model: str, version: str, stored: str, shown: str) -> None:
    made = civitai_model(name=model, type="Checkpoint", version_name=version, file_name=stored)

    assert shown_name(made, made.versions[0], made.versions[0].files[0]) == shown


def test_a_lora_keeps_its_name_and_an_embedding_takes_its_trigger_word() -> None:
    lora = civitai_model(name="Detail Tweaker", file_name="add_detail.safetensors")
    embedding = civitai_model(name="Easy Negative", type="TextualInversion", file_name="en_v1.pt")
    worded = msgspec.structs.replace(embedding.versions[0], trained_words=("easynegative",))

    assert shown_name(lora, lora.versions[0], lora.versions[0].files[0]) == "add_detail.safetensors"
    assert shown_name(embedding, worded, worded.files[0]) == "easynegative.pt"


@pytest.mark.parametrize("kind", ["SHA256", "AutoV2", "AutoV3", "CRC32"])
def test_a_version_is_found_by_each_kind_of_hash_in_any_case(hub: Hub, kind: str) -> None:
    file = ask(f"{hub.civitai_endpoint}/api/v1/model-versions/20").json["files"][0]

    found = ask(f"{hub.civitai_endpoint}/api/v1/model-versions/by-hash/{file['hashes'][kind].lower()}").json

    assert (found["id"], found["modelId"]) == (20, 2)


def test_bulk_by_hash_drops_the_unknown_and_its_urls_are_broken(hub: Hub) -> None:
    url = f"{hub.civitai_endpoint}/api/v1/model-versions/by-hash"
    known = [sha256_of(TWIN), "0" * 64]

    rows = ask(url, method="POST", body=msgspec.json.encode(known)).json
    ids = ask(f"{url}/ids", method="POST", body=msgspec.json.encode(known)).json

    assert [row["id"] for row in rows] == [30, 80]
    assert rows[0]["downloadUrl"].startswith("https://undefined/")
    assert [(row["modelId"], row["modelVersionId"]) for row in ids] == [(3, 30), (8, 80)]
    assert ask(url, method="POST", body=b'["abc"]').status == 400
    assert ask(url, method="POST", body=msgspec.json.encode(["0" * 64] * 101)).status == 400


def test_a_download_is_a_307_to_another_origin_that_refuses_a_key(hub: Hub) -> None:
    reply = ask(f"{hub.civitai_endpoint}/api/download/models/20")

    assert reply.status == 307
    assert reply.headers["cache-control"] == "no-store"
    assert reply.location.startswith(hub.storage_endpoint)
    refused = ask(reply.location, key=CIVITAI_KEY)
    assert (refused.status, b"Missing x-amz-content-sha256" in refused.body) == (400, True)
    assert ask(reply.location, method="HEAD").status == 403
    fetched = ask(reply.location)
    assert hashlib.sha256(fetched.body).hexdigest() == sha256_of(weights("civitai 2"))


def test_b2_serves_its_signed_urls_and_refuses_aria2(hub: Hub) -> None:
    url = ask(f"{hub.civitai_endpoint}/api/download/models/80").location

    assert urlsplit(url).path.startswith("/file/civitai-modelfiles/model/")
    assert ask(url).body == whole(TWIN)
    assert ask(url, headers={"User-Agent": "aria2/1.37"}).status == 403


def test_the_file_id_tells_files_of_equal_metadata_apart(hub: Hub) -> None:
    url = f"{hub.civitai_endpoint}/api/download/models/60"

    assert follow(url).body == whole(weights("full"))
    assert follow(f"{url}?fileId=602").body == whole(weights("half2"))
    assert follow(f"{url}?type=Model&format=SafeTensor&fp=fp16").body == whole(weights("half"))
    assert ask(f"{url}?fileId=999").status == 404


def test_who_may_not_have_a_file_is_told_why(hub: Hub) -> None:
    url = f"{hub.civitai_endpoint}/api/download/models"

    anonymous = ask(f"{url}/30")
    assert (anonymous.status, "logged in" in anonymous.json["message"]) == (401, True)
    assert ask(f"{url}/30", key="wrong").status == 401
    assert ask(f"{url}/30", key=CIVITAI_KEY).status == 307
    assert ask(f"{url}/40", key=CIVITAI_KEY).json["error"] == "Early Access"
    assert "disabled downloads" in ask(f"{url}/50", key=CIVITAI_KEY).json["message"]
    assert ask(f"{url}/70").status == 410
    assert ask(f"{url}/999").json == {"error": "File not found"}


def test_a_head_is_answered_as_if_no_key_came(hub: Hub) -> None:
    assert ask(f"{hub.civitai_endpoint}/api/download/models/20", method="HEAD", key=CIVITAI_KEY).status == 401


def test_what_looks_like_a_browser_gets_a_login_page_with_status_200(hub: Hub) -> None:
    browser = {"User-Agent": "Mozilla/5.0"}

    reply = follow(f"{hub.civitai_endpoint}/api/download/models/30", headers=browser)

    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("agent", ["Python-urllib/3.11", ""])
def test_an_agent_without_a_name_is_blocked(hub: Hub, agent: str) -> None:
    reply = ask(f"{hub.civitai_endpoint}/api/v1/models", headers={"User-Agent": agent})

    assert (reply.status, reply.body) == (403, b"error code: 1010")


def test_early_access_and_archived_versions_list_no_files(hub: Hub) -> None:
    early = ask(f"{hub.civitai_endpoint}/api/v1/models?query=ink+early").json["items"][0]["modelVersions"][0]
    archived = ask(f"{hub.civitai_endpoint}/api/v1/models/7").json

    assert (early["files"], early["paidAccess"]["permanent"]) == ([], False)
    assert archived["mode"] == "Archived"
    assert "downloadUrl" not in archived["modelVersions"][0]


def test_an_old_signature_is_refused_until_the_api_is_asked_again() -> None:
    models = (civitai_model(1), civitai_model(2, storage="b2"))
    with Hub(catalogue_of(*models), signature_seconds=-1) as hub:
        r2 = ask(ask(f"{hub.civitai_endpoint}/api/download/models/10").location)
        b2 = ask(ask(f"{hub.civitai_endpoint}/api/download/models/20").location)

    assert (r2.status, b"Request has expired" in r2.body) == (403, True)
    assert (b2.status, b2.json["code"]) == (401, "expired_auth_token")


def test_a_signature_holds_for_its_own_path_only(hub: Hub) -> None:
    one = ask(f"{hub.civitai_endpoint}/api/download/models/20").location
    other = ask(f"{hub.civitai_endpoint}/api/download/models/10").location

    assert ask(one.replace(urlsplit(one).path, urlsplit(other).path)).status == 403


def test_ranges_are_served_and_the_tag_is_no_hash(hub: Hub) -> None:
    url = ask(f"{hub.civitai_endpoint}/api/download/models/20").location
    data = whole(weights("civitai 2"))

    part = ask(url, headers={"Range": "bytes=100-199"})
    tail = ask(url, headers={"Range": "bytes=16000-"})
    beyond = ask(url, headers={"Range": f"bytes={len(data)}-"})
    changed = ask(url, headers={"Range": "bytes=100-", "If-Range": '"other"'})

    assert (part.status, part.body) == (206, data[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(data)}"
    assert tail.body == data[16000:]
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")
    assert (changed.status, changed.body) == (200, data)
    assert sha256_of(weights("civitai 2")) not in part.headers["etag"]


def test_me_tells_whether_the_key_is_good(hub: Hub) -> None:
    url = f"{hub.civitai_endpoint}/api/v1/me"

    assert (ask(url).status, ask(url, key="wrong").status, ask(url, key=CIVITAI_KEY).status) == (401, 401, 200)


def test_the_listed_hash_can_be_wrong() -> None:
    model = civitai_model(1)
    file = msgspec.structs.replace(model.versions[0].files[0], listed_sha256="a" * 64)
    version = msgspec.structs.replace(model.versions[0], files=(file,))
    with Hub(catalogue_of(msgspec.structs.replace(model, versions=(version,)))) as hub:
        shown = ask(f"{hub.civitai_endpoint}/api/v1/model-versions/10").json["files"][0]

    assert shown["hashes"]["SHA256"] == "A" * 64
    assert shown["hashes"]["AutoV3"] == (autov3_of(file.content) or "").upper()


def test_the_signed_url_names_the_file_that_is_shown(hub: Hub) -> None:
    query = dict(parse_qsl(urlsplit(ask(f"{hub.civitai_endpoint}/api/download/models/60").location).query))

    assert query["response-content-disposition"] == 'attachment; filename="copperValley_v40.safetensors"'


def test_every_answer_is_recorded_without_the_key(hub: Hub) -> None:
    before = len(hub.requests)
    ask(f"{hub.civitai_endpoint}/api/v1/models/2?x=1", key=CIVITAI_KEY, headers={"Range": "bytes=0-"})

    seen = hub.requests[before]

    assert (seen.role, seen.method, seen.path, seen.query, seen.status) == (
        "civitai",
        "GET",
        "/api/v1/models/2",
        "x=1",
        200,
    )
    assert seen.had_authorization
    assert (seen.headers["range"], seen.headers["user-agent"]) == ("bytes=0-", AGENT["User-Agent"])
    assert CIVITAI_KEY not in repr(seen)
