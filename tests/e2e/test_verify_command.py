"""`verify` and `inventory` as a user and an agent meet them."""

import os
import signal
import sys

import msgspec
import pytest

from comfyfixer.cli.schema import SCHEMAS
from comfyfixer.model.stock import Stock
from tests.support.contract import ENVELOPE, lacking, violations
from tests.support.product import Product, finished, until


def test_downloads_are_recorded_and_a_change_ends_with_3_until_it_is_accepted(product: Product) -> None:
    product.run("auto")
    placed = next(row for row in product.output("downloads.json") if row["success"])
    first = product.json("verify")
    assert first.code == 0
    row = next(row for row in first.data["files"] if row["path"] == placed["path"])
    assert (row["state"], row["recorded_by"], row["sha256"]) == ("unchanged", "download", placed["sha256"])
    with open(placed["path"], "ab") as file:
        file.write(b"more")

    changed = product.json("verify", os.path.basename(placed["path"]))
    assert (changed.code, changed.codes) == (3, {"file-changed"})
    assert not lacking(changed.envelope, ENVELOPE)
    assert violations(changed.data, msgspec.json.schema(SCHEMAS["verify"])) == []
    assert changed.data["counts"]["changed"] == 1
    human = product.run("verify")
    assert human.code == 3
    assert placed["sha256"] in human.out
    assert "--accept" in human.out
    assert product.run("verify", "--accept").code == 0
    assert product.run("verify").code == 0


def test_looking_leaves_an_interrupted_run_to_be_resumed(product: Product) -> None:
    product.run("scan")
    before = {name: (product.workdir / name).read_bytes() for name in ("status.json", ".comfyfixer/run.json")}
    assert product.run("inventory").code == 3  # one of the sample's workflows can't be read
    product.run("verify")
    assert before == {name: (product.workdir / name).read_bytes() for name in before}


def test_looking_does_not_make_a_folder_ours(product: Product) -> None:
    (product.workdir / "status.json").write_text("mine")
    product.run("inventory")
    ran = product.json("scan")
    assert (ran.code, ran.codes) == (2, {"workdir-foreign"})


def test_the_inventorys_answer_is_one_envelope_of_its_schema(product: Product) -> None:
    ran = product.json("inventory", "--hash")
    assert not lacking(ran.envelope, ENVELOPE)
    assert violations(ran.data, msgspec.json.schema(SCHEMAS["inventory"])) == []
    stock = msgspec.convert(ran.data, Stock)
    assert stock.files == len(stock.models) > 0
    assert all(row.hashes["sha256"] for row in stock.models)
    assert {pack.name for pack in stock.packs} == {path.name for path in (product.root / "custom_nodes").iterdir()}
    assert ran.err == ""


def test_a_name_that_nothing_has_is_wrong_usage(product: Product) -> None:
    ran = product.json("verify", "absent.safetensors")
    assert (ran.code, ran.codes) == (2, {"path-not-found"})


@pytest.mark.skipif(sys.platform == "win32", reason="no signal of this kind")
def test_a_stopped_verify_says_how_to_go_on(product: Product) -> None:
    folder = product.models / "checkpoints"
    small, large = folder / "small.safetensors", folder / "large.safetensors"
    small.write_bytes(b"abc")
    os.utime(small, (1_700_000_000, 1_700_000_000))
    with large.open("wb") as file:
        file.truncate(60 * 2**30)  # takes no space, and longer than any test waits
    process = product.start("verify", str(large), str(small), "--verbose")
    until((product.workdir / ".comfyfixer" / "hashes.sqlite").exists, "it began")
    process.send_signal(signal.SIGINT)
    ran = finished(process)
    large.unlink()
    assert ran.code == 130
    assert "verify --quick" in ran.err
