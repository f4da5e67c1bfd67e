"""`comfyfixer relink` as a user has it: what is here under another path or name is mended, and nothing is fetched."""

import json
import os
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.demo.content import Weights, whole
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import sample_catalogue
from tests.support.product import (
    Product,
    Ran,
    checkpoint_workflow,
    declared,
    digest_of,
    file_of,
    file_of_version,
    lora_workflow,
)

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
needs_exact_names = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="the file system finds names in any case, or the slash is its own"
)


@pytest.fixture
def user(tmp_path: Path) -> Product:
    """An installation without a workflow, and no hub."""
    product = Product(tmp_path)
    product.clear_workflows()
    return product


def placed(product: Product, name: str, kind: str = "lora", seed: str = "") -> Path:
    """A model file that is here, below `models`."""
    path = product.models / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(whole(Weights(kind=kind, seed=seed or name)))
    return path


def only(ran: Ran) -> Any:
    (item,) = ran.data["items"]
    return item


def values(path: Path) -> list[str]:
    """The first value of each node."""
    return [node["widgets_values"][0] for node in json.loads(path.read_bytes())["nodes"]]


@needs_exact_names
def test_a_workflow_of_another_system_is_mended_by_a_copy_that_is_ready(user: Product) -> None:
    placed(user, "loras/ink/wash.safetensors")
    placed(user, "loras/Style.safetensors")
    before = lora_workflow("ink\\wash.safetensors", "style.safetensors")
    original = user.save("a.json", before)
    scanned = user.run("scan")
    assert "here under another path or name (2)" in scanned.out
    assert "`comfyfixer relink` mends it" in scanned.out
    assert "comfyfixer relink" in (user.workdir / "output" / "summary_report.md").read_text("utf-8")

    shown = user.json("relink", "--dry-run")
    copy = original.with_name("a.relinked.json")
    assert shown.code == 3
    assert {item["state"] for item in shown.data["items"]} == {"planned"}
    assert {tuple(item["targets"]) for item in shown.data["items"]} == {(str(copy),)}
    assert not copy.exists()

    done = user.json("relink", "--yes")
    assert done.code == 0
    assert {item["state"] for item in done.data["items"]} == {"done"}
    assert original.read_bytes() == before
    assert copy.read_bytes() == before.replace(b"ink\\\\wash", b"ink/wash").replace(b'"style.', b'"Style.')
    again = user.json("scan")
    ready = {row["path"]: not row["missing_models"] for row in again.data["workflows"]}
    assert ready == {original.as_posix(): False, copy.as_posix(): True}


def test_a_second_relink_writes_nothing_new(user: Product) -> None:
    placed(user, "loras/deep/y.safetensors")
    user.save("a.json", lora_workflow("y.safetensors"))
    user.run("scan")
    first = only(user.json("relink", "--yes"))
    user.run("scan")
    ran = user.json("relink", "--yes")
    assert (only(ran)["state"], only(ran)["targets"], ran.code) == ("already", first["targets"], 0)
    (user.workdir / ".comfyfixer" / "relinks.jsonl").unlink()
    assert only(user.json("relink", "--yes"))["targets"] == first["targets"]


def test_a_further_mend_goes_into_a_copy_of_the_copy(user: Product) -> None:
    placed(user, "loras/deep/y.safetensors")
    original = user.save("a.json", lora_workflow("y.safetensors", "z.safetensors"))
    user.run("scan")
    user.run("relink", "--yes")
    placed(user, "loras/deep/z.safetensors")
    user.run("scan")
    ran = user.json("relink", "--yes")
    last = original.with_name("a.relinked-2.json")
    assert {item["filename"]: (item["state"], item["targets"]) for item in ran.data["items"]} == {
        "y.safetensors": ("done", [str(last)]), "z.safetensors": ("done", [str(last)]),
    }  # fmt: skip
    assert values(last) == [os.path.join("deep", "y.safetensors"), os.path.join("deep", "z.safetensors")]


@needs_links
def test_a_file_in_another_folder_is_linked_to_where_the_node_looks(user: Product) -> None:
    here = placed(user, "checkpoints/style.safetensors")
    user.save("a.json", lora_workflow("sub/style.safetensors"))
    user.run("scan")
    ran = user.json("relink", "--yes")
    target = user.models / "loras" / "sub" / "style.safetensors"
    assert (only(ran)["way"], only(ran)["targets"]) == ("link", [str(target)])
    assert os.readlink(target) == str(here)
    assert user.json("scan").code == 0


@pytest.mark.parametrize("way", ["hardlink", "move"])
def test_a_named_way_is_taken(user: Product, way: str) -> None:
    here = placed(user, "loras/deep/y.safetensors")
    data = here.read_bytes()
    user.save("a.json", lora_workflow("y.safetensors"))
    user.run("scan")
    assert only(user.json("relink", "--yes", f"--{way}"))["state"] == "done"
    assert (user.models / "loras" / "y.safetensors").read_bytes() == data
    assert here.exists() == (way == "hardlink")
    assert user.json("scan").code == 0


def test_a_file_that_others_need_where_it_is_is_not_moved(user: Product) -> None:
    here = placed(user, "loras/deep/y.safetensors")
    user.save("a.json", lora_workflow("y.safetensors", os.path.join("deep", "y.safetensors")))
    user.run("scan")
    ran = user.json("relink", "--yes", "--move")
    assert (ran.code, only(ran)["state"]) == (3, "refused")
    assert "name it where it is" in only(ran)["problem"]["message"]
    assert here.exists()


def test_between_two_files_only_a_named_one_is_taken(user: Product) -> None:
    placed(user, "loras/a/two.safetensors")
    second = placed(user, "loras/b/two.safetensors")
    copy = user.save("a.json", lora_workflow("two.safetensors")).with_name("a.relinked.json")
    user.run("scan")
    refused = user.json("relink", "--yes")
    assert (refused.code, only(refused)["problem"]["code"]) == (3, "relink-ambiguous")
    assert len(only(refused)["candidates"]) == 2
    assert not copy.exists()
    assert user.json("relink", "two.safetensors", "--to", str(second), "--yes").code == 0
    assert values(copy) == [os.path.join("b", "two.safetensors")]


def test_another_precision_is_only_taken_by_name(user: Product) -> None:
    placed(user, "loras/harbor_fp8.safetensors")
    copy = user.save("a.json", lora_workflow("harbor.safetensors")).with_name("a.relinked.json")
    assert "A possible match" in user.run("scan").out
    assert only(user.json("relink", "--yes"))["state"] == "refused"
    user.run("relink", "harbor.safetensors", "--to", "harbor_fp8.safetensors", "--yes")
    assert values(copy) == ["harbor_fp8.safetensors"]


def test_a_namesake_of_other_bytes_than_the_workflow_names_is_not_taken(user: Product) -> None:
    here = placed(user, "checkpoints/sub/x.safetensors", "checkpoint")
    entry = {"name": "x.safetensors", "url": "", "directory": "checkpoints", "hash": "0" * 64, "hash_type": "SHA256"}
    user.save("a.json", checkpoint_workflow("x.safetensors", models=[entry]))
    user.run("scan")
    ran = user.json("relink", "--yes")
    assert only(ran)["state"] == "refused"
    assert "SHA-256 is not the one" in only(ran)["problem"]["message"]
    assert here.exists()


def test_a_namesake_of_another_kind_is_not_taken(user: Product) -> None:
    placed(user, "checkpoints/style.safetensors", "checkpoint")
    user.save("a.json", lora_workflow("style.safetensors"))
    user.run("scan")
    ran = user.json("relink", "--yes")
    assert only(ran)["state"] == "refused"
    assert "is a whole checkpoint" in only(ran)["problem"]["message"]
    assert not (user.models / "loras" / "style.safetensors").exists()


def test_a_place_that_is_taken_is_left_alone(user: Product) -> None:
    placed(user, "checkpoints/style.safetensors")
    taken = user.models / "loras" / "style.safetensors"
    user.save("a.json", lora_workflow("style.safetensors"))
    user.run("scan")
    taken.mkdir(parents=True)
    ran = user.json("relink", "--yes")
    assert (only(ran)["state"], list(taken.iterdir())) == ("refused", [])


def test_a_name_that_leads_out_of_the_models_folder_is_no_place_for_a_link(user: Product) -> None:
    placed(user, "checkpoints/style.safetensors")
    user.save("a.json", lora_workflow("../../style.safetensors"))
    user.run("scan")
    ran = user.json("relink", "--yes")
    assert only(ran)["state"] == "refused"
    assert "not used as a file name" in only(ran)["problem"]["message"]
    assert not (user.root / "style.safetensors").exists()


def test_a_workflow_in_a_picture_is_written_out_as_json(user: Product) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    placed(user, "loras/deep/y.safetensors")
    info, picture = PngInfo(), BytesIO()
    info.add_text("workflow", lora_workflow("y.safetensors").decode())
    Image.new("RGB", (2, 2)).save(picture, "PNG", pnginfo=info)
    original = user.save("a.png", picture.getvalue())
    user.run("scan")
    assert only(user.json("relink", "--yes"))["targets"] == [str(original.with_name("a.relinked.json"))]
    assert values(original.with_name("a.relinked.json")) == [os.path.join("deep", "y.safetensors")]


def test_without_yes_and_without_a_terminal_nothing_is_done(user: Product) -> None:
    placed(user, "loras/deep/y.safetensors")
    copy = user.save("a.json", lora_workflow("y.safetensors")).with_name("a.relinked.json")
    user.run("scan")
    ran = user.run("relink")
    assert ran.code == 3
    assert "Nothing was changed" in ran.out
    assert not copy.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nothing.pt",), "path-not-found"),
        (("--to", "x.pt"), "usage"),
        (("y.safetensors", "--to", "nowhere.pt"), "path-not-found"),
        (("--yes", "--dry-run"), "usage"),
    ],
)
def test_what_can_t_be_meant_is_wrong_usage(user: Product, arguments: tuple[str, ...], code: str) -> None:
    placed(user, "loras/deep/y.safetensors")
    user.save("a.json", lora_workflow("y.safetensors", "z.safetensors"))
    assert user.json("relink").codes == {"state-missing"}
    user.run("scan")
    ran = user.json("relink", *arguments)
    assert (ran.code, ran.codes) == (2, {code})


# --- with the hub ----------------------------------------------------------------------------------------------------


@needs_exact_names
def test_a_download_named_with_the_other_slash_is_ready_after_relink(product: Product) -> None:
    product.clear_workflows()
    value = "autumn\\autumn_palette_v1.1.safetensors"
    original = product.save("a.json", lora_workflow(value))
    ran = product.run("auto")
    assert "comfyfixer relink" in ran.out
    assert product.json("relink", "--yes").code == 0
    assert values(original.with_name("a.relinked.json")) == [value.replace("\\", "/")]
    rows = {row["path"]: row["missing_models"] for row in product.json("scan").data["workflows"]}
    assert rows[original.with_name("a.relinked.json").as_posix()] == []


def test_a_proven_file_that_is_here_under_another_name_is_not_fetched(product: Product, hub: Hub) -> None:
    product.clear_workflows()
    content = file_of_version(sample_catalogue(), 850_001)
    here = product.models / "loras" / "mine.safetensors"
    here.write_bytes(whole(content))
    original = product.save("a.json", lora_workflow("autumn_palette_v1.1.safetensors"))
    ran = product.json("auto")
    row = product.rows("resolutions.json")["autumn_palette_v1.1.safetensors"]
    assert (ran.code, row["decision"], row["source"], row["download_url"]) == (3, "accepted", "local", str(here))
    assert row["sha256"] == digest_of(content)
    assert (ran.data["counts"]["here"], product.output("downloads.json")) == (1, [])
    assert only(product.json("relink", "--yes"))["why"] == "same-hash"
    assert values(original.with_name("a.relinked.json")) == ["mine.safetensors"]


def test_what_was_placed_since_the_scan_is_not_to_be_mended(product: Product) -> None:
    product.clear_workflows()
    product.save("a.json", lora_workflow("autumn_palette_v1.1.safetensors"))
    assert product.json("auto").code == 0
    assert product.json("resolve").code == 0
    assert product.rows("resolutions.json")["autumn_palette_v1.1.safetensors"]["source"] == "civitai"
    assert product.json("relink").data["items"] == []


def test_a_namesake_of_the_proven_size_and_other_bytes_does_not_stop_the_download(product: Product) -> None:
    product.clear_workflows()
    content = file_of_version(sample_catalogue(), 850_001)
    other = bytearray(whole(content))
    other[-1] ^= 1
    here = product.models / "loras" / "sub" / "autumn_palette_v1.1.safetensors"
    here.parent.mkdir()
    here.write_bytes(bytes(other))
    product.save("a.json", lora_workflow("autumn_palette_v1.1.safetensors"))
    assert product.json("auto").code == 0
    assert (product.models / "loras" / "autumn_palette_v1.1.safetensors").read_bytes() == whole(content)


def test_what_the_workflow_s_own_hash_finds_here_is_asked_of_no_hub(product: Product, hub: Hub) -> None:
    product.clear_workflows()
    path = "aurora_xl_v1.safetensors"
    content = file_of(sample_catalogue(), "northern-light/aurora-xl", path)
    here = product.models / "checkpoints" / "sub" / path
    here.parent.mkdir()
    here.write_bytes(whole(content))
    entry = {**declared("northern-light/aurora-xl", path, "checkpoints"), "hash": digest_of(content)}
    product.save("a.json", checkpoint_workflow(path, models=[{**entry, "hash_type": "SHA256"}]))
    product.run("scan")
    product.run("resolve")
    assert product.rows("resolutions.json")[path]["source"] == "local"
    assert not hub.requests


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_name_that_no_workflow_can_hold_is_linked_to(user: Product) -> None:
    folder = os.fsencode(user.models / "loras") + b"/d\xff"
    os.mkdir(folder)
    Path(os.fsdecode(folder), "y.safetensors").write_bytes(whole(Weights(kind="lora", seed="y")))
    user.save("a.json", lora_workflow("y.safetensors"))
    user.run("scan")
    assert "can't be written into a workflow" in only(user.json("relink", "--yes"))["problem"]["message"]
    assert only(user.json("relink", "--yes", "--link"))["state"] == "done"
    assert user.json("scan").code == 0


def test_a_broken_namesake_is_not_offered(user: Product) -> None:
    placed(user, "loras/deep/y.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    user.save("a.json", lora_workflow("y.safetensors"))
    ran = user.json("scan")
    assert [match["why"] for match in ran.data["missing_models"][0]["local_matches"]] == ["broken"]
    assert ran.data["counts"]["here"] == 0
    assert only(user.json("relink", "--yes"))["state"] == "refused"
