"""Files that are no workflows, and workflows that mean harm: one clear message each, and the rest goes on."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from comfyfixer.inventory.places import places
from tests.support.hubs import catalogue_of, civitai_model, repo, weights
from tests.support.product import Product, Ran, checkpoint_workflow, lora_workflow

GOOD = checkpoint_workflow("wanted.safetensors")
LARGE_BYTES = 200_000_000
FILES = {
    "bad/truncated.json": (GOOD[:300], "workflow-invalid-json"),
    "bad/words.json": (b"hello", "workflow-invalid-json"),
    "bad/zeros.json": (bytes(100), "workflow-invalid-json"),
    "bad/empty.json": (b"", "workflow-empty"),
    "bad/blank.json": (b" \n\t", "workflow-empty"),
    "bad/latin1.json": (GOOD.replace(b"wanted", b"w\xe9nted"), "workflow-encoding"),
    "bad/deep.json": (b'{"nodes":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "workflow-too-deep"),
    "bad/deep_and_cut.json": (b'{"nodes":' + b'{"a":' * 10_000, "workflow-too-deep"),
    "bad/deep_prompt.json": (b'{"1": {"class_type": "A", "inputs": ' + b"[" * 10_000, "workflow-too-deep"),
    "bad/large.json": (GOOD, "workflow-too-large"),
    "other/list.json": (b"[1, 2]", None),
    "other/number.json": (b"3", None),
    "other/package.json": (b'{"name": "palette", "version": "1.0.0"}', None),
    "good/plain.json": (GOOD, None),
    "good/bom.json": (b"\xef\xbb\xbf" + checkpoint_workflow("after_bom.safetensors"), None),
    "good/utf16.json": (checkpoint_workflow("wide.safetensors").decode().encode("utf-16"), None),
    "good/nan.json": (checkpoint_workflow("nan.safetensors").replace(b'"pos": [', b'"pos": [NaN, '), None),
    "good/UPPER.JSON": (checkpoint_workflow("upper.safetensors"), None),
    "good/folder.json/inner.json": (checkpoint_workflow("inner.safetensors"), None),
    "good/na\u00efve \U0001f600 `|<b>.json": (checkpoint_workflow("na\u00efve.safetensors"), None),
}
LINKS = {"bad/dangling.json": "nowhere", "bad/itself.json": "itself.json", "good/round": "..", "good/again": "../good"}
EXPECTED = {name: code for name, (_, code) in FILES.items() if code} | dict.fromkeys(
    ("bad/dangling.json", "bad/itself.json"), "workflow-unreadable"
)
WANTED = {"wanted", "after_bom", "wide", "nan", "upper", "inner", "na\u00efve"}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Product, Ran]:
    """One `scan` of a folder with everything that can be wrong, and of one that is not there."""
    product = Product(tmp_path_factory.mktemp("bad"))
    product.clear_workflows()
    for name, (data, _) in FILES.items():
        if sys.platform != "win32" or not set(name) & set("|<>`"):
            product.save(name, data)
    os.truncate(product.workflows / "bad" / "large.json", LARGE_BYTES)
    if sys.platform != "win32":
        for name, target in LINKS.items():
            (product.workflows / name).symlink_to(target)
        os.mkfifo(product.workflows / "bad" / "pipe.json")
    folders = ("--workflows", str(product.workflows), "--workflows", str(product.workflows / "not there"))
    return product, product.json("scan", *folders)


def errors_by_name(product: Product, ran: Ran) -> dict[str, dict[str, str]]:
    root = f"{product.workflows.as_posix()}/"
    return {error["where"].removeprefix(root): error for error in ran.envelope["errors"]}


def test_each_bad_file_has_one_message_with_its_code_and_a_hint(scanned: tuple[Product, Ran]) -> None:
    product, ran = scanned
    errors = errors_by_name(product, ran)
    wanted = {name: code for name, code in EXPECTED.items() if (product.workflows / name).exists() or "unread" in code}

    assert ran.code == 3
    assert {name: errors[name]["code"] for name in wanted} == wanted
    assert len(errors) == len(ran.envelope["errors"])
    assert all(error["message"] and error["hint"] for error in errors.values())


def test_what_is_good_or_no_workflow_at_all_has_none(scanned: tuple[Product, Ran]) -> None:
    product, ran = scanned
    errors = errors_by_name(product, ran)

    assert not [name for name in errors if name.startswith(("good/", "other/"))]
    assert ran.data["scanned"]["passed_over"] == 3


def test_the_files_of_all_good_workflows_are_found_each_once(scanned: tuple[Product, Ran]) -> None:
    _, ran = scanned
    paths = [row["path"] for row in ran.data["workflows"]]

    assert {Path(row["filename"]).stem for row in ran.data["missing_models"]} == WANTED
    assert len(paths) == len(set(paths))
    assert not [path for path in paths if "/round/" in path or "/again/" in path]


def test_a_folder_that_is_not_there_is_told_and_the_others_are_read(scanned: tuple[Product, Ran]) -> None:
    product, ran = scanned

    assert errors_by_name(product, ran)["not there"]["code"] == "folder-missing"


def test_a_pipe_is_not_waited_for(scanned: tuple[Product, Ran]) -> None:
    product, ran = scanned
    if sys.platform == "win32":
        pytest.skip("no pipes among files here")

    assert errors_by_name(product, ran)["bad/pipe.json"]["code"] in ("workflow-unreadable", "workflow-empty")


def test_nothing_is_a_bug_and_every_file_of_the_run_is_whole(scanned: tuple[Product, Ran]) -> None:
    product, ran = scanned

    assert "Traceback" not in ran.err
    assert ran.codes <= {*EXPECTED.values(), "folder-missing"}
    assert product.status_file()["phase"] == "complete"
    assert len(product.output("workflows.json")) == len(ran.data["workflows"])
    assert len(product.output("missing_models.json")) == len(WANTED)


def test_the_same_for_people_shows_no_sign_that_a_terminal_obeys(scanned: tuple[Product, Ran]) -> None:
    product, _ = scanned
    product.save("es\u202ecape.json", checkpoint_workflow("red\x1b[31m\u202ename.safetensors"))
    ran = product.run("scan", "--verbose")
    report = (product.workdir / "output" / "summary_report.md").read_text("utf-8")
    logs = "".join(path.read_text("utf-8") for path in (product.workdir / "log").glob("*.log"))

    assert ran.code == 3
    for text in (ran.out, ran.err, report, logs):
        assert not [sign for sign in text if not sign.isprintable() and sign != "\n"]


def test_json_stays_json_where_the_terminal_knows_ascii_only(scanned: tuple[Product, Ran]) -> None:
    product, _ = scanned
    ran = product.json("scan", env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    inspected = product.json("inspect", env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    plain = product.run("scan", env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})

    assert "na\u00efve.safetensors" in {row["filename"] for row in ran.data["missing_models"]}
    assert "na\u00efve.safetensors" in inspected.out
    assert plain.code == 3
    assert "na\\xefve.safetensors" in plain.out


def test_inspect_gives_a_line_for_each_workflow_in_path_order(scanned: tuple[Product, Ran]) -> None:
    product, _ = scanned
    ran = product.json("inspect", str(product.workflows), str(product.workflows / "good" / "plain.json"))
    rows = [json.loads(line) for line in ran.out.splitlines()]
    names = [row["path"].removeprefix(f"{product.workflows.as_posix()}/") for row in rows]

    assert ran.code == 3
    assert {name for name, row in zip(names, rows, strict=True) if not row["ok"]} >= set(EXPECTED)
    assert names == sorted(set(names))


def test_no_folder_at_all_is_wrong_usage(product: Product) -> None:
    ran = product.json("scan", str(product.workdir / "nowhere"))

    assert (ran.code, ran.codes) == (2, {"path-not-found"})


def test_a_folder_that_is_no_installation_is_wrong_usage(product: Product) -> None:
    ran = product.json("scan", "--comfyui-root", str(product.workdir))

    assert (ran.code, ran.codes) == (2, {"installation-invalid"})
    assert ran.envelope["errors"][0]["hint"]


def test_no_installation_is_wrong_usage_with_the_ways_to_name_one(tmp_path: Path) -> None:
    alone = Product(tmp_path / "alone", root=tmp_path / "elsewhere" / "ComfyUI")
    if any(Path(place.path, "main.py").exists() for place in places({}, alone.workdir, alone.home, sys.platform)):
        pytest.skip("this machine has an installation in a usual place")
    ran = alone.json("scan", env={"COMFYUI_PATH": ""})

    assert (ran.code, ran.codes) == (2, {"installation-not-found"})
    assert all(way in ran.envelope["errors"][0]["hint"] for way in ("--comfyui-root", "COMFYUI_PATH", "config.json"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "config-unreadable"),
        ("[]", "config-unreadable"),
        ('{"download": {"max_concurrent": 0}}', "config-invalid"),
        ('{"download": {"allowed_hosts": "one"}}', "config-invalid"),
        ('{"api_keys": {"civitai": "two words"}}', "config-invalid"),
        ("[" * 100_000, "config-unreadable"),
    ],
)
def test_a_configuration_that_can_not_be_used_is_wrong_usage(product: Product, text: str, code: str) -> None:
    (product.workdir / "config.json").write_text(text, "utf-8")
    ran = product.json("scan")

    assert (ran.code, ran.codes) == (2, {code})
    assert "two words" not in ran.out


def test_results_of_an_earlier_step_that_were_damaged_are_not_used(product: Product) -> None:
    product.run("scan")
    (product.workdir / "output" / "missing_models.json").write_bytes(b'[{"filename": 7}]')
    ran = product.json("resolve")

    assert (ran.code, ran.codes) == (2, {"state-unreadable"})
    assert "comfyfixer scan" in ran.envelope["errors"][0]["hint"]


# --- names and folders that lead elsewhere ---------------------------------------------------------------------------

SAFE = "quite_safe_lora.safetensors"
HOSTILE_NAMES = (
    "../../escaped.safetensors",
    "..\\..\\escaped.safetensors",
    "/tmp/escaped.safetensors",
    "C:\\escaped.safetensors",
    "\\\\server\\share\\escaped.safetensors",
    "a/../../escaped.safetensors",
    "CON.safetensors",
    "sub/NUL.safetensors",
    "esc\x1b[31maped.safetensors",
    "es\u202ecaped.safetensors",
    "escaped\x00.safetensors",
    "escaped.safetensors\n",
    "x" * 400 + ".safetensors",
    "/".join(["deep"] * 40) + "/escaped.safetensors",
    "escaped.safetensors.",
    "esca|ped*.safetensors",
)
HOSTILE_FOLDERS = (
    "../../elsewhere",
    "/tmp",
    "..",
    "loras/../../custom_nodes",
    "custom_nodes",
    "configs",
    "C:\\x",
    "a\x00b",
)


def hostile_workflows() -> dict[str, bytes]:
    """Each name with an address that proves it, each folder with a harmless name that is proven."""
    url = "https://huggingface.co/owner/repo/resolve/main/a/lora.safetensors"
    by_name, by_folder = Graph(), Graph()
    for name in HOSTILE_NAMES:
        by_name.add("LoraLoader", name, 1.0, 1.0, outputs=(), models=[_entry(name, url, "loras")])
    for folder in HOSTILE_FOLDERS:
        by_folder.add("UnknownLoader", f"{len(folder)}.py.safetensors", outputs=(), models=[
            _entry(f"{len(folder)}.py.safetensors", url, folder)
        ])  # fmt: skip
    return {"names.json": by_name.to_json(), "folders.json": by_folder.to_json(), "safe.json": lora_workflow(SAFE)}


def _entry(name: str, url: str, directory: str) -> Mapping[str, str]:
    return {"name": name, "url": url, "directory": directory}


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_no_name_and_no_folder_of_a_workflow_leaves_the_models_folder(tmp_path: Path) -> None:
    things = (repo(), civitai_model(5, content=weights("safe"), file_name=SAFE, name="Quite Safe LoRA"))
    others = [civitai_model(20 + n, name=f"Escaped {n}", file_name=name) for n, name in enumerate(HOSTILE_NAMES[:6])]
    with Hub(catalogue_of(*things, *others)) as hub:
        product = Product(tmp_path, hub)
        product.clear_workflows()
        for name, data in hostile_workflows().items():
            product.save(name, data)
        before = everything(tmp_path)
        ran = product.json("auto")
    new = {path for path in everything(tmp_path) - before if not path.startswith("work/")}
    inside = {path for path in new if path.startswith("ComfyUI/models/")}

    assert ran.code == 3, ran.err
    assert new == inside
    assert f"ComfyUI/models/loras/{SAFE}" in inside
    assert not [path for path in inside if "escaped" in path.lower() or "CON" in path or "NUL" in path]
    assert not (Path("/tmp/escaped.safetensors")).exists()


def test_a_name_that_is_refused_is_told_with_its_reason(tmp_path: Path) -> None:
    with Hub(catalogue_of(repo())) as hub:
        product = Product(tmp_path, hub)
        product.clear_workflows()
        for name, data in hostile_workflows().items():
            product.save(name, data)
        product.run("auto")
    refused: list[Any] = [row["error"] for row in product.output("downloads.json") if not row["success"]]

    assert refused
    assert {error["code"] for error in refused} == {"unsafe-name"}
    assert all(error["hint"] and error["message"].isascii() for error in refused)


def test_a_deep_or_huge_workflow_costs_no_other_its_reading(product: Product) -> None:
    nodes = b'{"id": 1, "type": "CheckpointLoaderSimple", "widgets_values": ["x.safetensors"]},' * 20_000
    product.save("many_nodes.json", b'{"last_node_id": 1, "nodes": [' + nodes[:-1] + b'], "links": [], "version": 0.4}')
    product.save("long_name.json", checkpoint_workflow("y" * 1_000_000 + ".safetensors"))
    ran = product.json("scan")

    assert ran.code == 3
    assert {"x.safetensors", "aurora_xl_v2.safetensors"} <= {row["filename"] for row in ran.data["missing_models"]}
    (row,) = (row for row in ran.data["missing_models"] if row["filename"] == "x.safetensors")
    assert len(row["workflows"]) == 1
