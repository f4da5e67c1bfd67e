"""The demo's installation and the hub's catalogue for it fit together."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from comfyfixer.demo.content import Weights, size_of, whole
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import FOLDERS, build_installation, sample_catalogue
from tests.support.hubs import ask, follow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_installation(tmp_path_factory.mktemp("demo"))


def workflow(root: Path, name: str) -> dict[str, Any]:
    data = json.loads((root / "user/default/workflows" / name).read_bytes())
    assert isinstance(data, dict)
    return data


def declared(data: dict[str, Any]) -> list[dict[str, str]]:
    graphs = [data, *data.get("definitions", {}).get("subgraphs", [])]
    nodes = [node for graph in graphs for node in graph["nodes"]]
    return [entry for node in nodes for entry in node["properties"].get("models", [])]


def test_it_looks_like_an_installation(root: Path) -> None:
    assert (root / "main.py").is_file()
    assert (root / "folder_paths.py").is_file()
    assert all((root / "models" / name).is_dir() for name in FOLDERS)
    assert "NODE_CLASS_MAPPINGS" in (root / "custom_nodes/comfyui-palette-tools/__init__.py").read_text()


def test_building_it_again_changes_nothing(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    build_installation(root.parent)

    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_all_workflows_but_the_broken_one_are_json(root: Path) -> None:
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.json"))
    broken = [name for name in names if not _is_json(root / name)]

    assert len(names) == 13
    assert broken == ["user/default/workflows/broken_download.json"]


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except json.JSONDecodeError:
        return False
    return True


@pytest.mark.parametrize("name", ["aurora_text_to_image.json", "harbor_two_stages.json", "styles/film_grain.json"])
def test_every_link_joins_an_output_to_the_input_that_names_it(root: Path, name: str) -> None:
    data = workflow(root, name)
    nodes = {node["id"]: node for node in data["nodes"]}

    assert len(data["links"]) == data["last_link_id"] > 5
    for number, source, out, target, slot, kind in data["links"]:
        assert number in nodes[source]["outputs"][out]["links"]
        assert nodes[source]["outputs"][out]["type"] == kind
        assert nodes[target]["inputs"][slot]["link"] == number


def test_two_instances_of_one_subgraph_have_models_of_their_own(root: Path) -> None:
    data = workflow(root, "harbor_two_stages.json")
    definition = data["definitions"]["subgraphs"][0]
    instances = [node["widgets_values"] for node in data["nodes"] if node["type"] == definition["id"]]

    assert instances == [["harbor_base_fp16.safetensors"], ["harbor_detail_fp16.safetensors"]]
    assert definition["nodes"][0]["inputs"][0]["widget"] == {"name": "unet_name"}


def test_every_url_of_the_workflows_leads_to_a_file_of_the_hub(root: Path) -> None:
    names = ("aurora_text_to_image.json", "harbor_two_stages.json", "river_gated.json")
    entries = [entry for name in names for entry in declared(workflow(root, name))]
    with Hub(sample_catalogue()) as hub:
        statuses = set()
        for entry in entries:
            path = urlsplit(entry["url"]).path.replace("/blob/", "/resolve/")
            reply = follow(hub.huggingface_endpoint + path)
            statuses.add((reply.status, entry["name"] == "river_dev.safetensors"))
            assert reply.status != 200 or reply.body[8:9] == b"{"

    assert len(entries) == 9
    assert statuses == {(200, False), (401, True)}


def test_the_declared_hash_is_that_of_the_file(root: Path) -> None:
    entry = next(entry for entry in declared(workflow(root, "aurora_text_to_image.json")) if "hash" in entry)
    with Hub(sample_catalogue()) as hub:
        reply = ask(hub.huggingface_endpoint + urlsplit(entry["url"]).path, method="HEAD")

    assert reply.headers["x-linked-etag"] == f'"{entry["hash"]}"'


def test_what_only_civitai_has_is_found_there_and_only_there() -> None:
    with Hub(sample_catalogue()) as hub:
        url = f"{hub.civitai_endpoint}/api/v1/models"
        assert ask(f"{url}?query=ink+wash+landscape&types=LORA").json["items"] == []
        found = ask(f"{url}?query=ink+wash+landscape&types=LORA&nsfw=true").json["items"]
        copper = ask(f"{url}?query=copper+valley&types=Checkpoint&nsfw=true").json["items"]
        nobody = ask(f"{hub.huggingface_endpoint}/api/search/full-text?q=ink_wash_landscape_v3&type=model").json

    names = [version["files"][0]["name"] for version in found[0]["modelVersions"]]
    assert names == ["ink_wash_landscape_v3.safetensors", "ink_wash_landscape_v2.safetensors"]
    assert copper[0]["modelVersions"][0]["files"][0]["name"] == "copperValley_v40.safetensors"
    assert nobody["hits"] == []


def test_ambiguous_names_are_there_twice_with_different_bytes() -> None:
    catalogue = sample_catalogue()
    files = [(file.name, file.content) for model in catalogue.civitai for v in model.versions for file in v.files]
    files += [(file.path, file.content) for repo in catalogue.huggingface for file in repo.files]
    for name in ("soft_lighting.safetensors", "diffusion_pytorch_model.safetensors"):
        contents = [whole(content) for known, content in files if known == name]
        assert len(set(contents)) == 2
    assert not any("vanished_meadow" in name or "forgotten_style" in name for name, _ in files)


def test_the_whole_catalogue_is_small() -> None:
    catalogue = sample_catalogue()
    sizes = [size_of(file.content) for repo in catalogue.huggingface for file in repo.files]
    kinds = {type(file.content) for repo in catalogue.huggingface for file in repo.files if file.lfs}

    assert sum(sizes) < 16_000_000
    assert kinds == {Weights}
