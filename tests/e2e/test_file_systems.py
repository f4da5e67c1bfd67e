"""Disks that are not like the one a developer has: without links, without locks, with one case for two.

The disks are real ones where this machine lets the tests mount them. Elsewhere, and for what network file systems
refuse, the one system call is refused.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.demo.content import Weights, whole
from comfyfixer.demo.faults import Faults, Hold
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.huggingface_files import cdn_path
from tests.support.disks import mounted, refusing
from tests.support.hubs import catalogue_of, repo, weights
from tests.support.product import Product, declared, digest_of, finished, until

BASE, STYLE = "Lake_Base.safetensors", "ink_style.safetensors"
CONTENTS = {
    BASE: Weights(kind="checkpoint", seed="lake base", size_bytes=900_000),
    STYLE: Weights(kind="lora", seed="ink style", size_bytes=40_000),
}
PLACES = {BASE: f"checkpoints/{BASE}", STYLE: f"loras/{STYLE}"}
OTHER_CASE = f"checkpoints/{BASE.lower()}"

posix = pytest.mark.skipif(sys.platform == "win32", reason="refused calls are those of Linux and macOS")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the path of an open file")


@pytest.fixture
def hub() -> Iterator[Hub]:
    repos = [repo(f"disks/{name[:4]}", {name: content}) for name, content in CONTENTS.items()]
    with Hub(catalogue_of(*repos)) as running:
        yield running


def needing(product: Product, base: str = BASE, style: str = STYLE) -> Product:
    """Two workflows that need both files, with their addresses."""
    product.clear_workflows()
    for name, value, node in ((BASE, base, "CheckpointLoaderSimple"), (STYLE, style, "LoraLoader")):
        graph = Graph()
        entry = declared(f"disks/{name[:4]}", name, PLACES[name].partition("/")[0])
        graph.add(node, value, models=[{**entry, "name": value.rpartition("/")[2]}])
        product.save(f"{name}.json", graph.to_json())
    return product


@pytest.fixture
def ordinary(product: Product) -> Product:
    return needing(product)


@pytest.fixture
def on_exfat(tmp_path: Path, hub: Hub) -> Iterator[Product]:
    """Everything on a disk that takes upper and lower case for one, and knows no links: also the working folder."""
    with mounted("exfat", tmp_path / "disk") as disk:
        yield needing(Product(disk, hub))


def new(product: Product) -> dict[str, str]:
    """What is below `models` and was not there at first."""
    return {
        path: digest
        for path, digest in product.digests().items()
        if not path.endswith(("v1.safetensors", "vae.safetensors"))
    }


def wanted() -> dict[str, str]:
    return {PLACES[name]: digest_of(content) for name, content in CONTENTS.items()}


def hold_base(hub: Hub) -> None:
    """Let the larger file stop in the middle of its bytes."""
    one = next(one for one in hub.catalogue.huggingface if one.files[1].path == BASE)
    hub.set_faults(Faults((Hold(role="cdn", path=cdn_path(one, one.files[1]), after_bytes=500_000, times=None),)))


def error_of(product: Product, name: str) -> Any:
    return product.rows("downloads.json")[name]["error"]


# --- real disks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["exfat", "ntfs", "tmpfs", "overlay"])
def test_a_whole_run_works_there_is_killed_and_goes_on(tmp_path: Path, hub: Hub, kind: str) -> None:
    hold_base(hub)
    with mounted(kind, tmp_path / "disk") as disk:
        product = needing(Product(disk, hub))
        process = product.start("auto")
        part = product.models / "checkpoints" / f".{BASE}.comfyfixer.part"
        until(lambda: part.exists() and part.stat().st_size > 400_000, "bytes have come")
        process.kill()
        process.communicate(timeout=20)
        hub.gate().open()
        kept = part.stat().st_size
        ran = product.run("resume")

        assert ran.code == 0, ran.err
        assert f"bytes={kept}-" in [request.headers.get("range") for request in hub.requests_to("cdn")]
        assert new(product) == wanted()
        assert product.run("auto").code == 0
        assert product.json("scan").data["counts"]["missing"] == 0


def test_another_file_whose_name_differs_in_capital_letters_is_not_touched(on_exfat: Product, hub: Hub) -> None:
    mine = on_exfat.models / OTHER_CASE
    mine.write_bytes(whole(weights("my own work", kind="checkpoint")))
    before = mine.read_bytes()
    for _ in range(2):
        assert on_exfat.run("auto").code == 3
        assert error_of(on_exfat, BASE)["code"] == "target-exists"
        assert str(mine) in error_of(on_exfat, BASE)["message"]

    assert mine.read_bytes() == before
    assert len(hub.requests_to("cdn")) == 1
    assert {path.name for path in mine.parent.iterdir()} == {mine.name, "paper_lantern_v1.safetensors"}


def test_the_very_file_in_other_capital_letters_is_not_fetched_again_and_can_be_renamed(
    on_exfat: Product, hub: Hub
) -> None:
    mine = on_exfat.models / OTHER_CASE
    mine.write_bytes(whole(CONTENTS[BASE]))
    ran = on_exfat.json("auto")

    assert (ran.code, ran.data["counts"]["here"], ran.data["counts"]["placed"]) == (3, 1, 1)
    assert len(hub.requests_to("cdn")) == 1
    refused = on_exfat.run("relink", BASE, "--link", "--yes")
    assert (refused.code, "`--move` gives the file the spelling of the workflow" in refused.out) == (3, True)
    assert on_exfat.run("relink", BASE, "--move", "--yes").code == 0
    assert new(on_exfat) == wanted()
    assert on_exfat.run("scan").code == 0


def test_a_folder_in_other_capital_letters_takes_the_file_and_the_node_is_told_to_choose(
    on_exfat: Product, hub: Hub
) -> None:
    needing(on_exfat, base=f"lakes/{BASE}")
    (on_exfat.models / "checkpoints" / "Lakes").mkdir()
    ran = on_exfat.json("auto")

    assert (ran.code, ran.data["counts"]["choose_anew"], ran.data["counts"]["placed"]) == (3, 1, 1)
    assert on_exfat.rows("downloads.json")[BASE]["path"] == str(on_exfat.models / "checkpoints" / "Lakes" / BASE)
    assert on_exfat.run("auto").code == 3
    assert len(hub.requests_to("cdn")) == 2
    assert on_exfat.run("relink", "--yes").code == 0


def test_one_run_that_wants_a_file_in_two_spellings_fetches_it_once(on_exfat: Product, hub: Hub) -> None:
    graph = Graph()
    entry = declared(f"disks/{BASE[:4]}", BASE, "checkpoints")
    graph.add("CheckpointLoaderSimple", BASE.lower(), models=[{**entry, "name": BASE.lower()}])
    on_exfat.save("lower.json", graph.to_json())
    ran = on_exfat.json("auto")
    placed = [path.name for path in (on_exfat.models / "checkpoints").iterdir() if path.name.lower() == BASE.lower()]

    assert (ran.code, len(placed)) == (3, 1)
    assert (ran.data["counts"]["placed"], ran.data["counts"]["choose_anew"]) == (2, 1)
    assert len(hub.requests_to("cdn")) == len(CONTENTS)
    assert not list(on_exfat.models.rglob(".*comfyfixer*"))


# --- calls that a file system refuses --------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("number", ["EPERM", "ENOTSUP", "ENOSYS", "EINVAL", "EMLINK", "EXDEV"])
def test_without_hard_links_files_are_placed_all_the_same(ordinary: Product, number: str) -> None:
    ran = finished(ordinary.launch([*refusing("os.link", number), "auto"]))

    assert ran.code == 0, ran.err
    assert new(ordinary) == wanted()


@posix
def test_without_hard_links_nothing_is_overwritten_either(ordinary: Product, hub: Hub) -> None:
    hold_base(hub)
    process = ordinary.launch([*refusing("os.link", "EPERM"), "auto"])
    assert hub.gate().wait_for(1, 20)
    mine = ordinary.models / PLACES[BASE]
    mine.write_bytes(whole(weights("my own work", kind="checkpoint")))
    before = mine.read_bytes()
    hub.gate().open()

    assert finished(process).code == 3
    assert error_of(ordinary, BASE)["code"] == "target-exists"
    assert mine.read_bytes() == before


@linux
@pytest.mark.parametrize("number", ["EINVAL", "ENOTSUP"])
def test_a_disk_whose_folders_can_not_be_waited_for_gets_the_files_too(ordinary: Product, number: str) -> None:
    ran = finished(ordinary.launch([*refusing("os.fsync", number), "auto"]))

    assert ran.code == 0, ran.err
    assert new(ordinary) == wanted()


@linux
@pytest.mark.parametrize("number", ["ENOLCK", "ENOSYS", "ENOTSUP"])
def test_a_models_folder_without_locks_is_told_with_what_to_do(ordinary: Product, hub: Hub, number: str) -> None:
    ran = finished(ordinary.launch([*refusing("fcntl.flock", number), "auto"]))

    assert ran.code == 3
    for name in CONTENTS:
        error = error_of(ordinary, name)
        assert error["code"] == "target-unwritable"
        assert "refuses locks" in error["message"]
        assert "--to DIR" in error["hint"]
    assert hub.requests_to("cdn") == ()
    assert [path.name for path in ordinary.models.rglob(".*")] == []
    assert ordinary.run("resume").code == 0
    assert new(ordinary) == wanted()


# --- names that Windows does not know --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aux.safetensors", "a?b.safetensors", "sub./x.safetensors", "COM\u00b9.safetensors"])
def test_a_name_that_windows_does_not_know_is_refused_everywhere_and_the_rest_goes_on(
    ordinary: Product, name: str
) -> None:
    needing(ordinary, style=name)

    assert ordinary.run("auto").code == 3
    assert new(ordinary) == {PLACES[BASE]: wanted()[PLACES[BASE]]}
    assert error_of(ordinary, name.rpartition("/")[2])["code"] == "unsafe-name"
