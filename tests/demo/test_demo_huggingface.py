"""The embedded Hugging Face refuses and redirects as the real one does."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from comfyfixer.demo.catalogue import HUGGINGFACE_KEY
from comfyfixer.demo.content import Plain, git_sha1_of, sha256_of, whole
from comfyfixer.demo.hub import Hub
from tests.support.hubs import ask, catalogue_of, follow, repo, weights

FILES = {
    "split_files/vae/harbor_vae.safetensors": weights("vae"),
    "split_files/unet/harbor_base.safetensors": weights("unet"),
    "top.safetensors": weights("top"),
}
REPOS = (
    repo("Owner/Harbor", FILES, former_ids=("oldowner/harbor",), downloads=5000),
    repo("Owner/other-lora", downloads=10),
    repo("gate/keeper", gated="manual"),
    repo("gate/open", gated="auto", granted=(HUGGINGFACE_KEY,)),
    repo("secret/repo", private=True),
    repo("closed/repo", disabled=True),
)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub(catalogue_of(*REPOS)) as hub:
        yield hub


def ids(hub: Hub, query: str) -> list[str]:
    return [row["id"] for row in ask(f"{hub.huggingface_endpoint}/api/models?{query}").json]


def test_search_is_a_part_of_the_repository_id_and_nothing_else(hub: Hub) -> None:
    assert ids(hub, "search=HARB") == ["Owner/Harbor"]
    assert ids(hub, "search=harbor_vae.safetensors") == []
    assert ids(hub, "search=owner+harbor") == []
    assert ids(hub, "author=owner") == ["Owner/Harbor", "Owner/other-lora"]


def test_private_and_disabled_repositories_are_not_listed_and_gated_ones_are(hub: Hub) -> None:
    assert set(ids(hub, "limit=100")) == {"Owner/Harbor", "Owner/other-lora", "gate/keeper", "gate/open"}


def test_siblings_come_with_full_and_sizes_only_with_blobs(hub: Hub) -> None:
    base = f"{hub.huggingface_endpoint}/api/models"

    assert "siblings" not in ask(f"{base}?search=harbor").json[0]
    full = ask(f"{base}?search=harbor&full=true").json[0]["siblings"]
    plain = ask(f"{base}/Owner/Harbor").json["siblings"]
    blobs = {row["rfilename"]: row for row in ask(f"{base}/Owner/Harbor?blobs=true").json["siblings"]}

    assert full == plain
    assert {"rfilename": "top.safetensors"} in plain
    assert blobs["top.safetensors"]["lfs"]["sha256"] == sha256_of(FILES["top.safetensors"])
    assert "lfs" not in blobs["README.md"]


def test_lists_are_paged_by_a_link_header(hub: Hub) -> None:
    first = ask(f"{hub.huggingface_endpoint}/api/models?limit=3")
    url = first.headers["link"].removeprefix("<").partition(">")[0]
    second = ask(url)

    assert first.headers["link"].endswith('; rel="next"')
    assert (len(first.json), len(second.json)) == (3, 1)
    assert "link" not in second.headers


def test_a_sort_that_is_not_known_is_a_400(hub: Hub) -> None:
    assert ask(f"{hub.huggingface_endpoint}/api/models?sort=name").status == 400


def test_a_tree_shows_one_level_or_all(hub: Hub) -> None:
    base = f"{hub.huggingface_endpoint}/api/models/Owner/Harbor/tree/main"

    top = {(row["type"], row["path"]) for row in ask(base).json}
    deep = {(row["type"], row["path"]) for row in ask(f"{base}?recursive=true").json}
    inside = [row["path"] for row in ask(f"{base}/split_files/vae").json]

    assert top == {("file", "README.md"), ("file", "top.safetensors"), ("directory", "split_files")}
    assert {("directory", "split_files/vae"), ("file", "split_files/vae/harbor_vae.safetensors")} <= deep
    assert inside == ["split_files/vae/harbor_vae.safetensors"]
    assert ask(f"{base}/nowhere").headers["x-error-code"] == "EntryNotFound"


def test_a_tree_is_paged_too(hub: Hub) -> None:
    reply = ask(f"{hub.huggingface_endpoint}/api/models/Owner/Harbor/tree/main?recursive=true&limit=2")

    assert len(reply.json) == 2
    assert 'rel="next"' in reply.headers["link"]


def test_paths_info_takes_a_form_and_leaves_out_what_is_not_there(hub: Hub) -> None:
    url = f"{hub.huggingface_endpoint}/api/models/Owner/Harbor/paths-info/main"
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    rows = ask(url, method="POST", headers=form, body=b"paths=top.safetensors&paths=no.bin&expand=false").json

    assert [row["path"] for row in rows] == ["top.safetensors"]
    assert rows[0]["lfs"]["oid"] == sha256_of(FILES["top.safetensors"])
    assert rows[0]["oid"] != rows[0]["lfs"]["oid"]
    assert ask(url, method="POST", headers=form, body=b"x=1").status == 400
    assert ask(url).status == 404


def test_a_large_file_is_a_302_that_carries_the_hash_and_the_cdn_does_not(hub: Hub) -> None:
    url = f"{hub.huggingface_endpoint}/Owner/Harbor/resolve/main/top.safetensors"
    content = FILES["top.safetensors"]

    reply = ask(url, method="HEAD")
    fetched = ask(reply.location)

    assert reply.status == 302
    assert reply.headers["x-linked-etag"] == f'"{sha256_of(content)}"'
    assert reply.headers["x-linked-size"] == str(len(whole(content)))
    assert len(reply.headers["x-repo-commit"]) == 40
    assert reply.location.startswith(hub.cdn_endpoint)
    assert fetched.body == whole(content)
    assert len(fetched.headers["etag"].strip('"')) == 64
    assert fetched.headers["etag"] != reply.headers["x-linked-etag"]


def test_the_cdn_refuses_a_key_and_an_old_signature() -> None:
    with Hub(catalogue_of(repo()), signature_seconds=-1) as hub:
        url = ask(f"{hub.huggingface_endpoint}/owner/repo/resolve/main/a/lora.safetensors").location

        assert ask(url, key=HUGGINGFACE_KEY).status == 400
        assert ask(url).status == 403


def test_a_small_file_is_a_307_to_a_relative_address(hub: Hub) -> None:
    reply = ask(f"{hub.huggingface_endpoint}/Owner/Harbor/resolve/main/README.md")
    fetched = follow(f"{hub.huggingface_endpoint}/Owner/Harbor/resolve/main/README.md")

    assert reply.status == 307
    assert reply.location.startswith("/api/resolve-cache/models/Owner/Harbor/")
    assert fetched.body.startswith(b"# Card")
    assert fetched.headers["etag"] == f'"{git_sha1_of(Plain(fetched.body))}"'


def test_raw_of_a_large_file_is_only_the_pointer_and_blob_is_a_page(hub: Hub) -> None:
    base = f"{hub.huggingface_endpoint}/Owner/Harbor"

    pointer = ask(f"{base}/raw/main/top.safetensors").body.decode()

    assert f"oid sha256:{sha256_of(FILES['top.safetensors'])}" in pointer
    assert "text/html" in ask(f"{base}/blob/main/top.safetensors").headers["content-type"]


@pytest.mark.parametrize("name", ["oldowner/harbor", "owner/harbor"])
def test_a_renamed_or_miswritten_repository_is_a_307_to_the_present_id(hub: Hub, name: str) -> None:
    for path in ("/{}/resolve/main/top.safetensors", "/api/models/{}", "/api/models/{}/tree/main"):
        reply = ask(hub.huggingface_endpoint + path.format(name))
        assert (reply.status, urlsplit(reply.location).path) == (307, path.format("Owner/Harbor"))


def test_what_is_not_there_says_what_is_not_there(hub: Hub) -> None:
    base = hub.huggingface_endpoint

    anonymous = ask(f"{base}/no/body/resolve/main/x.bin")
    known = ask(f"{base}/no/body/resolve/main/x.bin", key=HUGGINGFACE_KEY)
    revision = ask(f"{base}/Owner/Harbor/resolve/v9/top.safetensors")
    entry = ask(f"{base}/Owner/Harbor/resolve/main/no.bin")

    assert (anonymous.status, anonymous.headers["x-error-code"]) == (401, "RepoNotFound")
    assert anonymous.json == {"error": "Invalid username or password."}
    assert (known.status, known.headers["x-error-code"]) == (404, "RepoNotFound")
    assert (revision.status, revision.headers["x-error-code"]) == (404, "RevisionNotFound")
    assert (entry.status, entry.headers["x-error-code"]) == (404, "EntryNotFound")
    assert "x-repo-commit" in entry.headers


def test_a_private_repository_looks_like_none_until_a_key_comes(hub: Hub) -> None:
    url = f"{hub.huggingface_endpoint}/api/models/secret/repo"

    assert (ask(url).status, ask(url, key=HUGGINGFACE_KEY).status) == (401, 200)


def test_a_disabled_repository_is_a_403(hub: Hub) -> None:
    assert ask(f"{hub.huggingface_endpoint}/closed/repo/resolve/main/README.md").status == 403


def test_a_gated_file_needs_a_key_on_the_list_and_its_metadata_does_not(hub: Hub) -> None:
    base = hub.huggingface_endpoint
    url = f"{base}/gate/keeper/resolve/main/a/lora.safetensors"

    anonymous, garbage, stranger = ask(url), ask(url, key="hf_garbage"), ask(url, key=HUGGINGFACE_KEY)

    assert (anonymous.status, anonymous.headers["x-error-code"]) == (401, "GatedRepo")
    assert (garbage.status, garbage.headers["x-error-code"]) == (401, "GatedRepo")
    assert (stranger.status, stranger.headers["x-error-code"]) == (403, "GatedRepo")
    assert "not in the authorized list" in stranger.json["error"]
    assert ask(f"{base}/api/models/gate/keeper?blobs=true").json["gated"] == "manual"
    assert ask(f"{base}/gate/open/resolve/main/a/lora.safetensors", key=HUGGINGFACE_KEY).status == 302


def test_a_wrong_key_makes_public_calls_fail_too(hub: Hub) -> None:
    for path in ("/api/models?search=harbor", "/Owner/Harbor/resolve/main/top.safetensors", "/api/whoami-v2"):
        assert ask(hub.huggingface_endpoint + path, key="hf_wrong").status == 401


def test_whoami_tells_whether_the_key_is_good(hub: Hub) -> None:
    url = f"{hub.huggingface_endpoint}/api/whoami-v2"

    assert (ask(url).status, ask(url, key=HUGGINGFACE_KEY).json["name"]) == (401, "demo")


def test_full_text_search_reads_the_cards(hub: Hub) -> None:
    base = f"{hub.huggingface_endpoint}/api/search/full-text"

    hits = ask(f"{base}?q=harbor_base&type=model&limit=5").json["hits"]

    assert [(hit["repoOwner"], hit["repoName"], hit["fileName"]) for hit in hits] == [("Owner", "Harbor", "README.md")]
    assert ask(f"{base}?q=nobody_wrote_this&type=model").json["hits"] == []
    assert ask(base).status == 400


def test_quick_search_knows_ids(hub: Hub) -> None:
    assert ask(f"{hub.huggingface_endpoint}/api/quicksearch?q=harb").json["models"] == [{"id": "Owner/Harbor"}]


def test_every_answer_tells_the_limits_and_who_is_anonymous(hub: Hub) -> None:
    api = ask(f"{hub.huggingface_endpoint}/api/models?search=harbor")
    file = ask(f"{hub.huggingface_endpoint}/Owner/Harbor/resolve/main/top.safetensors", key=HUGGINGFACE_KEY)

    assert api.headers["ratelimit"].startswith('"api";r=')
    assert file.headers["ratelimit-policy"] == '"fixed window";"resolvers";q=3000;w=300'
    assert "x-hf-warning" in api.headers
    assert "x-hf-warning" not in file.headers


def test_a_commit_is_a_revision_as_good_as_a_branch(hub: Hub) -> None:
    commit = ask(f"{hub.huggingface_endpoint}/api/models/Owner/Harbor").json["sha"]

    assert ask(f"{hub.huggingface_endpoint}/Owner/Harbor/resolve/{commit}/top.safetensors").status == 302
