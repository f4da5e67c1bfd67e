"""Metadata files of other programs, left where a model was: a place to ask, never a proof."""

import json

import pytest

from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import sample_catalogue
from tests.support.product import Product, digest_of, file_of_version

RENAMED = "my_own_inks.safetensors"
UNIQUE = "autumn_palette_v1.1.safetensors"
INK = digest_of(file_of_version(sample_catalogue(), 810_003))


@pytest.fixture
def product(product: Product) -> Product:
    product.clear_workflows()
    return product


def wanting(product: Product, name: str) -> None:
    graph = Graph()
    graph.add("LoraLoader", name, 1.0, 1.0)
    product.save("rain.json", graph.to_json())


def beside(product: Product, name: str, document: object) -> None:
    product.models.joinpath("loras", name).write_text(json.dumps(document), "utf-8")


def resolved(product: Product, name: str) -> dict[str, object]:
    assert product.json("scan").code in (0, 3)
    product.json("resolve")
    row: dict[str, object] = product.rows("resolutions.json")[name]
    return row


def test_the_bytes_that_one_names_are_found_under_another_name_and_left_to_the_user(product: Product, hub: Hub) -> None:
    wanting(product, RENAMED)
    files = [{"name": "ink_wash_landscape_v3.safetensors", "hashes": {"SHA256": INK.upper()}}]
    beside(product, "my_own_inks.civitai.info", {"id": 810_003, "modelId": 410_001, "files": files})
    row = resolved(product, RENAMED)
    assert (row["decision"], row["version_id"], row["sha256"]) == ("review", 810_003, INK)
    assert "that may be stale" in str(row["because"])
    said = "A metadata file beside where it belongs, `my_own_inks.civitai.info`, names these bytes"
    assert said in json.dumps(row["evidence"])
    assert [one.path for one in hub.requests if "by-hash" in one.path] == [f"/api/v1/model-versions/by-hash/{INK}"]
    assert product.json("resolve").code == 3
    assert len([one for one in hub.requests if "by-hash" in one.path]) == 1


def test_one_that_tells_only_the_version_leads_there_too(product: Product) -> None:
    wanting(product, RENAMED)
    beside(product, "my_own_inks.cm-info.json", {"ModelId": 410_001, "VersionId": 810_003, "Hashes": {}})
    row = resolved(product, RENAMED)
    assert (row["decision"], row["version_id"]) == ("review", 810_003)


def test_one_that_names_other_bytes_makes_a_proven_name_a_question(product: Product) -> None:
    wanting(product, UNIQUE)
    assert resolved(product, UNIQUE)["decision"] == "accepted"
    beside(product, "autumn_palette_v1.1.metadata.json", {"sha256": "c" * 64})
    row = resolved(product, UNIQUE)
    assert row["decision"] == "review"
    assert "names other bytes" in str(row["because"])


def test_without_one_nothing_of_that_name_is_found(product: Product) -> None:
    wanting(product, RENAMED)
    assert resolved(product, RENAMED)["decision"] == "not_found"


def test_the_hashes_of_several_are_one_question(product: Product, hub: Hub) -> None:
    graph = Graph()
    for number in range(3):
        graph.add("LoraLoader", f"own_inks_{number}.safetensors", 1.0, 1.0)
        beside(product, f"own_inks_{number}.metadata.json", {"sha256": INK if number == 0 else f"{number}" * 64})
    product.save("rain.json", graph.to_json())
    row = resolved(product, "own_inks_0.safetensors")
    assert (row["decision"], row["version_id"]) == ("review", 810_003)
    asked = [(one.method, one.path) for one in hub.requests if "by-hash" in one.path]
    assert asked == [("POST", "/api/v1/model-versions/by-hash")]


def test_a_switched_off_civitai_is_not_asked_for_them(product: Product, hub: Hub) -> None:
    product.workdir.joinpath("config.json").write_text('{"sources": {"disabled": ["civitai"]}}', "utf-8")
    wanting(product, RENAMED)
    beside(product, "my_own_inks.metadata.json", {"sha256": INK})
    assert resolved(product, RENAMED)["decision"] == "not_found"
    assert not [one for one in hub.requests if "by-hash" in one.path]


def test_where_the_workflow_names_a_hash_none_is_read(product: Product, hub: Hub) -> None:
    entry = {"name": RENAMED, "url": "https://example.com/x", "directory": "loras", "hash": "d" * 64}
    graph = Graph()
    graph.add("LoraLoader", RENAMED, 1.0, 1.0)
    document = json.loads(graph.to_json())
    document["models"] = [{**entry, "hash_type": "SHA256"}]
    product.save("rain.json", json.dumps(document).encode())
    beside(product, "my_own_inks.metadata.json", {"sha256": INK})
    resolved(product, RENAMED)
    asked = [one.path for one in hub.requests if "by-hash" in one.path]
    assert asked == [f"/api/v1/model-versions/by-hash/{'d' * 64}"]


def test_review_tells_what_it_says(product: Product) -> None:
    wanting(product, RENAMED)
    beside(product, "my_own_inks.metadata.json", {"sha256": INK})
    resolved(product, RENAMED)
    (item,) = product.json("review").data["items"]
    assert any("`my_own_inks.metadata.json`, names these bytes" in said for said in item["candidates"][0]["speaks_for"])
