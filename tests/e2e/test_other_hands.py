"""Programs beside ours: those that fetch for us, and those that take the plan elsewhere. All of them real."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import whole
from comfyfixer.demo.faults import Faults, Hold
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.huggingface_files import cdn_path
from tests.support.hubs import catalogue_of, civitai_model, repo, weights
from tests.support.product import Product, digest_of, finished, until

KEYS = {"CIVITAI_API_KEY": "demo-civitai-key", "HF_TOKEN": "hf_demoToken"}
NEEDS_KEY = weights("needs a key")
OPEN = weights("open to all", size_bytes=3_000_000)
GATED = weights("gated")


def catalogue() -> Catalogue:
    """One open file on each hub, one that needs Civitai's key, one that needs Hugging Face's."""
    return catalogue_of(
        civitai_model(1, content=NEEDS_KEY, file_name="needs_key.safetensors", access="login"),
        civitai_model(2, content=weights("b2"), file_name="on_b2.safetensors", storage="b2"),
        repo("owner/open", {"loras/open file.safetensors": OPEN}),
        repo("owner/gated", {"gated.safetensors": GATED}, gated="auto", granted=("hf_demoToken",)),
    )


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(catalogue()) as running:
        yield running


def product_of(folder: Path, hub: Hub, **environment: str) -> Product:
    """A user whose one workflow names those files by their addresses, resolved."""
    product = Product(folder, hub, root=None, **environment)
    product.clear_workflows()
    graph = Graph()
    for name, url in addresses(hub).items():
        declared = {"name": name, "url": url, "directory": "loras"}
        graph.add("LoraLoader", name, 1.0, 1.0, models=(declared,))
    product.save("w.json", graph.to_json())
    return product


def addresses(hub: Hub) -> dict[str, str]:
    civitai, huggingface = hub.civitai_endpoint, hub.huggingface_endpoint
    return {
        "needs_key.safetensors": f"{civitai}/api/download/models/10?fileId=100",
        "on_b2.safetensors": f"{civitai}/api/download/models/20?fileId=200",
        "open file.safetensors": f"{huggingface}/owner/open/resolve/main/loras/open%20file.safetensors",
        "gated.safetensors": f"{huggingface}/owner/gated/resolve/main/gated.safetensors",
    }


EXPECTED = {
    "loras/needs_key.safetensors": digest_of(NEEDS_KEY),
    "loras/on_b2.safetensors": digest_of(weights("b2")),
    "loras/open file.safetensors": digest_of(OPEN),
    "loras/gated.safetensors": digest_of(GATED),
}


def loras(product: Product) -> dict[str, str]:
    return {name: digest for name, digest in product.digests().items() if name in EXPECTED}


def no_key_left_its_host(hub: Hub) -> None:
    assert not [
        request for role in ("storage", "cdn") for request in hub.requests_to(role) if request.had_authorization
    ]


def nothing_holds_a_key(product: Product, *texts: str) -> None:
    written = [path.read_bytes() for path in product.workdir.rglob("*") if path.is_file()]
    for key in KEYS.values():
        assert not any(key in text for text in texts)
        assert not any(key.encode() in data for data in written)


# --- programs that fetch for us --------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["wget", "aria2c", "hf"])
def test_a_program_fetches_and_we_verify_and_place(tmp_path: Path, hub: Hub, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    product = product_of(tmp_path, hub, **KEYS)
    ran = product.run("auto", "--downloader", program)
    assert ran.code == 0, ran.out + ran.err
    assert loras(product) == EXPECTED
    started = [event["details"] for event in product.events() if event["action"] == "program.started"]
    by_program = {"open file.safetensors", "gated.safetensors"} if program == "hf" else set(addresses(hub))
    assert {row["filename"] for row in started} == by_program
    no_key_left_its_host(hub)
    nothing_holds_a_key(product, ran.out, ran.err)
    assert not list(product.models.rglob(".*comfyfixer*"))


@pytest.mark.parametrize("program", ["wget", "aria2c"])
def test_a_program_is_held_to_the_rate_of_the_run(tmp_path: Path, hub: Hub, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    product = product_of(tmp_path, hub, **KEYS)
    assert product.run("auto", "--downloader", program, "--limit-rate", "1500K").code == 0
    seconds = [event["details"]["seconds"] for event in product.events() if event["action"] == "download.finished"]

    assert max(seconds) > 0.6 * OPEN.size_bytes / (1500 * 1024)
    assert loras(product) == EXPECTED


def test_a_program_that_can_not_be_held_to_a_rate_is_wrong_usage(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub, **KEYS)
    ran = product.json("auto", "--downloader", "hf", "--limit-rate", "1M")

    assert (ran.code, ran.codes) == (2, {"config-invalid"})
    assert "`hf` can't be held to a rate" in ran.envelope["errors"][0]["message"]


@pytest.mark.parametrize("program", ["wget", "aria2c"])
def test_what_a_program_brings_wrong_never_gets_the_name(tmp_path: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    with Hub(catalogue()) as hub:
        product = product_of(tmp_path, hub, **KEYS)
        assert product.run("scan").code == 3
        assert product.run("resolve").code == 0
        rows = product.output("resolutions.json")
        for row in rows:
            for candidate in row["candidates"]:
                candidate["hashes"] = {"sha256": "0" * 64}
        (product.workdir / "output" / "resolutions.json").write_text(json.dumps(rows))
        assert product.run("download", "--downloader", program).code == 3
    assert loras(product) == {}
    outcomes = product.rows("downloads.json")
    assert {row["error"]["code"] for row in outcomes.values()} == {"hash-mismatch"}
    assert not list(product.models.rglob("*.fetched"))


@pytest.mark.parametrize("program", ["wget", "aria2c"])
def test_a_program_is_stopped_with_us_and_goes_on_where_it_was(tmp_path: Path, hub: Hub, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    product = product_of(tmp_path, hub, **KEYS)
    hub.set_faults(Faults((Hold(role="cdn", path=cdn_path(*open_file(hub)), after_bytes=1_500_000, times=None),)))
    process = product.start("auto", "--downloader", program)
    until(lambda: any(path.stat().st_size for path in product.models.rglob(".open*.fetched")), "bytes are there")
    process.send_signal(signal.SIGINT)
    assert finished(process).code == 130
    hub.set_faults(Faults())
    hub.gate().open()
    assert product.run("resume").code == 0
    assert loras(product) == EXPECTED
    started = [event["details"]["program"] for event in product.events() if event["action"] == "program.started"]
    assert set(started) == {program}


def open_file(hub: Hub) -> tuple[HuggingFaceRepo, RepoFile]:
    repository = next(one for one in hub.catalogue.huggingface if one.id == "owner/open")
    return repository, next(file for file in repository.files if file.lfs)


def test_a_program_that_is_not_installed_is_told_before_anything_is_done(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub)
    product.run("scan")
    product.run("resolve")
    ran = product.json("download", "--downloader", "aria2c", env={"PATH": str(tmp_path)})
    assert (ran.code, ran.codes) == (2, {"downloader-missing"})
    assert "apt install aria2" in ran.envelope["errors"][0]["hint"]
    assert loras(product) == {}


def test_a_key_is_in_no_process_list(tmp_path: Path, hub: Hub) -> None:
    """A program of the name that writes down what others could see of it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    seen = tmp_path / "seen.txt"
    for name in ("wget", "aria2c"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$0" "$@" >> {seen}\nenv >> {seen}\nexit 4\n')
        tool.chmod(0o755)
        product = product_of(tmp_path / name, hub, **KEYS)
        product.run("auto", "--downloader", name, env={"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"})
    text = seen.read_text()
    assert "--input-file=-" in text
    assert not [key for key in KEYS.values() if key in text]
    assert "Signature" not in text


@pytest.mark.parametrize("program", ["wget", "aria2c"])
def test_a_hub_that_gives_the_bytes_itself_gets_the_key_all_the_same(tmp_path: Path, program: str) -> None:
    """Small files are at the hub, behind no redirect to a storage: `wget` tells the key, for `aria2c` we do."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    small = RepoFile(path="gated.safetensors", content=GATED, lfs=False)
    gated = HuggingFaceRepo(id="owner/gated", files=(small,), gated="auto", granted=("hf_demoToken",))
    with Hub(Catalogue(huggingface=(gated,))) as hub:
        product = product_of(tmp_path, hub, **KEYS)
        product.run("auto", "--downloader", program)
    assert loras(product) == {"loras/gated.safetensors": EXPECTED["loras/gated.safetensors"]}
    nothing_holds_a_key(product)


# --- who may have what, before a big run -----------------------------------------------------------------------------


def test_what_a_hub_will_not_give_is_known_before_the_first_file_is_fetched(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub)
    ran = product.run("auto")
    assert ran.code == 3
    actions = [event["action"] for event in product.events()]
    first_failure, first_start = actions.index("download.failed"), actions.index("download.started")
    assert first_failure < first_start
    rows = product.rows("downloads.json")
    assert rows["needs_key.safetensors"]["error"]["code"] == "login-required"
    assert "CIVITAI_API_KEY" in rows["needs_key.safetensors"]["error"]["hint"]
    assert rows["gated.safetensors"]["error"]["code"] == "gated"
    assert f"{hub.huggingface_endpoint}/owner/gated" in rows["gated.safetensors"]["error"]["hint"]
    assert {name for name, row in rows.items() if row["success"]} == {"on_b2.safetensors", "open file.safetensors"}


def test_each_reason_is_told_apart_with_its_page(tmp_path: Path) -> None:
    models = tuple(
        civitai_model(number, file_name=f"file_{number}.safetensors", access=access)
        for number, access in enumerate(("early-access", "disabled", "login", "open"), start=1)
    )
    gated = repo("owner/gated", {"gated.safetensors": GATED}, gated="manual")
    with Hub(catalogue_of(*models, gated)) as hub:
        product = Product(tmp_path, hub, root=None, HF_TOKEN="hf_demoToken")
        product.clear_workflows()
        urls = {
            f"file_{n}.safetensors": f"{hub.civitai_endpoint}/api/download/models/{n}0?fileId={n}00"
            for n in range(1, 5)
        }
        urls["gated.safetensors"] = f"{hub.huggingface_endpoint}/owner/gated/resolve/main/gated.safetensors"
        graph = Graph()
        for name, url in urls.items():
            graph.add("LoraLoader", name, 1.0, 1.0, models=({"name": name, "url": url, "directory": "loras"},))
        product.save("w.json", graph.to_json())
        product.run("auto")
        pages = (hub.civitai_endpoint, hub.huggingface_endpoint)
    errors = {name: row["error"] for name, row in product.rows("downloads.json").items() if row["error"]}
    assert {name: error["code"] for name, error in errors.items()} == {
        "file_1.safetensors": "early-access",
        "file_2.safetensors": "download-disabled",
        "file_3.safetensors": "login-required",
        "gated.safetensors": "gated",
    }
    assert all(any(page in error["hint"] for page in pages) for error in errors.values())
    asked = [event["details"]["url"] for event in product.events() if event["action"] == "download.started"]
    assert [url.partition("?")[0].rpartition("/")[2] for url in asked] == ["40"]


# --- the plan for others ---------------------------------------------------------------------------------------------


def exported(product: Product, form: str, file: Path) -> str:
    for step in ("scan", "resolve"):
        product.run(step)
    ran = product.run("export", "--format", form, "--output", str(file))
    assert ran.code in (0, 3), ran.err
    nothing_holds_a_key(product, ran.out, ran.err)
    return file.read_text("utf-8")


def elsewhere(words: list[str], **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    return subprocess.run(words, env={**kept, **environment}, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("sh") is None, reason="no curl")
def test_the_shell_script_fetches_everything_and_again_nothing(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub, **KEYS)
    script = tmp_path / "fetch.sh"
    text = exported(product, "sh", script)
    assert '"${CIVITAI_API_KEY-}"' in text
    first = elsewhere(["sh", str(script)], **KEYS)
    assert (first.returncode, loras(product)) == (0, EXPECTED), first.stderr
    no_key_left_its_host(hub)
    asked = len(hub.requests)
    again = elsewhere(["sh", str(script)], **KEYS)
    assert (again.returncode, len(hub.requests)) == (0, asked)
    assert product.run("scan").code == 0


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("sh") is None, reason="no curl")
def test_the_shell_script_goes_on_and_places_nothing_wrong(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub, **KEYS)
    script = tmp_path / "fetch.sh"
    exported(product, "sh", script)
    folder = product.models / "loras"
    (folder / ".open file.safetensors.comfyfixer-export.part").write_bytes(whole(OPEN)[:1_000_000])
    (folder / "gated.safetensors").write_bytes(b"somebody's own")
    ran = elsewhere(["sh", str(script)], HF_TOKEN="hf_demoToken")
    assert ran.returncode == 1
    assert "another file is there" in ran.stderr
    assert (folder / "gated.safetensors").read_bytes() == b"somebody's own"
    assert not (folder / "needs_key.safetensors").exists()
    assert loras(product)["loras/open file.safetensors"] == EXPECTED["loras/open file.safetensors"]
    ranges = [request.headers.get("range") for request in hub.requests_to("cdn")]
    assert "bytes=1000000-" in ranges


@pytest.mark.skipif(shutil.which("aria2c") is None, reason="no aria2c")
def test_the_aria2_input_fetches_what_needs_no_key_and_says_what_does(tmp_path: Path) -> None:
    only_hub = msgspec.structs.replace(catalogue(), civitai=())
    with Hub(only_hub) as hub:
        product = product_of(tmp_path, hub)
        plan = tmp_path / "plan.aria2"
        text = exported(product, "aria2", plan)
        assert "# needs HF_TOKEN, and its licence accepted at " in text
        assert "header=" not in text
        ran = elsewhere(["aria2c", "--no-conf", "--quiet", f"--input-file={plan}"])
    assert ran.returncode == 0, ran.stdout
    assert loras(product) == {"loras/open file.safetensors": EXPECTED["loras/open file.safetensors"]}


@pytest.mark.skipif(shutil.which("hf") is None, reason="no hf")
def test_the_script_for_hf_places_what_is_on_hugging_face(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub, **KEYS)
    script = tmp_path / "hf.sh"
    exported(product, "hf", script)
    environment = {"HF_ENDPOINT": hub.huggingface_endpoint, "HOME": str(tmp_path), **KEYS}
    ran = elsewhere(["sh", str(script)], **environment)
    assert ran.returncode == 0, ran.stderr
    assert set(loras(product)) == {"loras/open file.safetensors", "loras/gated.safetensors"}


def test_comfy_cli_is_told_where_and_its_work_is_checked(tmp_path: Path, hub: Hub) -> None:
    """A program of the name that brings the wrong bytes."""
    product = product_of(tmp_path, hub)
    script = tmp_path / "comfy.sh"
    exported(product, "comfy-cli", script)
    tools = tmp_path / "tools"
    tools.mkdir()
    tool = tools / "comfy"
    tool.write_text('#!/bin/sh\nprintf "%s|" "$@"; printf "%s\\n" "$CIVITAI_API_TOKEN"\n')
    tool.chmod(0o755)
    ran = elsewhere(["sh", str(script)], CIVITAI_API_KEY="k", PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert ran.returncode == 1
    told = [line for line in ran.stdout.splitlines() if "open file" in line]
    expected = (
        f"--workspace|{product.root}|--skip-prompt|model|download|--url|"
        f"{hub.huggingface_endpoint}/owner/open/resolve/main/loras/open%20file.safetensors"
        "|--relative-path|models/loras|--filename|open file.safetensors|k"
    )
    assert told == [expected]


def test_export_needs_a_resolve_and_writes_to_stdout(tmp_path: Path, hub: Hub) -> None:
    product = product_of(tmp_path, hub)
    assert product.json("export", "--format", "sh").codes == {"state-missing"}
    product.run("scan")
    product.run("resolve")
    ran = product.run("export", "--format", "lock", "--quiet")
    assert ran.code == 0
    assert {row["sha256"] for row in json.loads(ran.out)["models"]} == set(EXPECTED.values())
    data = product.json("export", "--format", "aria2").data
    assert {row["relative"] for row in data["files"]} == {f"models/{name}" for name in EXPECTED}
