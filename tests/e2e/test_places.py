"""Where files go, how fast and when: what a user says of it is kept, and what can't be kept is told at once."""

import json
import shutil
import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.demo.content import Weights
from comfyfixer.demo.faults import Faults, Hold
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from tests.support.disks import mounted, read_only
from tests.support.hubs import catalogue_of, repo
from tests.support.product import Product, declared, finished, until

no_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows delivers Ctrl-C to a whole console only")
SIZE = 200_000
NAMES = ("one.safetensors", "two.safetensors", "three.safetensors")


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Three files of one size."""
    repos = [repo(f"places/{name[:-12]}", {name: Weights(kind="lora", seed=name, size_bytes=SIZE)}) for name in NAMES]
    with Hub(catalogue_of(*repos)) as running:
        yield running


def needing(product: Product, *values: str) -> Product:
    """One workflow that needs these LoRAs, and the address of each."""
    product.clear_workflows()
    graph = Graph()
    for value in values:
        name = value.rpartition("/")[2]
        graph.add("LoraLoader", value, 1.0, 1.0, models=[declared(f"places/{name[:-12]}", name, "loras")])
    product.save("needs.json", graph.to_json())
    return product


@pytest.fixture
def needy(product: Product) -> Product:
    return needing(product, *NAMES)


def configure(product: Product, **download: Any) -> None:
    (product.workdir / "config.json").write_text(json.dumps({"download": download}))


def fetched(product: Product) -> dict[str, str]:
    """Where each file was placed, as the last run told it."""
    return {name: row["path"] for name, row in product.rows("downloads.json").items() if row["success"]}


def told(product: Product, action: str) -> list[Any]:
    return [event for event in product.events() if event["action"] == action]


# --- how fast --------------------------------------------------------------------------------------------------------


def test_limit_rate_bounds_all_files_together(needy: Product) -> None:
    rate = 400 * 1024
    assert needy.run("auto", "--limit-rate", "400K").code == 0
    began, *_, ended = [
        datetime.fromisoformat(event["timestamp"])
        for action in ("download.started", "download.finished")
        for event in told(needy, action)
    ]

    assert sorted(fetched(needy)) == sorted(NAMES)
    assert (ended - began).total_seconds() > 0.8 * len(NAMES) * SIZE / rate


@pytest.mark.parametrize("rate", ["fast", "0", "-5", "5X", ""])
def test_a_rate_that_is_none_is_wrong_usage(needy: Product, rate: str) -> None:
    ran = needy.json("auto", "--limit-rate", rate)

    assert (ran.code, ran.codes) == (2, {"config-invalid"})
    assert "bytes a second" in ran.envelope["errors"][0]["message"]
    assert not needy.events()


# --- when ------------------------------------------------------------------------------------------------------------


def hours(begin: int, end: int) -> str:
    """So many hours from now, as the configuration has it."""
    now = datetime.now().astimezone()
    return "-".join(f"{now + timedelta(hours=hour):%H:%M}" for hour in (begin, end))


@no_signals
def test_outside_its_hours_a_run_waits_says_until_when_and_ends_cleanly(needy: Product, hub: Hub) -> None:
    window = hours(3, 5)
    configure(needy, window=window)
    process = needy.start("auto")
    until(lambda: told(needy, "download.waiting"), "it waits")
    shown, status = needy.run("status").out, needy.json("status").data
    process.send_signal(signal.SIGINT)
    ran = finished(process)

    assert f"downloading: 0 of 3 (0 %), waiting until {window[:5]}" in shown
    assert (status["running"], status["waiting_until"]) == (True, window[:5])
    assert ran.code == 130
    assert f"Waiting until {window[:5]}: files are fetched between {window.replace('-', ' and ')}" in ran.err
    assert hub.requests_to("cdn") == ()
    assert needy.status_file()["waiting_until"] is None

    assert needy.run("resume", "--now").code == 0
    assert sorted(fetched(needy)) == sorted(NAMES)


def test_within_its_hours_and_with_now_a_run_does_not_wait(needy: Product) -> None:
    configure(needy, window=hours(-2, 2))
    assert needy.run("auto").code == 0
    assert told(needy, "download.waiting") == []

    (needy.models / "loras" / NAMES[0]).unlink()
    configure(needy, window=hours(3, 5))
    assert needy.run("auto", "--now").code == 0
    assert told(needy, "download.waiting") == []


def test_doctor_shows_the_hours_as_they_are_written(needy: Product) -> None:
    configure(needy, window="23:00-07:30", folders={"loras": str(needy.models / "nowhere")})
    out = needy.run("doctor", "--offline").out

    assert "download.window: between 23:00 and 07:30" in out
    assert f"download.folders: loras: {needy.models / 'nowhere'}" in out
    assert "for `loras` (`download.folders.loras` in config.json): a file there would not be found" in out


# --- where to --------------------------------------------------------------------------------------------------------


def extra_roots(product: Product, folder: Path, **more: str) -> None:
    """Two further disks in extra_model_paths.yaml; `more` are lines of the second."""
    lines = [f"first:\n  base_path: {folder / 'first'}\n  loras: lora files\n  checkpoints: ckpt"]
    lines += [f"second:\n  base_path: {folder / 'second'}\n  loras: lora files\n  checkpoints: ckpt"]
    lines += [f"  {name}: {value}" for name, value in more.items()]
    (product.root / "extra_model_paths.yaml").write_text("\n".join(lines))


def test_to_chooses_the_root_and_the_sub_folder_is_kept_and_the_file_is_found_there(
    needy: Product, tmp_path: Path, hub: Hub
) -> None:
    needing(needy, "styles/deep/one.safetensors")
    extra_roots(needy, tmp_path)
    assert needy.run("auto", "--to", str(tmp_path / "second")).code == 0
    place = tmp_path / "second" / "lora files" / "styles" / "deep" / "one.safetensors"
    assert fetched(needy) == {"one.safetensors": str(place)}
    assert place.stat().st_size >= SIZE - 1

    assert needy.run("download").code == 0
    assert len(hub.requests_to("cdn")) == 1
    assert needy.json("scan").data["counts"]["missing"] == 0


def test_a_root_that_comfyui_does_not_search_is_told_before_anything_is_asked(
    needy: Product, tmp_path: Path, hub: Hub
) -> None:
    extra_roots(needy, tmp_path)
    ran = needy.json("auto", "--to", str(tmp_path / "third"))

    assert (ran.code, ran.codes) == (2, {"root-not-searched"})
    assert str(tmp_path / "second" / "lora files") in ran.envelope["errors"][0]["hint"]
    assert hub.requests == ()


@pytest.mark.parametrize("name", ["lora", "loras"])
def test_a_folder_of_the_configuration_that_does_not_exist_is_told(needy: Product, tmp_path: Path, name: str) -> None:
    extra_roots(needy, tmp_path)
    configure(needy, folders={name: str(tmp_path / ("first" if name == "loras" else "first/lora files"))})
    ran = needy.json("auto")

    assert (ran.code, ran.codes) == (2, {"root-not-searched"})
    assert f"for `{name}`" in ran.envelope["errors"][0]["message"]


def test_a_folders_own_choice_weighs_more_than_to_and_that_more_than_is_default(needy: Product, tmp_path: Path) -> None:
    extra_roots(needy, tmp_path, is_default="true")
    for name, options, chosen in [
        ("one", (), "second"),
        ("two", ("--to", str(tmp_path / "first")), "first"),
        ("three", ("--to", str(tmp_path / "first")), "second"),
    ]:
        needing(needy, f"{name}.safetensors")
        if name == "three":
            configure(needy, folders={"loras": str(tmp_path / "second" / "lora files")})
        assert needy.run("auto", *options).code == 0
        assert (tmp_path / chosen / "lora files" / f"{name}.safetensors").exists()


# --- disks that are full, that are read-only, that two share ----------------------------------------------------------


def test_what_does_not_fit_is_left_out_and_told_before_the_first_byte(needy: Product, tmp_path: Path, hub: Hub) -> None:
    with mounted("tmpfs", tmp_path / "second", size="300k"):
        extra_roots(needy, tmp_path)
        ran = needy.run("auto", "--to", str(tmp_path / "second"))
        rows = needy.rows("downloads.json")

        assert ran.code == 3
        assert "are missing" in ran.out
        assert sorted(row["error"]["code"] for row in rows.values() if row["error"]) == ["disk-full", "disk-full"]
        assert len(hub.requests_to("cdn")) == len(fetched(needy)) == 1


def test_a_disk_that_fills_up_while_bytes_come_keeps_them_and_resume_goes_on(
    needy: Product, tmp_path: Path, hub: Hub
) -> None:
    needing(needy, NAMES[0])
    hub.set_faults(Faults((Hold(role="cdn", after_bytes=100_000),)))
    with mounted("tmpfs", tmp_path / "second", size="1m") as disk:
        extra_roots(needy, tmp_path)
        process = needy.start("auto", "--to", str(disk))
        part = disk / "lora files" / f".{NAMES[0]}.comfyfixer.part"
        until(lambda: part.exists() and part.stat().st_size > 90_000, "bytes have come")
        (disk / "another's").write_bytes(bytes(shutil.disk_usage(disk).free - 20_000))
        hub.gate().open()
        ran = finished(process)
        kept = part.stat().st_size

        assert ran.code == 3
        assert needy.rows("downloads.json")[NAMES[0]]["error"]["code"] == "disk-full"
        (disk / "another's").unlink()
        assert needy.run("resume").code == 0
        assert f"bytes={kept}-" in [request.headers.get("range") for request in hub.requests_to("cdn")]
        assert fetched(needy) == {NAMES[0]: str(disk / "lora files" / NAMES[0])}


def test_a_disk_that_may_only_be_read_is_told_and_the_rest_goes_on(needy: Product, tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path / "second") as disk:
        extra_roots(needy, tmp_path)
        read_only(disk)
        ran = needy.run("auto", "--to", str(disk))

        assert ran.code == 3
        errors = [row["error"] for row in needy.rows("downloads.json").values()]
        assert {error["code"] for error in errors} == {"target-unwritable"}
        assert all("Read-only file system" in error["message"] for error in errors)
        assert needy.run("resume", "--to", str(tmp_path / "first")).code == 0
        assert all(Path(path).is_relative_to(tmp_path / "first") for path in fetched(needy).values())


def test_two_runs_on_one_installation_fetch_each_file_once(needy: Product, tmp_path: Path, hub: Hub) -> None:
    hub.set_faults(Faults((Hold(role="cdn", after_bytes=100_000, times=None),)))
    (second := tmp_path / "second").mkdir()
    one = needy.start("auto", "--json")
    assert hub.gate().wait_for(len(NAMES), 20)
    two = needy.start("auto", "--json", cwd=second)
    until(lambda: _has_begun(second), "the second one comes to the files")
    hub.gate().open()
    ran, other = finished(one), finished(two)

    assert (ran.code, other.code) == (0, 0), ran.err + other.err
    assert ran.data["counts"]["placed"] == other.data["counts"]["placed"] == len(NAMES)
    assert len(hub.requests_to("cdn")) == len(NAMES)
    left = {path.name for path in (needy.models / "loras").iterdir() if path.is_file()}
    assert left == set(NAMES)


def _has_begun(workdir: Path) -> bool:
    return any('"downloading"' in log.read_text("utf-8") for log in (workdir / "log").glob("*.jsonl"))
