"""Needed files that are there and can't be used: found missing, fetched anew, and never a byte of them lost."""

import os
from pathlib import Path

import pytest

from comfyfixer.demo.content import Weights, whole
from comfyfixer.demo.hub import Hub
from tests.support.product import Product
from tests.support.sample_facts import placed, present

WHOLE = whole(Weights(kind="checkpoint", seed="cut"))
DAMAGE = {
    "empty": b"",
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1572864\n",
    "page": b"<!DOCTYPE html><html><title>Just a moment...</title></html>",
    "error": b'{"error":"Invalid credentials"}',
    "cut": WHOLE[:-1000],
    "zeros": bytes(4096),
}
PLACE = "checkpoints/aurora_xl_v2.safetensors"
NAME = "aurora_xl_v2.safetensors"


def _put(product: Product, place: str, data: bytes) -> Path:
    path = product.models / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_broken_checkpoint_is_fetched_anew_and_kept_beside(product: Product, damage: str) -> None:
    path = _put(product, PLACE, DAMAGE[damage])
    ran = product.json("auto")
    row = product.rows("missing_models.json")[NAME]
    outcome = product.rows("downloads.json")[NAME]

    assert [match["why"] for match in row["local_matches"]] == ["broken"]
    assert "model-broken" in ran.codes
    assert product.digests()[PLACE] == placed()[PLACE]
    assert (outcome["success"], outcome["verified"], outcome["already_there"]) == (True, True, False)
    assert outcome["set_aside"] == f"{path}.broken-1"
    assert Path(f"{path}.broken-1").read_bytes() == DAMAGE[damage]
    assert [event["details"]["path"] for event in product.events() if event["action"] == "download.set-aside"] == [
        f"{path}.broken-1"
    ]
    assert f"{NAME}.broken-1" in (product.workdir / "output" / "summary_report.md").read_text("utf-8")


def test_the_next_run_finds_everything_in_its_place(product: Product, hub: Hub) -> None:
    path = _put(product, PLACE, b"")
    product.run("auto")
    ran = product.json("auto")

    assert "model-broken" not in ran.codes
    assert NAME not in product.rows("missing_models.json")
    assert sorted(file.name for file in path.parent.glob(f"{NAME}*")) == [NAME, f"{NAME}.broken-1"]


def test_a_scan_says_what_is_wrong_and_touches_nothing(product: Product) -> None:
    path = _put(product, PLACE, DAMAGE["pointer"])
    before = path.stat()
    ran = product.run("scan")

    assert ran.code == 3
    assert "What is here is broken: a Git LFS pointer" in ran.out
    assert ran.out.count("Git LFS pointer") == 1
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_nothing_proven_replaces_keeps_its_name(product: Product) -> None:
    path = _put(product, "checkpoints/vanished_meadow_xl.safetensors", b"")
    ran = product.run("auto")

    assert "What is here is broken: 0 bytes" in ran.out
    assert [file.name for file in path.parent.glob("vanished*")] == ["vanished_meadow_xl.safetensors"]


def test_a_lora_under_a_checkpoints_name_is_told_and_left_alone(product: Product) -> None:
    data = whole(Weights(kind="lora", seed="mistaken"))
    _put(product, PLACE, data)
    ran = product.run("auto")

    assert product.rows("downloads.json")[NAME]["error"]["code"] == "target-exists"
    assert "a LoRA (SDXL) in `checkpoints`" in ran.out
    assert (product.models / PLACE).read_bytes() == data
    assert not list((product.models / "checkpoints").glob("*.broken-*"))


def test_a_broken_file_that_no_workflow_needs_is_nobodys_business(product: Product) -> None:
    _put(product, "checkpoints/unused.safetensors", b"")
    ran = product.json("auto")

    assert ran.codes == {"workflow-invalid-json", "gated"}
    assert (product.models / "checkpoints/unused.safetensors").read_bytes() == b""


@pytest.mark.skipif(os.name == "nt", reason="making links needs a right on Windows")
def test_a_link_to_a_broken_file_gives_way_and_the_file_behind_it_stays(product: Product) -> None:
    store = product.root / "store.bin"
    store.write_bytes(DAMAGE["page"])
    path = product.models / PLACE
    path.symlink_to(store)
    product.run("auto")

    assert store.read_bytes() == DAMAGE["page"]
    assert product.digests()[PLACE] == placed()[PLACE]
    assert Path(f"{path}.broken-1").readlink() == store


def test_the_samples_own_files_are_sound(product: Product) -> None:
    ran = product.json("scan")

    assert not {code for code in ran.codes if code.startswith("model-")}
    assert product.digests() == present()
