"""Files that could run code: refused, allowed by name, refused by their hub."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import Plain
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from tests.content.files import saved
from tests.support.hubs import civitai_model, weights
from tests.support.product import Product

CODE = saved(b"\x80\x02cposix\nsystem\nX\x05\x00\x00\x00touch\x85R.")
PICKLE = "4x_sharp.pth"


def hub_of(*, data: bytes = CODE, security: str = "safe", twin: bool = False) -> Hub:
    files = [RepoFile(path=PICKLE, content=Plain(data), security=security)]
    files += [RepoFile(path="4x_sharp.safetensors", content=weights("twin", kind="upscaler"))] if twin else []
    return Hub(Catalogue(huggingface=(HuggingFaceRepo(id="owner/up", files=tuple(files)),)))


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_of() as running:
        yield running


def product_of(folder: Path, hub: Hub) -> Product:
    product = Product(folder, hub, root=None)
    product.clear_workflows()
    graph = Graph()
    url = f"{hub.huggingface_endpoint}/owner/up/resolve/main/{PICKLE}"
    declared = {"name": PICKLE, "url": url, "directory": "upscale_models"}
    graph.add("UpscaleModelLoader", PICKLE, models=(declared,))
    product.save("w.json", graph.to_json())
    return product


def test_a_pickle_that_could_run_code_is_refused_and_leaves_nothing(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub)
    assert product.run("auto").code == 3
    error = product.rows("downloads.json")[PICKLE]["error"]
    assert error["code"] == "unsafe-file"
    assert "posix.system" in error["message"]
    assert "--allow-pickle" in error["hint"]
    assert os.listdir(product.models / "upscale_models") == []


@pytest.mark.parametrize("by", ["flag", "config"])
def test_a_pickle_that_is_allowed_by_name_is_placed_and_said(tmp_path: Path, hub: Hub, by: str) -> None:
    product = product_of(tmp_path, hub)
    if by == "config":
        (product.workdir / "config.json").write_text(json.dumps({"download": {"allow_pickle": [PICKLE]}}))
    ran = product.run("auto", *(("--allow-pickle", PICKLE) if by == "flag" else ()))
    assert ran.code == 0, ran.out
    assert (product.models / "upscale_models" / PICKLE).read_bytes() == CODE
    assert "posix.system" in product.rows("downloads.json")[PICKLE]["unsafe"]
    report = (product.workdir / "output" / "summary_report.md").read_text("utf-8")
    assert "## Files that could run code, allowed by name" in report
    assert "posix.system" in report
    assert any(event["details"].get("code") == "unsafe-file" for event in product.events())


def test_another_name_allows_nothing(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub)
    assert product.run("auto", "--allow-pickle", "other.pth", "--allow-pickle", "*").code == 3
    assert not (product.models / "upscale_models" / PICKLE).exists()


def test_what_hugging_faces_own_scan_refuses_is_never_taken(tmp_path: Path) -> None:
    with hub_of(data=saved(), security="unsafe") as hub:
        product = product_of(tmp_path, hub)
        product.run("auto", "--allow-pickle", PICKLE)
    row = product.rows("resolutions.json")[PICKLE]
    assert row["decision"] == "review"
    assert "unsafe" in {fact["kind"] for fact in row["candidates"][0]["evidence"]}
    assert not (product.models / "upscale_models" / PICKLE).exists()


@pytest.mark.parametrize(("scan", "kind"), [("pickle_scan", "unsafe"), ("virus_scan", "virus")])
def test_what_civitais_own_scan_refuses_is_never_taken(tmp_path: Path, scan: str, kind: str) -> None:
    model = civitai_model(1, file_name="a.safetensors")
    file = msgspec.structs.replace(model.versions[0].files[0], **{scan: "Danger"})
    version = msgspec.structs.replace(model.versions[0], files=(file,))
    with Hub(Catalogue(civitai=(msgspec.structs.replace(model, versions=(version,)),))) as hub:
        product = product_of(tmp_path, hub)
        graph = Graph()
        url = f"{hub.civitai_endpoint}/api/download/models/10?fileId=100"
        graph.add(
            "LoraLoader",
            "a.safetensors",
            1.0,
            1.0,
            models=({"name": "a.safetensors", "url": url, "directory": "loras"},),
        )
        product.save("w.json", graph.to_json())
        product.run("auto")
    row = product.rows("resolutions.json")["a.safetensors"]
    assert row["decision"] == "review"
    assert kind in {fact["kind"] for fact in row["candidates"][0]["evidence"]}


def test_a_row_that_somebody_made_accepted_is_refused_all_the_same(tmp_path: Path) -> None:
    with hub_of(data=saved(), security="unsafe") as hub:
        product = product_of(tmp_path, hub)
        product.run("scan")
        product.run("resolve")
        rows = product.output("resolutions.json")
        rows[0]["decision"] = "accepted"
        (product.workdir / "output" / "resolutions.json").write_text(json.dumps(rows))
        assert product.run("download").code == 3
    assert product.rows("downloads.json")[PICKLE]["error"]["code"] == "unsafe-file"


def test_a_refusal_names_the_twin_without_code(tmp_path: Path) -> None:
    with hub_of(twin=True) as hub:
        product = product_of(tmp_path, hub)
        product.run("auto")
    row = product.rows("downloads.json")[PICKLE]
    assert row["error"]["code"] == "unsafe-file"
    assert "4x_sharp.safetensors" in row["error"]["hint"]
