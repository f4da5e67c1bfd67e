"""The lock file, `sync`, the shared store, and what stands beside a file: through the command."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comfyfixer.demo.catalogue import Catalogue
from comfyfixer.demo.content import Plain
from comfyfixer.demo.faults import Faults, Hold
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import sample_catalogue
from comfyfixer.download.beside import PartPaths, PartRecord
from tests.support.product import Product, finished, lora_workflow, until
from tests.support.sample_facts import placed, present

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(17)


def with_pictures(catalogue: Catalogue, *pictures: tuple[bytes, int]) -> Catalogue:
    """Every version of Civitai with these previews."""
    images = tuple((Plain(data), level) for data, level in pictures)
    models = tuple(
        msgspec.structs.replace(
            model,
            versions=tuple(msgspec.structs.replace(version, images=images) for version in model.versions),
        )
        for model in catalogue.civitai
    )
    return msgspec.structs.replace(catalogue, civitai=models)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(sample_catalogue()) as running:
        yield running


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Product]]:
    """A hub, and a machine with a finished run, for all tests that only need its lock file."""
    with Hub(sample_catalogue()) as hub:
        one = machine(tmp_path_factory.mktemp("source") / "one", hub)
        one.run("auto")
        yield hub, one


def machine(folder: Path, hub: Hub, **environment: str) -> Product:
    folder.mkdir()
    return Product(folder, hub, root=None, **environment)


def bare_machine(folder: Path, hub: Hub) -> Product:
    """ComfyUI without workflows and without models."""
    product = machine(folder, hub)
    product.clear_workflows()
    return product


def lock_of(product: Product) -> Path:
    return product.workdir / "output" / "comfyfixer.lock.json"


def states(data: Any) -> dict[str, str]:
    return {row["name"]: row["state"] for row in data["models"]}


def rows_of(lock: Path) -> list[tuple[str, ...]]:
    """What tells the files of a lock file, and where they come from."""
    rows = json.loads(lock.read_bytes())["models"]
    return [(row["folder"], row["name"], row["sha256"], row["size_bytes"], row["url"]) for row in rows]


def edited(source: Path, target: Path, **changes: Any) -> Path:
    """The lock file with its first model changed, and no other."""
    lock = json.loads(source.read_bytes())
    lock["models"] = [{**lock["models"][0], **changes}]
    target.write_text(json.dumps(lock))
    return target


# --- the lock file and sync ------------------------------------------------------------------------------------------


def test_a_run_writes_everything_that_is_needed_to_repeat_it(tmp_path: Path, hub: Hub) -> None:
    product = machine(tmp_path / "one", hub, CIVITAI_API_KEY="demo-civitai-key")
    product.run("auto")
    lock = json.loads(lock_of(product).read_bytes())
    assert {row["name"]: row["sha256"] for row in lock["models"]} == {
        path.partition("/")[2]: digest for path, digest in placed().items()
    }
    assert all(row["sources"] and row["url"] and row["size_bytes"] for row in lock["models"])
    assert [(pack["id"], pack["version"]) for pack in lock["node_packs"]] == [("comfyui-palette-tools", "1.2.0")]
    assert lock["comfyui_version"] == "0.33.0"
    assert b"demo-civitai-key" not in lock_of(product).read_bytes()


def test_sync_makes_another_machine_equal_and_a_second_one_fetches_nothing(tmp_path: Path, hub: Hub) -> None:
    one, other = machine(tmp_path / "one", hub), machine(tmp_path / "other", hub)
    one.run("auto")
    ran = other.json("sync", str(lock_of(one)))
    assert ran.code == 0, ran.out
    assert other.digests() == one.digests() == placed() | present()
    assert set(states(ran.data).values()) == {"fetched"}
    asked = len(hub.requests)
    again = other.json("sync", str(lock_of(one)))
    assert (again.code, set(states(again.data).values())) == (0, {"in-place"})
    assert len(hub.requests) == asked
    assert rows_of(lock_of(other)) == rows_of(lock_of(one))


def test_a_dry_run_says_what_would_be_fetched_and_writes_nothing(tmp_path: Path, source: tuple[Hub, Product]) -> None:
    hub, one = source
    other = bare_machine(tmp_path / "other", hub)
    before, asked = other.digests(), len(hub.requests)
    ran = other.json("sync", str(lock_of(one)), "--dry-run")
    assert (ran.code, set(states(ran.data).values())) == (3, {"to-fetch"})
    assert ran.data["bytes_to_fetch"] == sum(row["size_bytes"] for row in ran.data["models"]) > 0
    assert (other.digests(), len(hub.requests)) == (before, asked)
    assert not (other.workdir / "log").exists()
    assert "would be fetched. Nothing was changed." in other.run("sync", str(lock_of(one)), "--dry-run").out


def test_a_pack_that_is_not_here_or_of_another_version_is_outstanding(
    tmp_path: Path, source: tuple[Hub, Product]
) -> None:
    hub, one = source
    other = machine(tmp_path / "other", hub)
    lock = json.loads(lock_of(one).read_bytes())
    lock["node_packs"][0]["version"] = "9.9"
    lock["node_packs"].append({"name": "x", "id": "not-here", "repository": "https://github.com/a/b\x1b[2J"})
    file = tmp_path / "l.json"
    file.write_text(json.dumps(lock))
    ran = other.run("sync", str(file))
    assert ran.code == 3
    assert "9.9 wanted, 1.2.0 is here" in ran.out
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    "name",
    ["../escaped.safetensors", "/abs.safetensors", "a/../../b.safetensors", "C:\\x.safetensors", "con.safetensors",
     "x\n.safetensors", "run.py", "x.safetensors/../../y.sh"],
)  # fmt: skip
def test_a_hostile_name_in_a_lock_file_places_nothing(tmp_path: Path, source: tuple[Hub, Product], name: str) -> None:
    hub, one = source
    other = bare_machine(tmp_path / "other", hub)
    before = {path for path in tmp_path.rglob("*") if "/work/" not in path.as_posix()}
    for field in ("name", "folder"):
        changes = {field: name if field == "name" else name.removesuffix(".safetensors") + "/.."}
        ran = other.json("sync", str(edited(lock_of(one), tmp_path / "work.json", **changes)))
        assert (ran.code, ran.codes) == (3, {"unsafe-name"})
    after = {path for path in tmp_path.rglob("*") if "/work/" not in path.as_posix()}
    assert after - before == {tmp_path / "work.json"}


@pytest.mark.parametrize(
    "changes",
    [{"sha256": ""}, {"sha256": "../" * 21 + "a"}, {"sha256": "A" * 64}, {"size_bytes": -1}, {"size_bytes": 1 << 60},
     {"folder": ""}, {"sources": [{"source": "url", "url": "https://x"}] * 50}, {"name": 7}],
)  # fmt: skip
def test_a_lock_file_that_proves_nothing_is_refused_as_a_whole(
    tmp_path: Path, source: tuple[Hub, Product], changes: dict[str, Any]
) -> None:
    _, one = source
    ran = one.json("sync", str(edited(lock_of(one), tmp_path / "l.json", **changes)))
    assert (ran.code, ran.codes) == (2, {"lock-invalid"})
    assert "name" not in changes or "(see $.models[0].name)" in ran.envelope["errors"][0]["message"]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"[project]\nname = 1", b"{" * 100_000, b'{"schema_version": 2}', b"\xff\xfe\x00", b'"x"']
)
def test_what_is_no_lock_file_is_told(tmp_path: Path, source: tuple[Hub, Product], data: bytes) -> None:
    _, one = source
    file = tmp_path / "l.json"
    file.write_bytes(data)
    ran = one.json("sync", str(file))
    assert ran.codes == {"lock-invalid"}
    why = "it is of a newer version: update ComfyFixerSmart" if b"schema" in data else "it is no JSON file of this kind"
    assert ran.envelope["errors"][0]["message"] == f"`{file}` can't be used as a lock file: {why}"
    assert one.json("sync", str(tmp_path / "none.json")).codes == {"lock-invalid"}


def test_a_lock_file_sends_nobody_to_a_strange_host_and_its_keys_nowhere(
    tmp_path: Path, source: tuple[Hub, Product]
) -> None:
    hub, one = source
    other = machine(tmp_path / "other", hub, CIVITAI_API_KEY="demo-civitai-key")
    strange = {"source": "civitai", "url": f"{hub.storage_endpoint}/evil"}
    for place in (strange, {**strange, "source": "url"}, {"source": "url", "url": "file:///etc/passwd"}):
        seen = len(hub.requests_to("storage"))
        ran = other.json("sync", str(edited(lock_of(one), tmp_path / "l.json", sources=[place])))
        assert (ran.code, ran.codes) == (3, {"host-not-allowed"})
        assert len(hub.requests_to("storage")) == seen


def test_other_bytes_than_the_lock_file_promises_are_not_placed(tmp_path: Path, source: tuple[Hub, Product]) -> None:
    hub, one = source
    other = machine(tmp_path / "other", hub)
    before = other.digests()
    ran = other.json("sync", str(edited(lock_of(one), tmp_path / "l.json", sha256="0" * 64)))
    assert (ran.code, ran.codes) == (3, {"hash-mismatch"})
    assert other.digests() == before


def test_a_folders_own_lock_file_still_names_what_could_not_be_had(tmp_path: Path, source: tuple[Hub, Product]) -> None:
    """It came with the folder: what is not here yet is the very thing that it is kept for."""
    hub, one = source
    other = bare_machine(tmp_path / "other", hub)
    own = lock_of(other)
    own.parent.mkdir(parents=True)
    lock = json.loads(lock_of(one).read_bytes())
    lock["models"][0] |= {"url": None, "sources": []}
    own.write_text(json.dumps(lock))
    before = own.read_bytes()
    for _ in range(2):
        ran = other.json("sync", str(own))
        assert (ran.code, ran.codes) == (3, {"host-not-allowed"})
        assert own.read_bytes() == before


@pytest.mark.parametrize("later", ["auto", "sync"])
def test_what_a_lock_file_from_elsewhere_still_promises_stays_in_it(
    tmp_path: Path, source: tuple[Hub, Product], later: str
) -> None:
    """A later run notes what it placed, and drops neither a file nor a node pack that was never here."""
    hub, one = source
    other = machine(tmp_path / "other", hub)
    own = lock_of(other)
    own.parent.mkdir(parents=True)
    lock = json.loads(lock_of(one).read_bytes())
    nowhere, unsafe = lock["models"][0] | {"url": None, "sources": []}, lock["models"][0] | {"name": "../x.safetensors"}
    nowhere["name"] = "from_a_colleague.safetensors"
    pack = {"name": "x", "id": "not-here", "version": "1", "repository": None, "commit": None}
    own.write_text(json.dumps(lock | {"models": [nowhere, unsafe], "node_packs": [pack]}))
    assert other.run("sync", str(own)).code == 3
    for _ in range(2):
        other.run(*(["auto"] if later == "auto" else ["sync", str(lock_of(one))]))
        kept = json.loads(own.read_bytes())
        assert nowhere in kept["models"]
        assert unsafe in kept["models"]
        assert {row[2] for row in rows_of(own)} == set(placed().values())
        assert [row["id"] for row in kept["node_packs"]] == ["comfyui-palette-tools", "not-here"]


def test_a_file_that_a_killed_run_had_placed_loses_its_hidden_second_name(tmp_path: Path, hub: Hub) -> None:
    one = machine(tmp_path / "one", hub)
    one.run("auto")
    row = json.loads(lock_of(one).read_bytes())["models"][0]
    paths = PartPaths(one.models / row["folder"] / row["name"])
    record = PartRecord(candidate="x", url="x", size_bytes=row["size_bytes"], sha256=row["sha256"])
    paths.journal.write_bytes(msgspec.json.encode(record))
    os.link(paths.target, paths.part)
    ran = one.json("sync", str(lock_of(one)))
    assert ran.code == 0
    assert {model["state"] for model in ran.data["models"]} == {"in-place"}
    assert os.stat(paths.target).st_nlink == 1
    assert not list(one.models.rglob(".*comfyfixer*"))


def test_what_was_here_and_is_gone_leaves_the_folders_own_lock_file(tmp_path: Path, hub: Hub) -> None:
    one = machine(tmp_path / "one", hub)
    one.run("auto")
    row = json.loads(lock_of(one).read_bytes())["models"][0]
    (one.models / row["folder"] / row["name"]).unlink()
    shutil.rmtree(one.root / "custom_nodes" / "comfyui-palette-tools")
    one.clear_workflows()
    one.save("other.json", lora_workflow("harbor_rain_v1.safetensors"))
    one.run("auto")
    lock = json.loads(lock_of(one).read_bytes())
    assert row["name"] not in {model["name"] for model in lock["models"]}
    assert len(lock["models"]) == len(placed()) - 1
    assert lock["node_packs"] == []


def test_a_lock_file_that_can_not_be_used_is_kept_under_another_name(tmp_path: Path, hub: Hub) -> None:
    one = machine(tmp_path / "one", hub)
    one.run("scan")
    lock_of(one).write_bytes(b'{"models": [')
    ran = one.json("auto")
    assert "lock-invalid" in ran.codes
    assert lock_of(one).with_name("comfyfixer.lock.json.broken-1").read_bytes() == b'{"models": ['
    assert len(rows_of(lock_of(one))) == len(placed())


def test_two_files_promised_for_one_place_are_no_lock_file(tmp_path: Path, source: tuple[Hub, Product]) -> None:
    hub, one = source
    other = bare_machine(tmp_path / "other", hub)
    row = json.loads(lock_of(one).read_bytes())["models"][0] | {"name": "sub/x.safetensors"}
    file, before = tmp_path / "l.json", other.digests()
    for name in ("sub/x.safetensors", "sub\\x.safetensors"):
        file.write_text(json.dumps({"models": [row, {**row, "name": name, "sha256": "0" * 64}]}))
        ran = other.json("sync", str(file))
        assert (ran.code, ran.codes) == (2, {"lock-invalid"})
        assert other.digests() == before
    file.write_text(json.dumps({"models": [row, row, {**row, "name": "sub\\x.safetensors"}]}))
    ran = other.json("sync", str(file))
    assert (ran.code, states(ran.data)) == (0, {"sub/x.safetensors": "fetched", "sub\\x.safetensors": "fetched"})


def test_a_different_file_in_the_place_is_not_touched(tmp_path: Path, source: tuple[Hub, Product]) -> None:
    hub, one = source
    other = machine(tmp_path / "other", hub)
    row = json.loads(lock_of(one).read_bytes())["models"][0]
    own = other.models / row["folder"] / row["name"]
    own.write_bytes(b"somebody's own")
    ran = other.json("sync", str(lock_of(one)))
    assert (ran.code, ran.codes) == (3, {"target-exists"})
    assert own.read_bytes() == b"somebody's own"
    assert states(ran.data)[row["name"]] == "failed"


def interrupted(product: Product, hub: Hub, *options: str, cwd: Path | None = None) -> None:
    """A `sync` that was stopped while its first bytes came; the hub holds nothing back any more."""
    hub.set_faults(Faults((Hold(role="cdn", after_bytes=200_000, times=None),)))
    process = product.start(*options, cwd=cwd)
    until(lambda: (product.status_file() or {}).get("downloads"), "a transfer is told")
    until(lambda: list(product.models.rglob("*.part")), "a part is there")
    running = product.json("status").data
    assert (running["running"], running["command"], running["phase"]) == (True, "sync", "downloading")
    assert running["progress"]["total"] == len(placed())
    process.send_signal(signal.SIGINT)
    assert finished(process).code == 130
    hub.set_faults(Faults())
    hub.gate().open()


def test_an_interrupted_sync_goes_on_with_the_same_command(tmp_path: Path, hub: Hub) -> None:
    one, other = machine(tmp_path / "one", hub), machine(tmp_path / "other", hub)
    one.run("auto")
    interrupted(other, hub, "sync", str(lock_of(one)))
    assert "`comfyfixer resume` goes on (sync)" in other.run("status").out
    assert other.run("sync", str(lock_of(one))).code == 0
    assert other.digests() == one.digests()
    assert [event["details"]["exit_code"] for event in other.events() if event["action"] == "run.finished"] == [0]


def test_resume_goes_on_with_an_interrupted_sync_and_its_options(tmp_path: Path, hub: Hub) -> None:
    """The lock file is found again wherever `resume` is called; what was fetched is not fetched again."""
    one, other = machine(tmp_path / "one", hub), machine(tmp_path / "other", hub)
    one.run("auto")
    name = lock_of(one).name
    options = ("--workdir", str(other.workdir), "--store", str(tmp_path / "store"))
    interrupted(other, hub, "sync", name, *options, cwd=lock_of(one).parent)
    moved = lock_of(one).rename(tmp_path / "moved.json")
    gone = other.json("resume")
    assert (gone.code, gone.codes) == (2, {"path-not-found"})
    moved.rename(lock_of(one))
    ran = other.json("resume")
    assert (ran.code, ran.envelope["command"]) == (0, "sync"), ran.out
    assert other.digests() == one.digests()
    assert set(store_files(tmp_path / "store")) == set(placed().values())
    status = other.json("status").data
    assert (status["phase"], status["exit_code"], status["interrupted"]) == ("complete", 0, None)
    assert status["progress"]["percent"] == 100
    assert other.json("resume").codes == {"nothing-to-resume"}


def test_a_sync_that_ended_says_what_failed_once_and_is_no_run_to_resume(
    tmp_path: Path, source: tuple[Hub, Product]
) -> None:
    hub, one = source
    other = machine(tmp_path / "other", hub)
    lock = edited(lock_of(one), tmp_path / "l.json", sha256="0" * 64)
    assert other.run("sync", str(lock)).code == 3
    status = other.json("status").data
    assert [error["code"] for error in status["errors"]] == ["hash-mismatch"]
    assert (status["exit_code"], status["data"]["downloads_failed"]) == (3, 1)
    ran = other.json("resume")
    assert ran.codes == {"nothing-to-resume"}
    assert f"`sync` of {lock}: the same command" in ran.envelope["errors"][0]["hint"]


def test_a_sync_that_only_a_hub_stopped_is_gone_on_with(tmp_path: Path, source: tuple[Hub, Product]) -> None:
    hub, one = source
    other = machine(tmp_path / "other", hub)
    assert other.run("sync", str(edited(lock_of(one), tmp_path / "l.json", url=None, sources=[]))).code == 3
    edited(lock_of(one), tmp_path / "l.json")
    record = other.workdir / ".comfyfixer" / "run.json"
    record.write_text(json.dumps({**json.loads(record.read_bytes()), "exit_code": 4}))
    ran = other.json("resume")
    assert (ran.code, set(states(ran.data).values())) == (0, {"fetched"})


# --- the shared store ------------------------------------------------------------------------------------------------


def store_files(store: Path) -> dict[str, Path]:
    return {path.parent.name + path.name: path for path in (store / "sha256").rglob("*") if path.is_file()}


def test_two_machines_share_a_store_and_the_second_fetches_nothing(tmp_path: Path, hub: Hub) -> None:
    store = tmp_path / "store"
    one, other = machine(tmp_path / "one", hub), machine(tmp_path / "other", hub)
    assert one.run("auto", "--store", str(store)).code == 3
    assert set(store_files(store)) == set(placed().values())
    fetched = len([request for request in hub.requests if request.role in ("storage", "cdn")])
    ran = other.json("auto", "--store", str(store))
    assert other.digests() == one.digests()
    linked = [row for row in ran.data["downloads"] if row["success"]]
    assert {row["sha256"] for row in linked} == set(placed().values())
    assert all(row["from_store"] for row in linked)
    assert other.run("download", "--store", str(store)).out.count(" linked from the store, SHA-256 verified") == len(
        linked
    )
    assert other.status_file()["data"]["downloads_successful"] == len(linked)
    more = [request for request in hub.requests if request.role in ("storage", "cdn")][fetched:]
    assert [request for request in more if request.headers.get("range") != "bytes=0-1048575"] == []
    name = next(iter(placed()))
    assert os.stat(one.models / name).st_ino == os.stat(other.models / name).st_ino
    assert other.run("verify").code == 0


def test_what_an_earlier_run_had_of_a_file_goes_when_the_store_gives_it(tmp_path: Path, hub: Hub) -> None:
    store = tmp_path / "store"
    one, other = machine(tmp_path / "one", hub), machine(tmp_path / "other", hub)
    one.run("auto", "--store", str(store))
    begun = PartPaths(other.models / next(iter(placed())))
    begun.part.parent.mkdir(parents=True, exist_ok=True)
    begun.part.write_bytes(b"the first bytes")
    begun.journal.write_bytes(msgspec.json.encode(PartRecord(candidate="c", url="u")))
    other.run("auto", "--store", str(store))
    assert other.digests() == one.digests()


def test_what_was_changed_in_the_store_is_fetched_and_never_linked(tmp_path: Path, hub: Hub) -> None:
    store = tmp_path / "store"
    one, other = machine(tmp_path / "one", hub), machine(tmp_path / "other", hub)
    one.run("auto", "--store", str(store))
    digest, file = next(iter(store_files(store).items()))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.unlink()
    file.write_bytes(data)
    other.run("auto", "--store", str(store))
    assert other.digests() == placed() | present()
    assert digest in other.digests().values()


def test_a_store_that_can_not_be_made_is_told_before_anything_is_done(tmp_path: Path, hub: Hub) -> None:
    one = machine(tmp_path / "one", hub)
    (tmp_path / "file").write_bytes(b"")
    one.run("scan")
    one.run("resolve")
    assert one.json("download", "--store", str(tmp_path / "file")).codes == {"store-unusable"}
    assert one.digests() == present()


# --- beside the file -------------------------------------------------------------------------------------------------


def test_sidecars_stand_beside_a_file_of_civitai_with_its_tamest_picture(tmp_path: Path) -> None:
    with Hub(with_pictures(sample_catalogue(), (b"\xff\xd8\xff wild", 16), (PNG, 1))) as hub:
        product = machine(tmp_path / "one", hub, CIVITAI_API_KEY="demo-civitai-key")
        product.run("auto", "--sidecars")
    folder = product.models / "loras"
    stem = "ink_wash_landscape_v3"
    info = json.loads((folder / f"{stem}.civitai.info").read_bytes())
    metadata = json.loads((folder / f"{stem}.metadata.json").read_bytes())
    assert (info["id"], info["modelId"], info["trainedWords"]) == (810_003, 410_001, ["ink wash"])
    assert (folder / f"{stem}.preview.png").read_bytes() == PNG
    assert metadata["sha256"] == placed()[f"loras/{stem}.safetensors"]
    assert metadata["preview_url"] == str(folder / f"{stem}.preview.png")
    assert (metadata["from_civitai"], metadata["model_name"], metadata["base_model"]) == (
        True, "Ink Wash Landscape", "SDXL 1.0",
    )  # fmt: skip
    assert json.loads((folder / "harbor_rain_v1.metadata.json").read_bytes())["from_civitai"] is False
    assert not [path for path in product.models.rglob("*") if b"demo-civitai-key" in path.name.encode()]


@pytest.mark.parametrize("picture", [b"<svg onload=alert(1)>", b"<!DOCTYPE html>", b"MZ\x90", PNG + bytes(9_000_000)])
def test_what_is_no_picture_or_too_big_is_no_preview(tmp_path: Path, picture: bytes) -> None:
    with Hub(with_pictures(sample_catalogue(), (picture, 1))) as hub:
        product = machine(tmp_path / "one", hub)
        product.run("auto", "--sidecars")
    assert list(product.models.rglob("*.preview.*")) == []
    assert (product.models / "loras" / "ink_wash_landscape_v3.civitai.info").exists()


def test_what_stands_there_already_stays_and_without_the_option_nothing_is_written(tmp_path: Path, hub: Hub) -> None:
    product = machine(tmp_path / "one", hub)
    own = product.models / "loras" / "ink_wash_landscape_v3.metadata.json"
    own.write_text("mine")
    product.run("auto", "--sidecars")
    assert own.read_text() == "mine"
    plain = machine(tmp_path / "other", hub)
    plain.run("auto")
    assert not list(plain.models.rglob("*.civitai.info")) + list(plain.models.rglob("*.metadata.json"))
