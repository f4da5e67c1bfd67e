"""Hubs, networks, disks and files that fail: told with a code and a hint, and never a wrong file."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.demo.catalogue import CIVITAI_KEY, HUGGINGFACE_KEY
from comfyfixer.demo.civitai_download import storage_path
from comfyfixer.demo.content import whole
from comfyfixer.demo.faults import (
    Cut,
    Down,
    Expired,
    Faults,
    FlippedByte,
    KeyRefused,
    OtherBytes,
    Reply,
    Truncated,
    empty_body,
    html_page,
    server_error,
    too_many,
    window_exhausted,
)
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.huggingface_files import cdn_path
from tests.support.hubs import catalogue_of, civitai_model, repo, weights
from tests.support.product import (
    PATIENCE_S,
    Product,
    Ran,
    checkpoint_workflow,
    declared,
    file_of,
    finished,
    lora_workflow,
    nowhere,
)
from tests.support.sample_facts import placed, present

AURORA, AURORA_REPO = "aurora_xl_v2.safetensors", "northern-light/aurora-xl"
INK = "ink_wash_landscape_v3.safetensors"
RAIN = "harbor_rain_v1.safetensors"
AURORA_PLACE, INK_PLACE = f"checkpoints/{AURORA}", f"loras/{INK}"
NO_CIVITAI = {"COMFYFIXER_CIVITAI_ENDPOINT": nowhere()["COMFYFIXER_CIVITAI_ENDPOINT"]}


@pytest.fixture
def small(product: Product) -> Product:
    """Needs one file that Hugging Face has by URL, and one that only Civitai has, by its name."""
    product.clear_workflows()
    entry = declared(AURORA_REPO, AURORA, "checkpoints")
    product.save("aurora.json", checkpoint_workflow(AURORA, models=[entry]))
    product.save("ink.json", lora_workflow(INK))
    return product


def new_files(product: Product) -> dict[str, str]:
    """What is below `models` that was not there before."""
    return {path: digest for path, digest in product.digests().items() if path not in present()}


def expected(*paths: str) -> dict[str, str]:
    return {path: placed()[path] for path in paths}


def on_cdn(hub: Hub, name: str = AURORA) -> str:
    """Where the CDN has a file."""
    return next(cdn_path(repo, file) for repo in hub.catalogue.huggingface for file in repo.files if file.path == name)


def in_storage(hub: Hub, name: str = INK) -> str:
    """Where Civitai's storage has a file."""
    places = [(model, version) for model in hub.catalogue.civitai for version in model.versions]
    return next(
        storage_path(model, version, file) for model, version in places for file in version.files if file.name == name
    )


def failure(product: Product, name: str) -> Any:
    """The error of a file that was not had; nothing of it is left but a part at most."""
    row = product.rows("downloads.json")[name]
    assert (row["success"], row["path"], row["sha256"]) == (False, None, None)
    assert row["error"]["message"]
    assert row["error"]["hint"]
    return row["error"]["code"]


def told(ran: Ran) -> dict[str, str]:
    """Code to hint of the envelope's errors."""
    return {error["code"]: error["hint"] for error in ran.envelope["errors"]}


# --- hubs that give no answer ----------------------------------------------------------------------------------------


def test_with_no_hub_at_all_it_ends_with_4_and_says_that_the_items_stay_open(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.clear_workflows()
    product.save("ink.json", lora_workflow(INK))
    ran = product.json("auto")

    assert (ran.code, ran.codes) == (4, {"hub-unreachable"})
    assert all("network" in hint for hint in told(ran).values())
    assert product.rows("resolutions.json")[INK]["decision"] == "not_found"
    assert set(product.rows("resolutions.json")[INK]["unanswered"]) == {"civitai", "huggingface"}


def test_one_hub_that_is_down_is_told_once_by_its_name_also_where_a_workflow_leads_to_it(small: Product) -> None:
    url = "https://huggingface.co/owner/repo/resolve/main/x.safetensors"
    models = ({"name": "x.safetensors", "url": url, "directory": "checkpoints"},)
    small.clear_workflows()
    small.save("x.json", checkpoint_workflow("x.safetensors", "another_one.safetensors", models=models))
    ran = small.run("auto", env={"COMFYFIXER_HUGGINGFACE_ENDPOINT": "http://127.0.0.1:9"})

    assert ran.code == 4
    assert ran.out.count("could not be read or reached (1)") == 1
    assert "! Hugging Face gave no answer about 2 missing files: 127.0.0.1:9 could not be reached" in ran.out
    assert "huggingface" not in ran.out.replace("https://huggingface.co", "")
    assert ran.out.count("`comfyfixer resolve` asks again") == 2  # once for each file


def test_with_something_else_outstanding_it_ends_with_3(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.clear_workflows()
    product.save("ink.json", lora_workflow(INK))
    product.save("broken.json", b'{"nodes": [')

    assert product.run("auto").code == 3


def test_what_the_other_hub_proves_is_placed_and_a_name_alone_proves_nothing_now(small: Product, hub: Hub) -> None:
    small.save("rain.json", lora_workflow(RAIN))
    ran = small.json("auto", env=NO_CIVITAI)
    rows = small.rows("resolutions.json")

    assert (ran.code, ran.codes) == (4, {"hub-unreachable"})
    assert new_files(small) == expected(AURORA_PLACE)
    assert (rows[RAIN]["decision"], rows[INK]["decision"]) == ("review", "not_found")
    assert "Civitai" in rows[RAIN]["because"]


def test_when_the_hub_is_back_resolve_and_download_do_the_rest(small: Product, hub: Hub) -> None:
    assert small.run("auto", env=NO_CIVITAI).code == 4
    assert small.run("resolve").code == 0
    assert small.run("download").code == 0
    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)


def test_when_the_hub_is_back_resume_asks_again_and_fetches(small: Product, hub: Hub) -> None:
    assert small.run("auto", env=NO_CIVITAI).code == 4

    assert small.run("resume").code == 0
    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)
    ended = small.json("resume")
    assert (ended.code, ended.codes) == (2, {"nothing-to-resume"})


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (html_page(role="civitai", times=None), "hub-bad-answer"),
        (Truncated(role="civitai", path="/api/v1", times=None), "hub-bad-answer"),
        (Reply(role="civitai", times=None, status=403, body="error code: 1010"), "hub-refused"),
        (Reply(role="civitai", times=None, status=451), "hub-region-blocked"),
        (too_many(role="civitai", times=None, retry_after="100000"), "hub-rate-limited"),
        (server_error(role="civitai", times=None, status=501), "hub-error"),
    ],
    ids=["html", "half-json", "cloudflare", "451", "429", "501"],
)
def test_an_answer_that_is_none_is_told_by_its_code(small: Product, hub: Hub, fault: Any, code: str) -> None:
    hub.set_faults(Faults((fault,)))
    ran = small.json("auto")

    assert (ran.code, ran.codes) == (4, {code})
    assert all(told(ran).values())
    assert new_files(small) == expected(AURORA_PLACE)


def test_a_hub_that_asks_for_time_gets_it_and_everything_is_placed(small: Product, hub: Hub) -> None:
    api = too_many(role="civitai", path="/api/v1", retry_after="2")
    hub.set_faults(Faults((api, window_exhausted(path="/api/models"), too_many(role="storage"))))
    ran = small.run("auto")
    waits = [event["details"] for event in small.events() if event["action"] == "host.waiting"]

    assert ran.code == 0
    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)
    assert any("429" in wait["why"] and wait["seconds"] == 2 for wait in waits)


def test_a_hub_with_a_passing_fault_is_asked_again(small: Product, hub: Hub) -> None:
    hub.set_faults(Faults((server_error(path="/api/"), Down(role="civitai", path="/api/v1"))))

    assert small.run("auto").code == 0
    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)


def test_a_refused_key_is_told_with_its_variable_and_the_other_hub_still_serves(small: Product, hub: Hub) -> None:
    hub.set_faults(Faults((KeyRefused(role="civitai", times=None),)))
    ran = small.json("auto", env={"CIVITAI_API_KEY": "wrong-key-of-mine"})

    assert (ran.code, ran.codes) == (4, {"hub-key-refused"})
    assert "CIVITAI_API_KEY" in told(ran)["hub-key-refused"]
    assert new_files(small) == expected(AURORA_PLACE)
    assert "wrong-key-of-mine" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("name", "variable", "right"),
    [("Civitai", "CIVITAI_API_KEY", CIVITAI_KEY), ("Hugging Face", "HF_TOKEN", HUGGINGFACE_KEY)],
)
def test_doctor_tells_a_wrong_key_from_a_right_one(
    small: Product, hub: Hub, name: str, variable: str, right: str
) -> None:
    def told(key: str | None) -> str:
        ran = small.json("doctor", env={variable: key} if key else {})
        assert ran.code == (4 if key == "wrong" else 0)
        return str(next(row["detail"] for row in ran.data if row["name"] == name))

    assert told(None) == "answers, without a key"
    assert told(right) == "answers, the key is accepted"
    assert f"refused the key of {variable}" in told("wrong")
    hub.set_faults(Faults((Reply(path="/api/v1/me", status=404), Reply(path="/api/whoami-v2", status=404))))
    assert told(right) == "answers, and does not say whether the key is accepted"


def test_doctor_ends_with_4_when_only_a_hub_is_in_the_way(small: Product, hub: Hub) -> None:
    assert small.run("doctor").code == 0
    hub.set_faults(Faults((Reply(role="civitai", times=None, status=503, headers=(("Retry-After", "9999"),)),)))
    ran = small.json("doctor")

    assert (ran.code, ran.codes) == (4, {"hub-error"})


# --- files that do not come as promised ------------------------------------------------------------------------------


def test_one_flipped_byte_is_noticed_and_the_file_fetched_again(small: Product, hub: Hub) -> None:
    hub.set_faults(Faults((FlippedByte(role="cdn", path=on_cdn(hub), at=900_000),)))

    assert small.run("auto").code == 0
    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)


@pytest.mark.parametrize("at", [0, 9, 900_000])
def test_a_byte_that_stays_flipped_leaves_no_file(small: Product, hub: Hub, at: int) -> None:
    hub.set_faults(Faults((FlippedByte(role="cdn", path=on_cdn(hub), at=at, times=None),)))

    assert small.run("auto").code == 3
    assert failure(small, AURORA) in ("hash-mismatch", "not-a-model-file")
    assert at < 900_000 or failure(small, AURORA) == "hash-mismatch"
    assert new_files(small) == expected(INK_PLACE)


def test_another_file_of_the_same_size_is_not_taken(small: Product, hub: Hub) -> None:
    hub.set_faults(Faults((OtherBytes(role="storage", path=in_storage(hub), times=None),)))

    assert small.run("auto").code == 3
    assert failure(small, INK) == "hash-mismatch"
    assert new_files(small) == expected(AURORA_PLACE)


def test_a_web_page_in_place_of_a_file_is_never_placed(small: Product, hub: Hub) -> None:
    hub.set_faults(Faults((html_page(role="cdn", times=None),)))

    assert small.run("auto").code == 3
    assert failure(small, AURORA) == "not-a-model-file"
    assert new_files(small) == expected(INK_PLACE)


@pytest.mark.parametrize("fault", [empty_body(role="cdn"), Truncated(role="cdn")], ids=["nothing", "20 bytes"])
def test_too_few_bytes_are_not_taken_for_the_file(small: Product, hub: Hub, fault: Any) -> None:
    hub.set_faults(Faults((fault,)))

    assert small.run("auto").code == 0
    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)


def test_connections_that_break_off_cost_only_the_bytes_that_did_not_come(small: Product, hub: Hub) -> None:
    cuts = [Cut(role="cdn", path=on_cdn(hub), after_bytes=400_000, skip=skip) for skip in (0, 1)]
    hub.set_faults(Faults((*cuts, Cut(role="storage", after_bytes=10_000))))
    assert small.run("auto").code == 0
    ranges = [request.headers.get("range") for request in hub.requests_to("cdn")]

    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)
    assert ranges == [None, "bytes=400000-", "bytes=800000-"]


def test_an_expired_signature_is_asked_for_anew(small: Product, hub: Hub) -> None:
    hub.set_faults(Faults((Expired(role="storage"), Expired(role="cdn"))))

    assert small.run("auto").code == 0
    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)


def test_the_page_that_asks_for_a_login_is_not_taken_for_the_file(small: Product, hub: Hub) -> None:
    page = "<!DOCTYPE html><html><title>Sign in | Civitai</title></html>"
    html = (("Content-Type", "text/html; charset=utf-8"),)
    hub.set_faults(
        Faults((Reply(role="civitai", path="/api/download", times=None, status=200, headers=html, body=page),))
    )

    assert small.run("auto").code == 3
    assert failure(small, INK) == "login-required"
    assert "CIVITAI_API_KEY" in small.rows("downloads.json")[INK]["error"]["hint"]
    assert new_files(small) == expected(AURORA_PLACE)


# --- files that need a key -------------------------------------------------------------------------------------------

LOGIN_FILE = weights("behind a login")
GATED_FILE = weights("behind a licence", kind="checkpoint")


def keyed_product(tmp_path: Path, hub: Hub) -> Product:
    product = Product(tmp_path, hub)
    product.clear_workflows()
    product.save("login.json", lora_workflow("quiet_hall_v2.safetensors"))
    entry = declared("tideway/quiet-lake", "quiet_lake.safetensors", "checkpoints")
    product.save("gated.json", checkpoint_workflow("quiet_lake.safetensors", models=[entry]))
    return product


def keyed_hub(*granted: str) -> Hub:
    login = civitai_model(
        7, name="Quiet Hall", content=LOGIN_FILE, file_name="quiet_hall_v2.safetensors", access="login"
    )
    gated = repo("tideway/quiet-lake", {"quiet_lake.safetensors": GATED_FILE}, gated="manual", granted=granted)
    return Hub(catalogue_of(login, gated))


def test_without_keys_each_file_says_what_it_needs(tmp_path: Path) -> None:
    with keyed_hub(HUGGINGFACE_KEY) as hub:
        product = keyed_product(tmp_path, hub)
        assert product.run("auto").code == 3

    assert failure(product, "quiet_hall_v2.safetensors") == "login-required"
    assert failure(product, "quiet_lake.safetensors") == "gated"
    assert new_files(product) == {}


def test_a_key_without_access_to_the_licence_is_not_enough(tmp_path: Path) -> None:
    with keyed_hub() as hub:
        product = keyed_product(tmp_path, hub)
        assert product.run("auto", env={"HF_TOKEN": HUGGINGFACE_KEY}).code == 3

    assert failure(product, "quiet_lake.safetensors") == "gated"


def test_with_keys_the_files_come_and_each_key_goes_to_its_own_host_only(tmp_path: Path) -> None:
    keys = {"CIVITAI_API_KEY": CIVITAI_KEY, "HF_TOKEN": HUGGINGFACE_KEY}
    with keyed_hub(HUGGINGFACE_KEY) as hub:
        product = keyed_product(tmp_path, hub)
        ran = product.run("auto", "--verbose", env=keys)
        product.run("doctor", env=keys)
    with_key = {request.role for request in hub.requests if request.had_authorization}
    served = {request.role for request in hub.requests}

    assert ran.code == 0
    assert set(new_files(product)) == {"loras/quiet_hall_v2.safetensors", "checkpoints/quiet_lake.safetensors"}
    assert with_key == {"civitai", "huggingface"}
    assert served == {"civitai", "huggingface", "storage", "cdn", "registry", "manager", "openmodeldb"}


@pytest.mark.parametrize("way", ["environment", "config.json", "config.json with ${NAME}"])
def test_no_key_is_ever_written_or_said(tmp_path: Path, way: str) -> None:
    """Also not in the hub's refusals, redirects and addresses that carry one."""
    secrets = {"civitai": CIVITAI_KEY, "huggingface": HUGGINGFACE_KEY}
    names = {"civitai": "CIVITAI_API_KEY", "huggingface": "HF_TOKEN"}
    environment = {names[hub]: key for hub, key in secrets.items()} if way == "environment" else {}
    with keyed_hub(HUGGINGFACE_KEY) as hub:
        hub.set_faults(Faults((KeyRefused(role="civitai", path="/api/download"),)))
        product = keyed_product(tmp_path, hub)
        config = tmp_path / "elsewhere.json"
        written = {hub: f"${{MY_{hub.upper()}}}" if "NAME" in way else key for hub, key in secrets.items()}
        if way != "environment":
            config.write_text(
                f'{{"api_keys": {{"civitai": "{written["civitai"]}", "huggingface": "{written["huggingface"]}"}}}}'
            )
            environment = {f"MY_{hub.upper()}": key for hub, key in secrets.items()} if "NAME" in way else {}
        options = () if way == "environment" else ("--config", str(config))
        said = [
            product.run(*words, *options, env=environment)
            for words in (("auto", "--verbose"), ("status", "--json"), ("doctor",), ("doctor", "--json"))
        ]
        assert any(request.had_authorization for request in hub.requests)

    for key in secrets.values():
        assert not [ran for ran in said if key in ran.out + ran.err]
        files = [path for path in tmp_path.rglob("*") if path.is_file() and path != config]
        assert [path for path in files if key.encode() in path.read_bytes()] == []


AUTHORS_TOKEN = "token-of-the-author-0123456789"


def with_a_token_in_its_address(product: Product) -> Product:
    product.clear_workflows()
    url = f"https://civitai.com/api/download/models/810003?token={AUTHORS_TOKEN}"
    models = json.dumps([{"name": INK, "url": url, "directory": "loras"}]).encode()
    data = lora_workflow(INK).replace(b'"properties": {', b'"properties": {"models": %s, ' % models, 1)
    product.save("ink.json", data)
    return product


def test_a_token_in_an_address_of_a_workflow_is_neither_used_nor_said(product: Product, hub: Hub) -> None:
    ran = with_a_token_in_its_address(product).run("auto", "--verbose")
    logs = [path.read_text("utf-8") for path in (product.workdir / "log").iterdir()]

    assert new_files(product) == expected(INK_PLACE)
    assert not [text for text in (ran.out, ran.err, *logs) if AUTHORS_TOKEN in text]
    assert not [request for request in hub.requests if AUTHORS_TOKEN in request.query]


def test_a_token_in_an_address_of_a_workflow_is_not_kept(product: Product) -> None:
    with_a_token_in_its_address(product).run("scan")
    files = [path for path in product.workdir.rglob("*") if path.is_file()]

    assert [path.name for path in files if AUTHORS_TOKEN.encode() in path.read_bytes()] == []


# --- the own machine -------------------------------------------------------------------------------------------------

LIMITED = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000)); "
    "os.execv(sys.executable, [sys.executable, '-m', 'comfyfixer', *sys.argv[1:]])"
)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of this kind")
def test_a_file_for_which_there_is_no_room_leaves_nothing_under_its_name(small: Product) -> None:
    ran = finished(small.launch([sys.executable, "-c", LIMITED, "auto"]))

    assert ran.code == 3
    assert failure(small, AURORA) == "disk-full"
    assert expected(INK_PLACE).items() <= new_files(small).items()
    assert AURORA_PLACE not in new_files(small)

    assert small.run("download").code == 0
    assert new_files(small) == expected(AURORA_PLACE, INK_PLACE)


@pytest.mark.parametrize("kind", ["a file", "a read-only folder"])
def test_a_models_folder_that_can_not_be_written_is_told(small: Product, kind: str) -> None:
    loras = small.models / "loras"
    for path in sorted(loras.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    if kind == "a file":
        loras.rmdir()
        loras.write_bytes(b"in the way")
    else:
        loras.chmod(0o500)
        if os.access(loras, os.W_OK):
            loras.chmod(0o700)
            pytest.skip("this user may write everywhere")
    ran = small.run("auto")
    loras.chmod(0o700)

    assert ran.code == 3
    assert failure(small, INK) == "target-unwritable"
    assert (small.models / AURORA_PLACE).exists()
    assert kind != "a file" or loras.read_bytes() == b"in the way"


@pytest.mark.parametrize("kind", ["another file", "a folder", "a dangling link"])
def test_what_stands_in_the_place_already_is_not_touched(small: Product, kind: str) -> None:
    assert small.run("auto", "--dry-run").code == 0
    target = small.models / INK_PLACE
    if kind == "another file":
        target.write_bytes(whole(weights("my own work")))
    elif kind == "a folder":
        target.mkdir()
    else:
        with contextlib.suppress(OSError):  # a Windows user without the right to make links
            target.symlink_to(small.models / "not-there")
        if not os.path.lexists(target):
            pytest.skip("no links here")
    before = os.lstat(target)
    ran = small.run("download")
    after = os.lstat(target)

    assert ran.code == 3
    assert failure(small, INK) == "target-exists"
    assert (before.st_ino, before.st_mtime_ns, before.st_size) == (after.st_ino, after.st_mtime_ns, after.st_size)
    assert not (small.models / "not-there").exists()
    assert (small.models / AURORA_PLACE).exists()


def test_after_another_command_resume_names_the_one_that_tries_again(small: Product) -> None:
    assert small.run("auto", "--dry-run").code == 0
    (small.models / INK_PLACE).write_bytes(whole(weights("my own work")))
    assert small.run("download").code == 3
    (small.models / INK_PLACE).unlink()
    assert small.run("scan").code == 3
    ran = small.json("resume")
    assert ran.codes == {"nothing-to-resume"}
    assert "`comfyfixer download`" in ran.envelope["errors"][0]["hint"]
    assert small.run("download").code == 0


def test_the_very_file_in_its_place_already_is_a_success_and_not_fetched(small: Product, hub: Hub) -> None:
    assert small.run("auto", "--dry-run").code == 0
    (small.models / AURORA_PLACE).write_bytes(whole(file_of(hub.catalogue, AURORA_REPO, AURORA)))

    assert small.run("download").code == 0
    assert small.rows("downloads.json")[AURORA]["already_there"] is True
    assert hub.requests_to("cdn") == ()


def test_a_working_folder_that_can_not_be_written_is_wrong_usage(small: Product) -> None:
    (small.workdir / ".comfyfixer").write_bytes(b"")
    ran = small.json("auto")

    assert (ran.code, ran.codes) == (2, {"workdir-unwritable"})
    assert "--workdir" in told(ran)["workdir-unwritable"]


def test_a_log_folder_that_can_not_be_written_is_wrong_usage(small: Product) -> None:
    (small.workdir / "log").write_bytes(b"")
    ran = small.json("auto")

    assert (ran.code, ran.codes) == (2, {"workdir-unwritable"})


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
@pytest.mark.parametrize(
    "arguments", ["schema run", "--help", "scan --help", "status --json", "resolve --json", "scan"]
)
def test_a_reader_that_goes_away_is_no_failure(small: Product, arguments: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "comfyfixer", *arguments.split(), "--quiet"]
    with os.fdopen(writer, "wb") as gone:
        ran = subprocess.run(
            words, cwd=small.workdir, env=small.environment(), stdout=gone, stderr=subprocess.PIPE, timeout=PATIENCE_S
        )

    assert (ran.returncode, ran.stderr) == (0, b"")
