"""Hubs' short forms of addresses, in a workflow and through the command."""

from pathlib import Path

import pytest

from comfyfixer.demo.catalogue import Catalogue, CivitaiFile, CivitaiModel, CivitaiVersion, HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import Weights, sha256_of
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from tests.support.product import Product

LORA = Weights(kind="lora", seed="ink")
OTHER = Weights(kind="lora", seed="other")
FILES = tuple(CivitaiFile(id=number, name="ink.safetensors", content=c) for number, c in ((31, LORA), (32, OTHER)))
MODEL = CivitaiModel(id=1, name="Ink", type="LORA", versions=(CivitaiVersion(id=2, name="v1", files=FILES),))
REPO = HuggingFaceRepo(id="maker/ink", files=(RepoFile(path="deep/ink_lora.safetensors", content=LORA),))


@pytest.mark.parametrize(
    "address",
    [
        "urn:air:sdxl:lora:civitai:1@2+31",
        "air:sdxl:lora:civitai:1@2+31.safetensors",
        "hf://maker/ink/deep/ink_lora.safetensors",
    ],
)
def test_a_short_address_leads_to_the_very_file(tmp_path: Path, address: str) -> None:
    graph = Graph()
    said = {"name": "my_ink.safetensors", "url": address, "directory": "loras"}
    graph.add("LoraLoaderModelOnly", "my_ink.safetensors", 1.0, outputs=("MODEL",), models=[said])
    with Hub(Catalogue(civitai=(MODEL,), huggingface=(REPO,))) as hub:
        product = Product(tmp_path, hub)
        product.clear_workflows()
        product.save("w.json", graph.to_json())
        product.run("scan")
        product.run("resolve")
    row = product.rows("resolutions.json")["my_ink.safetensors"]
    assert (row["decision"], row["candidates"][0]["hashes"]["sha256"]) == ("accepted", sha256_of(LORA))
