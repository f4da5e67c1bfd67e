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
