"""Indexes that lie in the installation, smaller catalogues, other packages' sources, `--offline` and `--refresh`."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile, Upscaler
from comfyfixer.demo.catalogue import GitHubFile as Release
from comfyfixer.demo.content import Weights, sha256_of
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub, Recorded
from tests.support.product import Product

SITE = "https://huggingface.co"
LORA, OTHER, UPSCALER = (Weights(kind=kind, seed=kind) for kind in ("lora", "vae", "upscaler"))
RELEASE = "/o/r/releases/download/v1/4x_heron.safetensors"
CATALOGUE = Catalogue(
    huggingface=(
        HuggingFaceRepo(id="zzz/qqq", files=(RepoFile(path="heron_style.safetensors", content=LORA),)),
        HuggingFaceRepo(id="zzz/ppp", files=(RepoFile(path="heron_vae.safetensors", content=OTHER),)),
    ),
    upscalers=(Upscaler(id="4x-Heron", name="Heron", urls=(f"https://github.com{RELEASE}",), content=UPSCALER),),
    github=(Release(path=RELEASE, content=UPSCALER),),
)
PLACED = {
    "loras/heron_style.safetensors": sha256_of(LORA),
    "vae/heron_vae.safetensors": sha256_of(OTHER),
    "upscale_models/4x_heron.safetensors": sha256_of(UPSCALER),
}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(CATALOGUE) as running:
        yield running


@pytest.fixture
def product(tmp_path: Path, hub: Hub) -> Product:
    """Three files that no search finds: a template names one, ComfyUI-Manager's list one, OpenModelDB one."""
    product = Product(tmp_path, hub)
    product.clear_workflows()
    graph = Graph()
    graph.add("LoraLoader", "heron_style.safetensors", 1.0, 1.0)
    graph.add("VAELoader", "heron_vae.safetensors")
    graph.add("UpscaleModelLoader", "4x_heron.safetensors")
    product.save("heron.json", graph.to_json())
    packages = product.root / "venv" / "lib" / "python3.12" / "site-packages"
    row = {"name": "heron_style.safetensors", "url": f"{SITE}/zzz/qqq/resolve/main/heron_style.safetensors"}
    template = {"nodes": [{"properties": {"models": [row | {"directory": "loras"}]}}]}
    write(packages / "comfyui_workflow_templates_json" / "templates" / "heron_portrait.json", template)
    listed = {"filename": "heron_vae.safetensors", "url": f"{SITE}/zzz/ppp/resolve/main/heron_vae.safetensors"}
    models = {"models": [listed | {"type": "VAE", "save_path": "vae/heron"}]}
    write(product.root / "custom_nodes" / "ComfyUI-Manager" / "model-list.json", models)
    return product


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), "utf-8")


def new_files(product: Product) -> dict[str, str]:
    return {name: digest for name, digest in product.digests().items() if "heron" in name}


def test_what_indexes_and_openmodeldb_name_is_proven_and_placed(product: Product) -> None:
    ran = product.json("auto")
    assert ran.code == 0, ran.out
    assert new_files(product) == PLACED
    rows = product.rows("resolutions.json")
    facts = [fact["detail"] for fact in rows["heron_style.safetensors"]["evidence"] if fact["kind"] == "index"]
    address = f"{SITE}/zzz/qqq/resolve/main/heron_style.safetensors"
    assert facts == [f"The official template `heron_portrait` names its address, for `loras`: {address}"]
    assert rows["4x_heron.safetensors"]["source"] == "url"
    assert not any("openmodeldb" in said for said in rows["heron_vae.safetensors"]["asked"])


def test_without_the_indexes_nothing_of_it_is_found(product: Product) -> None:
    product.workdir.joinpath("config.json").write_text('{"sources": {"disabled": ["indexes", "openmodeldb"]}}', "utf-8")
    assert product.json("auto").code == 3
    assert {row["decision"] for row in product.output("resolutions.json")} == {"not_found"}


def test_offline_nobody_is_asked_and_what_only_a_hub_can_settle_stays_open(product: Product, hub: Hub) -> None:
    ran = product.json("auto", "--offline")
    assert hub.requests == ()
    assert ran.code == 4
    assert [error["code"] for error in ran.envelope["errors"]] == ["hub-not-asked"]
    assert all(row["answer_pending"] for row in product.output("resolutions.json"))
    rows = product.rows("resolutions.json")
    assert {name: row["decision"] for name, row in rows.items()} == {
        "heron_style.safetensors": "review",  # its address is known, and nothing else
        "heron_vae.safetensors": "review",
        "4x_heron.safetensors": "not_found",
    }
    assert rows["heron_vae.safetensors"]["repo_path"] == "heron_vae.safetensors"
    assert "Not asked: offline" in rows["4x_heron.safetensors"]["because"]
    report = (product.workdir / "output" / "summary_report.md").read_text("utf-8")
    assert "Offline, so that nobody was asked" in report
    told = product.run("resolve", "--offline").out
    assert "open, as not everybody answered (1)" in told
    assert "found nowhere" not in told + report
    assert "Offline, so that nobody was asked: 3 missing things that only a hub can settle stay open" in told
    assert product.json("auto").code == 0
    assert new_files(product) == PLACED


def test_offline_the_answers_of_earlier_runs_have_to_do(product: Product, hub: Hub) -> None:
    product.json("scan")
    product.json("resolve")
    before = len(hub.requests)
    decided = product.output("resolutions.json")
    assert product.json("resolve", env={"COMFYFIXER_OFFLINE": "1"}).code == 0
    assert product.output("resolutions.json") == decided
    ran = product.json("download", "--offline")
    assert {row["error"]["code"] for row in ran.data["downloads"]} == {"hub-not-asked"}
    assert len(hub.requests) == before


def questions(requests: Iterable[Recorded]) -> set[tuple[str, str, str]]:
    """Without looks into files: what a file of a known SHA-256 holds does not change."""
    return {(one.role, one.path, one.query) for one in requests if one.path.startswith("/api/")}


def test_refresh_asks_every_question_again(product: Product, hub: Hub) -> None:
    product.json("scan")
    product.json("resolve")
    asked = hub.requests
    product.json("resolve")
    assert hub.requests == asked
    product.json("resolve", "--refresh")
    assert questions(hub.requests[len(asked) :]) == questions(asked)


def test_a_source_that_another_package_brought_and_that_breaks_is_one_line(product: Product, tmp_path: Path) -> None:
    packages = tmp_path / "others"
    info = packages / "shelf-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[comfyfixer.sources]\nshelf = shelf:make\n", "utf-8")
    (packages / "shelf.py").write_text("raise RuntimeError('broken in two')\n", "utf-8")
    found = product.environment()["PYTHONPATH"]
    ran = product.json("auto", env={"PYTHONPATH": os.pathsep.join([found, str(packages)])})
    (error,) = ran.envelope["errors"]
    assert error["code"] == "source-broken"
    assert "broken in two" in error["message"]
    assert new_files(product) == PLACED


def test_doctor_asks_further_places_and_offline_nobody(product: Product, hub: Hub) -> None:
    told = product.run("doctor").out
    assert "OpenModelDB" in told
    assert "ModelScope" not in told
    before = len(hub.requests)
    assert product.run("doctor", "--offline").code == 0
    assert len(hub.requests) == before
