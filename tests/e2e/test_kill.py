"""A run that is killed, stopped or doubled in each phase: nothing is lost, nothing half-written, `resume` goes on."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from comfyfixer.demo.civitai_download import storage_path
from comfyfixer.demo.faults import AnyFault, Faults, Hold
from comfyfixer.demo.hub import Hub, Recorded
from comfyfixer.demo.huggingface_files import cdn_path
from tests.support.product import PATIENCE_S, Product, checkpoint_workflow, until
from tests.support.sample_facts import DECISIONS, placed, present

if TYPE_CHECKING:
    import subprocess

HELD_BYTES = 700_000
AURORA = "checkpoints/aurora_xl_v2.safetensors"
COPPER = "checkpoints/copperValley_v40.safetensors"
APIS = ("civitai", "huggingface")

no_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows delivers Ctrl-C to a whole console only")


@contextlib.contextmanager
def running(product: Product, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A command under way, ended and waited for whatever happens."""
    process = product.start(*arguments)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=PATIENCE_S)


def hold_files(hub: Hub) -> None:
    """Let the two largest checkpoints, one of each hub, stop in the middle of their bytes."""
    rules: list[AnyFault] = [
        Hold(role="cdn", path=aurora_on_cdn(hub), after_bytes=HELD_BYTES, times=None),
        Hold(role="storage", path=copper_in_storage(hub), after_bytes=HELD_BYTES, times=None),
    ]
    hub.set_faults(Faults(tuple(rules)))


def aurora_on_cdn(hub: Hub) -> str:
    repo = next(repo for repo in hub.catalogue.huggingface if repo.id == "northern-light/aurora-xl")
    return cdn_path(repo, next(file for file in repo.files if file.path == "aurora_xl_v2.safetensors"))


def copper_in_storage(hub: Hub) -> str:
    model = next(model for model in hub.catalogue.civitai if model.name == "Copper Valley")
    return storage_path(model, model.versions[0], model.versions[0].files[0])


def until_all_but_the_held_files_are_placed(product: Product, hub: Hub) -> None:
    """Both held files have bytes on disk and every other file has its end."""
    assert hub.gate().wait_for(2, PATIENCE_S)
    ended = {"download.finished", "download.failed"}
    parts = [part_of(product, name) for name in (AURORA, COPPER)]
    until(lambda: sum(event["action"] in ended for event in product.events()) == 10, "all other files have their end")
    until(lambda: all(part.exists() and part.stat().st_size for part in parts), "both parts have bytes")


def part_of(product: Product, name: str) -> Path:
    """Where the bytes of a file of `models` are while it is unfinished."""
    folder, _, filename = name.rpartition("/")
    return product.models / folder / f".{filename}.comfyfixer.part"


def held_query() -> AnyFault:
    """One question of the resolver that gets no whole answer."""
    return Hold(role="civitai", path="query=copper", after_bytes=10, times=None)


def until_all_but_one_are_decided(product: Product, hub: Hub) -> None:
    assert hub.gate().reached.wait(PATIENCE_S)
    others = len(DECISIONS) - 1
    until(lambda: decided(product) == others, "all others are decided")


def decided(product: Product) -> int:
    return sum(event["action"] == "decision.made" for event in product.events())


def names_without_parts(product: Product) -> dict[str, str]:
    """What has a real name below `models`."""
    return {path: digest for path, digest in product.digests().items() if ".comfyfixer." not in path}


def interrupted_in(product: Product) -> tuple[Any, ...]:
    """What `status` says of a run that is no more."""
    ran = product.json("status")
    assert ran.code == 0
    data = ran.data
    return data["running"], data["phase"], data["interrupted"], data["errors"][-1]["code"]


def since(hub: Hub, count: int, *roles: str) -> list[Recorded]:
    return [request for request in hub.requests[count:] if request.role in roles]


# --- kill -9 ---------------------------------------------------------------------------------------------------------


def test_killed_while_scanning_the_same_is_found_in_the_end(product: Product) -> None:
    (product.workflows / "many").mkdir()
    first = product.save("many/0.json", checkpoint_workflow(*(f"number_{number}.safetensors" for number in range(3))))
    for number in range(1, 4000):
        os.link(first, product.workflows / "many" / f"{number}.json")
    with running(product, "scan") as process:
        until(lambda: (product.status_file() or {}).get("phase") == "scanning", "the run is scanning")
        process.kill()
        process.wait(PATIENCE_S)
    assert interrupted_in(product) == (False, "error", "scanning", "run-interrupted")
    assert not list((product.workdir / "output").glob("*.json"))
    assert product.run("resume").code == 3
    found = {path.name: path.read_bytes() for path in (product.workdir / "output").glob("*.json")}
    assert product.run("scan", "--workdir", str(product.workdir / "fresh")).code == 3

    assert len(product.rows("missing_models.json")) == 17 + 3
    assert found == {path.name: path.read_bytes() for path in (product.workdir / "fresh" / "output").glob("*.json")}


def test_killed_while_resolving_only_the_open_question_is_asked_again(product: Product, hub: Hub) -> None:
    fresh = product.workdir / "fresh"
    assert product.run("auto", "--dry-run", "--workdir", str(fresh)).code == 3
    hub.set_faults(Faults((held_query(),)))
    with running(product, "auto") as process:
        until_all_but_one_are_decided(product, hub)
        process.kill()
        process.wait(PATIENCE_S)
    assert interrupted_in(product) == (False, "error", "resolving", "run-interrupted")
    assert product.digests() == present()

    seen = len(hub.requests)
    hub.gate().open()
    assert product.run("resume").code == 3
    asked = [request.query + request.path for request in since(hub, seen, *APIS) if "/api/" in request.path]
    asked = [request for request in asked if "/api/download/" not in request]
    assert asked
    assert all("copper" in request.lower() or "valley" in request.lower() for request in asked)
    resolutions = (product.workdir / "output" / "resolutions.json").read_bytes()
    assert resolutions == (fresh / "output" / "resolutions.json").read_bytes()
    assert product.digests() == placed() | present()


def test_killed_while_downloading_the_files_go_on_at_the_byte_where_they_stopped(product: Product, hub: Hub) -> None:
    hold_files(hub)
    with running(product, "auto") as process:
        until_all_but_the_held_files_are_placed(product, hub)
        process.kill()
        process.wait(PATIENCE_S)
    kept = {name: part_of(product, name).stat().st_size for name in (AURORA, COPPER)}
    others = {path: digest for path, digest in placed().items() if path not in kept}
    assert interrupted_in(product) == (False, "error", "downloading", "run-interrupted")
    assert names_without_parts(product) == others | present()

    seen = len(hub.requests)
    hub.gate().open()
    assert product.run("resume").code == 3
    ranges = {request.headers.get("range") for request in since(hub, seen, "cdn", "storage")}
    assert ranges == {f"bytes={size}-" for size in kept.values()}
    assert {request.status for request in since(hub, seen, "cdn", "storage")} == {206}
    assert product.digests() == placed() | present()
    numbers = product.status_file()["data"]
    assert sum(row["success"] for row in product.output("downloads.json")) == len(placed())
    assert (numbers["downloads_successful"], numbers["downloads_failed"]) == (len(placed()), 1)


def test_a_run_that_was_killed_and_finished_by_resume_is_complete(product: Product, hub: Hub) -> None:
    hold_files(hub)
    with running(product, "auto") as process:
        assert hub.gate().wait_for(2, PATIENCE_S)
        process.kill()
    hub.gate().open()
    product.run("resume")
    status = product.json("status").data
    again = product.json("resume")

    assert (status["phase"], status["interrupted"], status["exit_code"], status["command"]) == (
        "complete", None, 3, "auto",
    )  # fmt: skip
    assert (again.code, again.codes) == (2, {"nothing-to-resume"})


def test_resume_from_another_folder_needs_no_flag_but_the_workdir(product: Product, hub: Hub, tmp_path: Path) -> None:
    hub.set_faults(Faults((held_query(),)))
    away = {"COMFYUI_PATH": ""}
    with running(product, "auto", "--comfyui-root", str(product.root)) as process:
        assert hub.gate().reached.wait(PATIENCE_S)
        process.kill()
    hub.gate().open()
    ran = product.run("resume", "--workdir", str(product.workdir), cwd=tmp_path, env=away)

    assert ran.code == 3, ran.err
    assert product.digests() == placed() | present()


# --- asked to stop ---------------------------------------------------------------------------------------------------


def impatient(product: Product) -> None:
    """A server that says nothing is given up after two seconds."""
    settings = {"download": {"timeout_seconds": 2}}
    (product.workdir / "config.json").write_text(json.dumps(settings), "utf-8")


@no_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_while_downloading_the_parts_are_kept(product: Product, hub: Hub, number: int) -> None:
    impatient(product)
    hold_files(hub)
    with running(product, "auto") as process:
        until_all_but_the_held_files_are_placed(product, hub)
        process.send_signal(number)
        code, said = process.wait(PATIENCE_S), (process.stderr or sys.stderr).read()
    kept = {name: part_of(product, name).stat().st_size for name in (AURORA, COPPER)}
    assert (code, said.count("[interrupted]")) == (130, 1)
    assert "comfyfixer resume" in said
    assert interrupted_in(product) == (False, "error", "downloading", "interrupted")
    assert not [path for path in names_without_parts(product) if path in kept]

    seen = len(hub.requests)
    hub.gate().open()
    assert product.run("resume").code == 3
    ranges = {request.headers.get("range") for request in since(hub, seen, "cdn", "storage")}
    assert ranges == {f"bytes={size}-" for size in kept.values()}
    assert product.digests() == placed() | present()


@no_signals
def test_asked_to_stop_while_resolving_it_stops_and_goes_on(product: Product, hub: Hub) -> None:
    impatient(product)
    hub.set_faults(Faults((held_query(),)))
    with running(product, "auto", "--json") as process:
        until_all_but_one_are_decided(product, hub)
        process.send_signal(signal.SIGINT)
        code, out = process.wait(PATIENCE_S), (process.stdout or sys.stdin).read()
    envelope = json.loads(out)
    assert (code, envelope["ok"], envelope["exit_code"]) == (130, False, 130)
    assert [error["code"] for error in envelope["errors"]] == ["interrupted"]
    assert interrupted_in(product) == (False, "error", "resolving", "interrupted")

    hub.gate().open()
    assert product.run("resume").code == 3
    assert product.digests() == placed() | present()


@no_signals
def test_asked_to_stop_it_does_not_wait_for_a_silent_server(product: Product, hub: Hub) -> None:
    hold_files(hub)
    with running(product, "auto") as process:
        until_all_but_the_held_files_are_placed(product, hub)
        process.send_signal(signal.SIGINT)
        assert process.wait(3) == 130


@no_signals
def test_asked_twice_it_stops_at_once_and_resume_goes_on(product: Product, hub: Hub) -> None:
    hold_files(hub)
    with running(product, "auto") as process:
        until_all_but_the_held_files_are_placed(product, hub)
        process.send_signal(signal.SIGINT)
        until(lambda: "stopping cleanly" in (process.stderr or sys.stderr).readline(), "the first request was heard")
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert interrupted_in(product)[:3] == (False, "error", "downloading")

    hub.gate().open()
    assert product.run("resume").code == 3
    assert product.digests() == placed() | present()


# --- two at a time ---------------------------------------------------------------------------------------------------


def test_a_second_run_is_refused_while_one_is_active(product: Product, hub: Hub) -> None:
    hub.set_faults(Faults((held_query(),)))
    with running(product, "auto") as process:
        assert hub.gate().reached.wait(PATIENCE_S)
        for command in ("scan", "auto", "resume"):
            ran = product.json(command)
            assert (ran.code, ran.codes) == (2, {"run-active"}), command
        status = product.json("status").data
        assert (status["running"], status["phase"], status["pid"]) == (True, "resolving", process.pid)
        hub.gate().open()
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 3

    assert product.digests() == placed() | present()


def test_a_second_run_in_another_folder_shares_the_installation_without_harm(product: Product, hub: Hub) -> None:
    hold_files(hub)
    with running(product, "auto") as first, running(product, "auto", "--workdir", str(product.workdir / "b")) as second:
        assert hub.gate().wait_for(2, PATIENCE_S)
        hub.gate().open()
        codes = [process.wait(PATIENCE_S) for process in (first, second)]

    assert codes == [3, 3]
    assert product.digests() == placed() | present()


def test_watching_a_run_ends_with_the_run(product: Product, hub: Hub) -> None:
    hub.set_faults(Faults((held_query(),)))
    with running(product, "auto") as process:
        assert hub.gate().reached.wait(PATIENCE_S)
        watch = product.start("status", "--watch", "--json")
        first = json.loads(watch.stdout.readline() if watch.stdout else "")
        hub.gate().open()
        process.communicate(timeout=PATIENCE_S)
        told, _ = watch.communicate(timeout=PATIENCE_S)
    last = json.loads(told.splitlines()[-1])

    assert (first["running"], first["phase"]) == (True, "resolving")
    assert (last["running"], last["phase"], last["exit_code"]) == (False, "complete", 3)
    assert watch.returncode == 0
