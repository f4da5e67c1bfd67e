"""Missing custom nodes, from the workflow to the pack, through the installed command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.demo.catalogue import Catalogue, NodePack
from comfyfixer.demo.faults import Down, Faults, Reply
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import sample_catalogue
from tests.support.product import Product
from tests.support.running import BUILTIN, INT, comfyui, described

GRAIN = "https://github.com/grainlab/comfyui-film-grain"


def workflow(*nodes: tuple[str, list[Any], dict[str, str]]) -> bytes:
    rows = [
        {"id": number, "type": node_type, "mode": 0, "inputs": [], "outputs": [], "properties": properties,
         "widgets_values": values}
        for number, (node_type, values, properties) in enumerate(nodes, start=1)
    ]  # fmt: skip
    return json.dumps({"version": 0.4, "nodes": rows, "links": [], "last_node_id": 9, "last_link_id": 0}).encode()


def rows_of(product: Product) -> dict[str, Any]:
    return {row["node_type"]: row for row in product.output("missing_nodes.json")}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(sample_catalogue()) as hub:
        yield hub


@pytest.fixture
def product(tmp_path: Path, hub: Hub) -> Product:
    """The sample's installation, with the workflows of a test alone."""
    product = Product(tmp_path, hub)
    product.clear_workflows()
    return product


def put_pack(product: Product, name: str, source: str, requirements: str = "") -> None:
    folder = product.root / "custom_nodes" / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(source)
    (folder / "requirements.txt").write_text(requirements)


def put_lists(product: Product, node_map: dict[str, Any]) -> None:
    file = product.root / "user/__manager/cache/1742899825_extension-node-map.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(node_map))


# --- which pack ------------------------------------------------------------------------------------------------------


def test_a_type_that_does_not_say_whose_it_is_gets_its_pack_from_registry_and_lists(product: Product) -> None:
    product.save("w.json", workflow(("FilmGrainApply", [0.4], {}), ("Nobody's", [], {})))
    product.run("scan")
    assert rows_of(product)["FilmGrainApply"]["pack"] is None
    ran = product.run("resolve")
    row = rows_of(product)["FilmGrainApply"]
    assert (row["pack"]["id"], row["pack"]["title"], row["pack"]["repository"], row["pack"]["latest"]) == (
        "comfyui-film-grain", "Film Grain", GRAIN, "0.4.1"
    )  # fmt: skip
    assert (row["pack"]["found_by"], row["pack"]["also_found_by"]) == ("registry", ["manager-list"])
    assert [(pack["id"], pack["found_by"]) for pack in row["alternatives"]] == [("comfyui-darkroom", "manager-list")]
    assert rows_of(product)["Nobody's"]["pack"] is None
    assert "pack Film Grain: FilmGrainApply" in ran.out
    assert "`FilmGrainApply` is also in Darkroom" in ran.out
    report = (product.workdir / "output" / "summary_report.md").read_text()
    assert GRAIN in report
    assert "Neither the Comfy Registry nor ComfyUI-Manager's lists know it" in report


def test_the_installations_own_lists_name_packs_without_a_network(product: Product, hub: Hub) -> None:
    put_lists(product, {"https://github.com/o/pack": [["FilmGrainApply"], {"title_aux": "Own Pack"}]})
    product.save("w.json", workflow(("FilmGrainApply", [0.4], {})))
    ran = product.run("scan")
    pack = rows_of(product)["FilmGrainApply"]["pack"]
    assert (pack["title"], pack["repository"], pack["found_by"]) == (
        "Own Pack", "https://github.com/o/pack", "installed-list"
    )  # fmt: skip
    assert "named by ComfyUI-Manager's list here" in ran.out
    assert hub.requests == ()


def test_a_hub_that_gives_no_answer_leaves_the_pack_open_and_is_asked_again(product: Product, hub: Hub) -> None:
    product.save("w.json", workflow(("FilmGrainApply", [0.4], {})))
    hub.set_faults(Faults((Reply(role="registry", status=400, times=None), Down(role="manager", times=None))))
    product.run("scan")
    ran = product.json("resolve")
    row = rows_of(product)["FilmGrainApply"]
    assert (row["pack"], row["unanswered"]) == (None, ["Comfy Registry", "ComfyUI-Manager's lists"])
    assert {"hub-refused", "hub-unreachable"} <= ran.codes
    shown = product.run("resolve").out
    assert "Comfy Registry and ComfyUI-Manager's lists gave no answer: `comfyfixer resolve` asks again" in shown
    assert "know it" not in shown

    hub.set_faults(Faults())
    product.run("resolve")
    row = rows_of(product)["FilmGrainApply"]
    assert (row["pack"]["id"], row["unanswered"]) == ("comfyui-film-grain", [])


def test_resolving_again_asks_nothing_and_changes_nothing(product: Product, hub: Hub) -> None:
    product.save("w.json", workflow(("FilmGrainApply", [0.4], {})))
    product.run("scan")
    product.run("resolve")
    first, asked = rows_of(product), len(hub.requests)
    product.run("resolve")
    assert (rows_of(product), len(hub.requests)) == (first, asked)


def test_the_hubs_are_not_asked_about_what_only_a_newer_comfyui_has(product: Product, hub: Hub) -> None:
    core = {"cnr_id": "comfy-core", "ver": "0.36.1"}
    product.save("w.json", workflow(("ConditioningLoader", ["x.pt"], core), ("NodeOfTheFuture", [], core)))
    (product.root / "nodes.py").write_text("NODE_CLASS_MAPPINGS = {}\n")
    ran = product.run("auto")
    rows = rows_of(product)
    assert {row["state"] for row in rows.values()} == {"update-comfyui"}
    assert "update ComfyUI to 0.36.1 or newer" in rows["NodeOfTheFuture"]["note"]
    assert "missing custom nodes" not in ran.out
    assert "nodes of another ComfyUI" in ran.out
    asked = [request.path for request in (*hub.requests_to("registry"), *hub.requests_to("manager"))]
    assert asked == ["/model-list.json"], "only the list of models, for the file"


def test_a_disabled_pack_is_told_as_disabled(product: Product) -> None:
    put_pack(product, "comfyui-film-grain.disabled", "NODE_CLASS_MAPPINGS = {}\n")
    project = product.root / "custom_nodes/comfyui-film-grain.disabled/pyproject.toml"
    project.write_text('[project]\nname = "comfyui-film-grain"\n')
    product.save("w.json", workflow(("FilmGrainApply", [0.4], {"cnr_id": "comfyui-film-grain", "ver": "0.4.1"})))
    ran = product.run("scan")
    assert rows_of(product)["FilmGrainApply"]["state"] == "disabled"
    assert "is installed and disabled: enable it" in ran.out


def test_a_name_full_of_signs_is_asked_for_as_it_is(tmp_path: Path) -> None:
    name = "Grain/Apply |x + 100% é?#"
    catalogue = Catalogue(packs=(NodePack(id="p", name="P", repository="https://github.com/o/p", node_types=(name,)),))
    with Hub(catalogue) as hub:
        product = Product(tmp_path, hub)
        product.clear_workflows()
        product.save("w.json", workflow((name, [], {})))
        product.run("scan", "--quiet")
        product.run("resolve", "--quiet")
        assert rows_of(product)[name]["pack"]["found_by"] == "registry"


# --- what ComfyUI's Python lacks -------------------------------------------------------------------------------------

INSIGHT = "class A: pass\nNODE_CLASS_MAPPINGS = {'FaceNode': A}\n"


def test_a_used_pack_without_its_requirement_is_noted(product: Product) -> None:
    put_pack(product, "faces", INSIGHT, "insightface>=0.7\nnumpy\n")
    put = product.root / "venv/lib/python3.12/site-packages/numpy-2.1.0.dist-info"
    put.mkdir(parents=True)
    product.save("w.json", workflow(("FaceNode", [], {})))
    ran = product.run("scan")
    assert ran.code == 0
    assert "The pack `faces` will probably fail to import: it requires `insightface>=0.7`" in ran.out


# --- a running ComfyUI -----------------------------------------------------------------------------------------------


def test_a_running_comfyui_tells_types_folders_and_packs_that_failed(product: Product) -> None:
    put_pack(product, "faces", INSIGHT, "insightface>=0.7\n")
    put_pack(product, "secretive", "import sys\nNODE_CLASS_MAPPINGS = sys.modules['x'].table()\n")
    (product.root / "venv/lib/python3.12/site-packages").mkdir(parents=True)
    values = [7, "fixed", "gone.safetensors"]
    product.save("w.json", workflow(("FaceNode", [], {}), ("Dynamic", values, {})))
    spec = {"seed": INT, "file": [["None", "l1.safetensors", "sub/l2.safetensors"]]}
    nodes = BUILTIN | {"Dynamic": described("custom_nodes.secretive", spec)}
    with comfyui(nodes, packs=product.root / "custom_nodes") as server:
        ran = product.run("scan", "--comfyui-url", server.url)
    rows = rows_of(product)
    assert set(rows) == {"FaceNode"}
    assert rows["FaceNode"]["state"] == "failed-import"
    assert "it requires `insightface>=0.7`, which ComfyUI's Python does not have" in rows["FaceNode"]["note"]
    assert rows["FaceNode"]["note"] in ran.out
    (model,) = product.output("missing_models.json")
    assert (model["filename"], model["folder"]) == ("gone.safetensors", "loras")


def test_without_an_answer_the_files_are_read_and_it_is_told(product: Product) -> None:
    put_pack(product, "faces", INSIGHT)
    product.save("w.json", workflow(("FaceNode", [], {})))
    ran = product.json("scan", env={"COMFYFIXER_COMFYUI_URL": "http://127.0.0.1:9"})
    assert ran.code == 0
    (error,) = ran.envelope["errors"]
    assert (error["code"], error["where"]) == ("hub-unreachable", "http://127.0.0.1:9")


def test_a_running_comfyui_is_never_asked_unless_it_is_named(product: Product) -> None:
    product.save("w.json", workflow(("FaceNode", [], {})))
    with comfyui(BUILTIN) as server:
        product.run("scan")
        assert server.seen == []


def test_doctor_asks_what_is_named(product: Product) -> None:
    with comfyui(BUILTIN) as server:
        ran = product.run("doctor", "--comfyui-url", server.url)
    assert f"ok   comfyui_url: {server.url}  (flag)" in ran.out
    assert "ok   running ComfyUI:" in ran.out
    assert "ComfyUI 0.33.0 with 4 node types of its own, and 0 node packs" in ran.out
    assert "ok   Comfy Registry: answers" in ran.out
    assert "ok   ComfyUI-Manager's lists: answers" in ran.out
