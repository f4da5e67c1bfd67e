"""All official templates of ComfyUI: what is provable is placed, the rest explained.

Their own metadata (`properties.models`: name, URL, directory) is the oracle. It is read here without the scanner, and
nothing is counted by hand: what holds, holds for whatever version of the templates is installed.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import msgspec
import pytest

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, catalogue_from_urls, content_for
from comfyfixer.demo.hub import Hub
from comfyfixer.inventory.folder_table import FolderTable
from tests.support.product import Product, Ran, digest_of

SIZE_BYTES: Final = 4096
INACTIVE: Final = (2, 4)
ADDRESS: Final = re.compile(r"https://huggingface.co/([^/]+/[^/]+)/(?:resolve|blob|raw)/[^/]+/(.+)")
Documents = dict[str, Any]


def templates() -> Documents:
    """File name to its JSON, without the hashes: the hub's stand-ins have other bytes than the real files."""
    folder = resources.files("comfyui_workflow_templates_json") / "templates"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return {file.name: without_hashes(json.loads(file.read_bytes())) for file in files}


def without_hashes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_hashes(inner) for name, inner in value.items() if name not in ("hash", "hash_type")}
    return [without_hashes(inner) for inner in value] if isinstance(value, list) else value


def nodes_of(document: Any) -> Iterator[Any]:
    """The nodes of the graph itself, not those inside subgraphs."""
    nodes = document.get("nodes") if isinstance(document, dict) else None
    yield from (node for node in nodes or () if isinstance(node, dict))


def all_nodes(document: Any) -> Iterator[Any]:
    """Those inside subgraphs, too."""
    yield from nodes_of(document)
    definitions = document.get("definitions") if isinstance(document, dict) else None
    for subgraph in (definitions or {}).get("subgraphs", ()):
        yield from nodes_of(subgraph)


def entries(node: Any) -> list[dict[str, str]]:
    """What a node says about its files."""
    models = (node.get("properties") or {}).get("models") or ()
    return [entry for entry in models if isinstance(entry, dict) and all(isinstance(v, str) for v in entry.values())]


def url_rows(documents: Documents) -> list[tuple[str, str, str]]:
    nodes = (node for document in documents.values() for node in all_nodes(document))
    return [(entry["name"], entry["url"], entry["directory"]) for node in nodes for entry in entries(node)]


def same_bytes_under_one_name(catalogue: Catalogue) -> Catalogue:
    """As it mostly is in reality: files of one name in several repositories are copies."""

    def copied(repo: HuggingFaceRepo) -> HuggingFaceRepo:
        files = [(file, file.path.rpartition("/")[2]) for file in repo.files]
        same = (msgspec.structs.replace(file, content=content_for(name, "", name, SIZE_BYTES)) for file, name in files)
        return msgspec.structs.replace(repo, files=tuple(same))

    return msgspec.structs.replace(catalogue, huggingface=tuple(map(copied, catalogue.huggingface)))


class Oracle:
    """What stands behind the addresses."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._files = {
            f"{repo.id}/{file.path}": digest_of(file.content) for repo in catalogue.huggingface for file in repo.files
        }

    def digests(self, row: Any) -> set[str]:
        """Of the different files that a missing one's own addresses lead to; those in notes count where it has none."""
        own = [url for url in row["urls"] if row["url_origins"][url] != "note"] or row["urls"]
        places = (ADDRESS.fullmatch(unquote(url.partition("?")[0])) for url in own)
        return {self._files[f"{place[1]}/{place[2]}"] for place in places if place}


@pytest.fixture(scope="module")
def documents() -> Documents:
    """All templates."""
    return templates()


def saved(folder: Path, documents: Documents, hub: Hub) -> Product:
    product = Product(folder, hub)
    (product.root / "comfyui_version.py").write_text('__version__ = "99.0.0"\n')  # the templates' own, or a newer one
    product.clear_workflows()
    for name, document in documents.items():
        product.save(name, json.dumps(document).encode())
    return product


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, documents: Documents) -> Iterator[tuple[Product, Ran, Hub]]:
    """One `auto` over all of them."""
    catalogue = same_bytes_under_one_name(catalogue_from_urls(url_rows(documents), size_bytes=SIZE_BYTES))
    with Hub(catalogue) as hub:
        product = saved(tmp_path_factory.mktemp("templates"), documents, hub)
        yield product, product.json("auto"), hub


def test_every_template_is_read(done: tuple[Product, Ran, Hub], documents: Documents) -> None:
    _, ran, _ = done
    workflows = {name for name, document in documents.items() if isinstance(document, dict) and "nodes" in document}

    assert len(workflows) > 600
    assert {Path(row["path"]).name for row in ran.data["workflows"]} == workflows
    assert all(row["ok"] for row in ran.data["workflows"])
    assert ran.data["scanned"]["passed_over"] == len(documents) - len(workflows)
    assert ran.codes == set()


def test_every_file_that_an_active_node_names_and_describes_is_found_missing(
    done: tuple[Product, Ran, Hub], documents: Documents
) -> None:
    product, _, _ = done
    found = {(row["filename"], row["folder"]) for row in product.output("missing_models.json")}
    described = {
        (entry["name"], entry["directory"])
        for document in documents.values()
        for node in nodes_of(document)
        if node.get("mode") not in INACTIVE and isinstance(node.get("widgets_values"), list)
        for entry in entries(node)
        if entry["name"] in node["widgets_values"]
    }

    assert len(described) > 100
    assert described - found == set()


def test_every_file_with_an_address_is_proven_and_placed_where_comfyui_looks(done: tuple[Product, Ran, Hub]) -> None:
    product, ran, hub = done
    oracle = Oracle(hub.catalogue)
    folders = FolderTable(str(product.root)).model_folders()
    expected: dict[str, str] = {}
    for row in product.output("missing_models.json"):
        digests = oracle.digests(row)
        if len(digests) == 1:
            path = Path(folders[row["folder"]].roots[0], *row["value"].replace("\\", "/").split("/"))
            expected[path.relative_to(product.models).as_posix()] = digests.pop()
    placed = product.digests()

    assert len(expected) > 300
    assert {path: placed.get(path) for path in expected} == expected
    assert (ran.data["counts"]["placed"], ran.data["counts"]["failed"]) == (len(expected), 0)


def test_everything_else_is_explained_and_nothing_is_fetched_on_a_name_alone(done: tuple[Product, Ran, Hub]) -> None:
    product, ran, _ = done
    described = {row["filename"] for row in product.output("missing_models.json") if row["urls"]}
    rows = product.output("resolutions.json")

    assert all(row["because"] and row["evidence"] for row in rows if row["decision"] == "accepted")
    assert [row["filename"] for row in rows if row["decision"] == "accepted" and row["filename"] not in described] == []
    assert all(row["because"] for row in rows)
    assert ran.code == (3 if ran.data["missing_nodes"] or len(described) < len(rows) else 0)


def test_missing_nodes_are_those_that_the_templates_do_not_call_core(
    done: tuple[Product, Ran, Hub], documents: Documents
) -> None:
    product, _, _ = done
    origins: dict[str, set[Any]] = defaultdict(set)
    for document in documents.values():
        for node in all_nodes(document):
            origins[node.get("type")].add((node.get("properties") or {}).get("cnr_id"))
    missing = {row["node_type"] for row in product.output("missing_nodes.json")}
    core = {name for name, ids in origins.items() if "comfy-core" in ids}

    assert len(core) > 300
    assert missing & core == set()


def test_nodes_that_are_newer_than_the_installed_comfyui_ask_for_an_update(
    done: tuple[Product, Ran, Hub], documents: Documents, tmp_path: Path
) -> None:
    product, _, hub = done
    older = saved(tmp_path, documents, hub)
    (older.root / "comfyui_version.py").write_text('__version__ = "0.3.0"\n')
    older.run("scan")
    known = {row["node_type"] for row in product.output("missing_nodes.json")}
    newer = [row for row in older.output("missing_nodes.json") if row["node_type"] not in known]

    assert newer
    assert {row["pack"]["id"] for row in newer} == {"comfy-core"}
    assert all("update ComfyUI" in row["note"] for row in newer)


def test_a_second_run_finds_everything_in_its_place(done: tuple[Product, Ran, Hub]) -> None:
    product, first, hub = done
    seen = len(hub.requests)
    again = product.json("auto")

    assert len(again.data["missing_models"]) == len(first.data["missing_models"]) - first.data["counts"]["placed"]
    assert hub.requests[seen:] == ()


def test_different_bytes_under_one_name_are_left_to_a_person(tmp_path: Path, documents: Documents) -> None:
    with Hub(catalogue_from_urls(url_rows(documents), size_bytes=SIZE_BYTES)) as hub:
        product = saved(tmp_path, documents, hub)
        product.run("auto", "--dry-run")
        oracle = Oracle(hub.catalogue)
    digests = {row["filename"]: oracle.digests(row) for row in product.output("missing_models.json")}
    rows = product.rows("resolutions.json")
    conflicts = {name for name, different in digests.items() if len(different) > 1}

    assert conflicts
    assert {name for name, row in rows.items() if row["decision"] == "review" and digests[name]} == conflicts
    assert all("different files" in rows[name]["because"] for name in conflicts)
