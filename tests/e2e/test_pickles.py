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
from comfyfixer.report.exports import FORMATS
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


def test_what_a_hubs_scan_calls_unsafe_is_a_hard_no_that_is_told_everywhere(tmp_path: Path) -> None:
    with hub_of(data=saved(), security="unsafe") as hub:
        product = product_of(tmp_path, hub)
        product.run("auto", "--dry-run")
        ran = product.json("choose", PICKLE, "1")
        assert (ran.code, ran.codes) == (2, {"choice-refused"})
        told = ran.envelope["errors"][0]
        assert "its hub's scan calls it unsafe" in told["message"]
        assert f"`comfyfixer choose {PICKLE} skip`" in told["hint"]

        (item,) = product.json("review").data["items"]
        assert "gives a file that is ruled out: Hugging Face's scan calls this file unsafe" in item["because"]
        assert "`.safetensors` version" in item["advice"][0]
        plan = product.json("plan")
        assert (plan.code, plan.data["files"], plan.data["open"][0]["state"]) == (3, [], "refused")
        assert "Hugging Face's scan" in plan.data["open"][0]["why"]

        said = product.run("auto", "--allow-pickle", PICKLE).out
        assert "Hugging Face's scan calls this file unsafe" in said
        assert f"`comfyfixer choose {PICKLE} skip` leaves it out" in said
        assert product.run("choose", PICKLE, "skip").code == 0
    assert not (product.models / "upscale_models" / PICKLE).exists()


def chosen_before(product: Product) -> None:
    """The file is chosen in resolutions.json, as it could be before choices of what a scan refuses were refused."""
    product.run("auto", "--dry-run")
    rows = product.output("resolutions.json")
    fact = {"kind": "choice", "detail": "Chosen by you on 2026-01-31"}
    rows[0] |= {"decision": "accepted", "because": fact["detail"], "evidence": [fact, *rows[0]["evidence"]]}
    (product.workdir / "output" / "resolutions.json").write_text(json.dumps(rows))


def test_an_earlier_choice_of_what_is_refused_now_reaches_no_plan_no_download_and_no_export(tmp_path: Path) -> None:
    why = f"`{PICKLE}` is not fetched: Hugging Face's scan calls this file unsafe"
    with hub_of(data=saved(), security="unsafe") as hub:
        product = product_of(tmp_path, hub)
        chosen_before(product)
        plan = product.json("plan")
        assert (plan.code, plan.data["files"], plan.data["open"][0]["why"]) == (3, [], why)
        for form in FORMATS:
            ran = product.json("export", "--format", form, "--allow-pickle", PICKLE)
            assert (ran.code, ran.codes) == (3, {"unsafe-file"}), form
            assert (ran.data["left_out"], ran.data["files"]) == ({PICKLE: why}, [])
            assert "owner/up" not in ran.data["text"]
        assert product.run("download", "--allow-pickle", PICKLE).code == 3
        error = product.rows("downloads.json")[PICKLE]["error"]
        assert (error["code"], error["message"]) == ("unsafe-file", why)
        assert ".safetensors" in error["hint"]
        product.run("resolve")
        assert product.rows("resolutions.json")[PICKLE]["decision"] == "review"


def test_a_file_of_another_hash_that_somebody_chose_all_the_same_is_fetched(tmp_path: Path) -> None:
    data = saved()
    with hub_of(data=data) as hub:
        product = product_of(tmp_path, hub)
        graph = json.loads((product.workflows / "w.json").read_bytes())
        graph["nodes"][0]["properties"]["models"][0] |= {"hash": "a" * 64, "hash_type": "SHA256"}
        product.save("w.json", json.dumps(graph).encode())
        product.run("auto", "--dry-run")
        assert "hash-differs" in {fact["kind"] for fact in product.rows("resolutions.json")[PICKLE]["evidence"]}
        assert product.run("choose", PICKLE, "1").code == 0
        assert product.run("download").code == 0
    assert (product.models / "upscale_models" / PICKLE).read_bytes() == data


@pytest.mark.parametrize("form", FORMATS)
def test_a_pickle_is_handed_to_no_other_program_unless_it_is_allowed_by_name(
    tmp_path: Path, hub: Hub, form: str
) -> None:
    product = product_of(tmp_path, hub)
    product.run("auto", "--dry-run")
    ran = product.run("export", "--format", form)
    if form == "lock":  # `sync` looks for code in it
        assert (ran.code, PICKLE in ran.out) == (0, True)
        return
    assert (ran.code, PICKLE in ran.out) == (3, False)
    assert "Pickle files" in ran.out
    assert f"0 of 1 files as {form}" in ran.err
    assert f"left out: models/upscale_models/{PICKLE}: A pickle file, which only `comfyfixer download`" in ran.err

    allowed = product.run("export", "--format", form, "--allow-pickle", PICKLE)
    assert (allowed.code, PICKLE in allowed.out) == (0, True)
    (product.workdir / "config.json").write_text(json.dumps({"download": {"allow_pickle": [PICKLE]}}))
    assert product.run("export", "--format", form).out == allowed.out


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
