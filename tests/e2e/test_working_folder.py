"""The working folder: what stands in it beforehand, what was damaged in it, and what its name may be."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import sample_catalogue
from tests.support.product import Product, nowhere


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub(sample_catalogue()) as hub:
        yield hub


@pytest.fixture
def product(tmp_path: Path, hub: Hub) -> Product:
    return Product(tmp_path, hub)


@pytest.mark.parametrize(
    "name", ["status.json", "output/workflows.json", "output/summary_report.md", "output/comfyfixer.lock.json"]
)
def test_a_file_of_the_users_own_is_not_overwritten(product: Product, name: str) -> None:
    mine = product.workdir / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine", "utf-8")
    ran = product.json("scan")
    assert (ran.code, ran.codes) == (2, {"workdir-foreign"})
    assert mine.read_text("utf-8") == "mine"


@pytest.mark.parametrize("name", ["downloads.json", "resolutions.json", "workflows.json"])
def test_a_damaged_result_is_told_and_made_anew(product: Product, name: str) -> None:
    assert product.run("auto").code == 3
    (product.workdir / "output" / name).write_bytes(b'[{"filename": ')
    again = product.json("auto")
    assert again.code == 3
    assert again.data["counts"]["placed"] + again.data["counts"]["failed"] >= 1 or again.data["missing_models"]
    json.loads((product.workdir / "output" / name).read_bytes())


@pytest.mark.parametrize(
    "change",
    [{"steps": []}, {"steps": ["bogus"]}, {"done": ["bogus"]}, {"command": "../../../evil"}, {"run_id": 5}],
    ids=str,
)
def test_a_damaged_record_is_no_run_to_resume(product: Product, change: dict[str, object]) -> None:
    assert product.run("scan").code == 3
    file = product.workdir / ".comfyfixer" / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "exit_code": None, **change}), "utf-8")
    ran = product.json("resume")
    assert (ran.code, ran.codes) == (2, {"nothing-to-resume"})


def test_what_the_scan_could_not_read_is_still_told_after_a_resume(product: Product) -> None:
    product.run("scan", "--workflows", str(product.root / "user/default/workflows"), "--workflows", "/nowhere/at/all")
    file = product.workdir / ".comfyfixer" / "run.json"
    record = json.loads(file.read_bytes())
    assert record["exit_code"] == 3
    file.write_text(json.dumps({**record, "exit_code": None, "steps": ["scan", "resolve"]}), "utf-8")
    ran = product.json("resume")
    assert "folder-missing" in ran.codes
    assert ran.code == 3


def test_a_workflow_saved_after_the_resolve_is_outstanding(product: Product) -> None:
    product.run("scan")
    product.run("resolve")
    document = {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "brand_new_vae.safetensors"}}}
    product.save("zz_new.json", json.dumps(document).encode())
    product.run("scan")
    ran = product.json("download")
    assert ran.data["counts"]["missing"] == 1
    assert ran.code == 3


def test_a_file_that_changed_after_it_was_placed_is_not_called_verified(product: Product) -> None:
    product.run("auto")
    (row,) = [row for row in product.output("downloads.json") if row["filename"] == "aurora_vae.safetensors"]
    placed = Path(row["path"])
    data = bytearray(placed.read_bytes())
    data[-1] ^= 1
    placed.write_bytes(data)
    os.utime(placed, ns=(row["mtime_ns"] + 10**9, row["mtime_ns"] + 10**9))
    product.run("download")
    (again,) = [row for row in product.output("downloads.json") if row["filename"] == "aurora_vae.safetensors"]
    assert (again["success"], again["error"]["code"]) == (False, "target-exists")
    assert placed.read_bytes() == bytes(data)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("command", ["scan", "auto", "download", "doctor", "status"])
def test_names_that_are_no_utf_8_are_shown_escaped(tmp_path: Path, hub: Hub, command: str) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    product = Product(folder, hub)
    before = product.run("auto").code if command in ("download", "status") else None
    assert before in (None, 3)
    ran = product.json(command)
    assert ran.code in (0, 2, 3), ran.err
    assert "Traceback" not in ran.err
    json.loads(ran.out)


def test_an_address_of_an_end_point_that_is_none_any_more_is_told_with_how_to_find_it_anew(product: Product) -> None:
    product.run("scan")
    product.run("resolve")
    rows = product.json("download", env=nowhere()).data["downloads"]
    hints = {row["error"]["hint"] for row in rows if row["error"]["code"] == "host-not-allowed"}
    assert hints
    assert all("`comfyfixer resolve` finds it anew" in hint for hint in hints)


def test_a_path_that_no_file_system_takes_is_not_there(product: Product) -> None:
    ran = product.json("scan", "x" * 5000)
    assert (ran.code, ran.codes) == (2, {"path-not-found"})


def test_inspect_counts_what_it_could_not_read(product: Product) -> None:
    good = product.root / "user/default/workflows/aurora_text_to_image.json"
    assert product.run("inspect", str(good)).code == 0
    assert product.run("inspect", str(good), str(product.root / "nothing.json")).code == 3


def test_the_demo_asks_for_another_folder(product: Product) -> None:
    (product.workdir / "full").mkdir(parents=True)
    (product.workdir / "full" / "mine.txt").write_text("mine", "utf-8")
    assert product.run("demo", "full").code == 2
    assert product.run("demo", "full/mine.txt/x").code == 2
