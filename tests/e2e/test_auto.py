"""The main job on the sample installation, through the installed command and real files."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.cli.schema import SCHEMAS
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import sample_catalogue
from tests.support.contract import ENVELOPE, EVENT, FILES, STATUS, lacking, violations
from tests.support.product import Product, Ran, digests, finished
from tests.support.sample_facts import DECISIONS, MISSING_NODES, placed, present

FIRST_PLAN = Path(__file__).parents[2] / "comfy_fixer.py"
LOOK_INSIDE = "bytes=0-1048575"
"""How a file's header is read where the name alone would decide."""
TRANSFERS = ("/resolve/", "/api/download/")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Product, Ran, Hub]]:
    """One finished `auto --json`, for all tests that only look."""
    with Hub(sample_catalogue()) as hub:
        product = Product(tmp_path_factory.mktemp("auto"), hub)
        yield product, product.json("auto"), hub


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `downloads.json` in a fixed order, without what differs from run to run."""
    kept = [{name: value for name, value in row.items() if name not in ("seconds", "mtime_ns")} for row in rows]
    return sorted(kept, key=lambda row: str(row["filename"]))


# --- what becomes of the files ---------------------------------------------------------------------------------------


def test_auto_places_every_proven_file_and_nothing_else(done: tuple[Product, Ran, Hub]) -> None:
    product, ran, _ = done

    assert ran.code == 3
    assert product.digests() == placed() | present()


def test_everything_is_decided_as_its_evidence_allows(done: tuple[Product, Ran, Hub]) -> None:
    product, _, _ = done
    rows = product.rows("resolutions.json")

    assert {name: row["decision"] for name, row in rows.items()} == DECISIONS
    assert all(row["because"] for row in rows.values())
    assert {name for name, row in rows.items() if row["confidence"] == 1.0} == {
        name for name, decision in DECISIONS.items() if decision == "accepted"
    }


def test_a_placed_file_is_verified_and_a_gated_one_says_what_to_do(done: tuple[Product, Ran, Hub]) -> None:
    product, _, _ = done
    rows = product.rows("downloads.json")
    gated = rows.pop("river_dev.safetensors")

    assert {row["path"]: row["sha256"] for row in rows.values()} == {
        str(product.models / path): digest for path, digest in placed().items()
    }
    assert all(row["success"] and row["verified"] and row["error"] is None for row in rows.values())
    assert (gated["success"], gated["path"], gated["error"]["code"]) == (False, None, "gated")
    assert "tideway/river-dev" in gated["error"]["hint"]


def test_missing_custom_nodes_are_named_with_the_pack_that_the_workflow_names(done: tuple[Product, Ran, Hub]) -> None:
    product, _, _ = done
    rows = product.output("missing_nodes.json")

    assert {row["node_type"] for row in rows} == MISSING_NODES
    assert {row["pack"]["id"] for row in rows} == {"comfyui-film-grain"}


def test_one_broken_workflow_is_told_and_the_rest_is_read(done: tuple[Product, Ran, Hub]) -> None:
    _, ran, _ = done
    workflows = {Path(row["path"]).name: row for row in ran.data["workflows"]}

    assert ran.codes == {"workflow-invalid-json", "gated"}
    assert [name for name, row in workflows.items() if not row["ok"]] == ["broken_download.json"]
    assert len(workflows) == 12
    assert ran.data["scanned"]["passed_over"] == 1
    assert ran.data["ready"] == 6


def test_the_report_for_people_names_every_file_and_every_workflow(done: tuple[Product, Ran, Hub]) -> None:
    product, ran, _ = done
    report = (product.workdir / "output" / "summary_report.md").read_text("utf-8")

    assert all(name in report for name in DECISIONS)
    assert all(Path(row["path"]).name in report for row in ran.data["workflows"])
    assert ran.data["output"]["summary"] == str(product.workdir / "output" / "summary_report.md")


# --- a second run, and the steps one by one --------------------------------------------------------------------------


def test_a_second_auto_fetches_nothing_and_asks_no_hub_again(product: Product, hub: Hub) -> None:
    assert product.run("auto").code == 3
    before = product.digests()
    seen = len(hub.requests)
    assert product.run("auto").code == 3
    again = hub.requests[seen:]

    assert product.digests() == before
    assert [request.path for request in again] == ["/tideway/river-dev/resolve/main/river_dev.safetensors"]
    assert again[0].status == 401


def test_scan_resolve_and_download_come_to_the_same_as_auto(
    done: tuple[Product, Ran, Hub], product: Product, hub: Hub
) -> None:
    other, _, _ = done
    codes = [product.run("scan").code, product.run("resolve").code]
    fetched = [request for request in hub.requests if request.headers.get("range") != LOOK_INSIDE]
    assert not [request for request in fetched if request.role in ("storage", "cdn")]
    codes.append(product.run("download").code)

    assert codes == [3, 3, 3]
    assert product.digests() == other.digests()
    for name in ("missing_models.json", "missing_nodes.json", "resolutions.json", "downloads.json"):
        here, there = (each.output(name) for each in (product, other))
        if name == "downloads.json":
            here, there = without_times(here), without_times(there)
        text = json.dumps(here).replace(str(product.root), str(other.root))
        for role in ("civitai", "huggingface"):
            text = text.replace(getattr(hub.endpoints, role), getattr(done[2].endpoints, role))
        assert json.loads(text) == there, name


def test_download_fetches_only_what_resolve_accepted(product: Product, hub: Hub) -> None:
    product.run("auto", "--dry-run")
    assert product.digests() == present()
    fetched = [request for request in hub.requests if request.headers.get("range") != LOOK_INSIDE]
    assert not [request for request in fetched if any(part in request.path for part in TRANSFERS)]

    shown = product.json("download", "--dry-run")
    assert shown.code == 3
    assert shown.data["counts"]["accepted"] == 12
    assert product.digests() == present()


def test_a_step_without_the_one_before_says_which_to_run(product: Product) -> None:
    for command, hint in (("resolve", "comfyfixer scan"), ("download", "comfyfixer scan")):
        ran = product.json(command)
        assert (ran.code, ran.codes) == (2, {"state-missing"})
        assert hint in ran.envelope["errors"][0]["hint"]


def test_nothing_missing_ends_with_zero_and_starts_no_request(product: Product, hub: Hub) -> None:
    kept = (product.workflows / "already_runnable.json").read_bytes()
    product.clear_workflows()
    product.save("runs.json", kept)
    ran = product.run("auto")

    assert ran.code == 0
    assert "Nothing is outstanding" in ran.out
    assert hub.requests == ()


def test_a_choice_made_by_hand_in_the_workflow_is_enough(product: Product) -> None:
    product.run("auto")
    fixed = product.workflows / "studio_portrait_from_windows.json"
    fixed.write_bytes(fixed.read_bytes().replace(b"portraits\\\\studio", b"portraits/studio"))
    product.run("scan")

    assert "studio_portrait_v1.safetensors" not in product.rows("missing_models.json")


# --- what programs read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_file_of_output_has_every_field_of_the_contract(done: tuple[Product, Ran, Hub], name: str) -> None:
    rows = done[0].output(name)

    assert rows
    assert [problem for row in rows for problem in lacking(row, FILES[name])] == []


def test_the_rows_of_missing_models_say_where_each_file_is_needed(done: tuple[Product, Ran, Hub]) -> None:
    rows = done[0].rows("missing_models.json")
    shared = rows["harbor_t5.safetensors"]

    assert len(shared["workflows"]) == 3
    assert {reference["path"] for reference in shared["references"]} == set(shared["workflows"])
    assert rows["aurora_xl_v2.safetensors"]["expected_type"] == "checkpoint"
    assert "sha256" in rows["aurora_xl_v2.safetensors"]["hashes"]
    assert rows["studio_portrait_v1.safetensors"]["local_matches"][0]["why"] == "other-separator"
    assert rows["film_grain_400.safetensors"]["folder"] is None
    assert "forgotten_style_v1.safetensors" not in rows


def test_status_json_has_every_field_of_the_contract_and_the_true_numbers(done: tuple[Product, Ran, Hub]) -> None:
    status = done[0].status_file()
    data = status["data"]

    assert lacking(status, STATUS) == []
    assert (status["phase"], status["exit_code"], status["command"]) == ("complete", 3, "auto")
    assert (data["workflows_scanned"], data["missing_models"], data["missing_nodes"]) == (11, 17, 2)
    assert (data["downloads_successful"], data["downloads_failed"]) == (11, 1)
    assert {error["code"] for error in status["errors"]} == {"workflow-invalid-json", "gated"}


def test_a_file_that_failed_is_told_with_its_hint_in_the_answer_and_in_the_status(
    done: tuple[Product, Ran, Hub],
) -> None:
    product, ran, _ = done
    told = [
        next(error for error in errors if error["code"] == "gated")
        for errors in (ran.envelope["errors"], product.status_file()["errors"])
    ]

    assert told == [product.rows("downloads.json")["river_dev.safetensors"]["error"]] * 2
    assert told[0]["hint"].startswith("Accept it at ")


def test_the_log_has_a_line_for_each_event_and_every_decision_and_file(done: tuple[Product, Ran, Hub]) -> None:
    product, _, _ = done
    (text,) = (product.workdir / "log").glob("auto_*.log")
    events = product.events()
    decided = {event["details"]["filename"] for event in events if event["action"] == "decision.made"}
    finished_files = {event["details"]["filename"] for event in events if event["action"] == "download.finished"}

    assert [problem for event in events for problem in lacking(event, EVENT)] == []
    assert len(text.read_text("utf-8").splitlines()) == len(events)
    assert decided == set(DECISIONS)
    assert finished_files == {path.rpartition("/")[2] for path in placed()}
    assert len({event["run_id"] for event in events}) == 1


def test_every_request_that_the_hubs_saw_is_in_the_log(done: tuple[Product, Ran, Hub]) -> None:
    product, _, hub = done
    urls = {event["details"]["url"].partition("?")[0] for event in product.events() if "url" in event["details"]}
    asked = {
        f"{getattr(hub.endpoints, request.role)}{request.path}"
        for request in hub.requests
        if request.role in ("civitai", "huggingface")
    }

    assert asked <= urls


def test_the_envelope_and_each_file_are_as_their_schemas_say(done: tuple[Product, Ran, Hub]) -> None:
    product, ran, _ = done
    values = {name: product.output(name) for name in SCHEMAS if (product.workdir / "output" / name).exists()}
    values |= {"envelope": ran.envelope, "run": ran.data, "status.json": product.status_file()}
    values["status"] = product.json("status").data
    values["log"] = product.events()[0]
    shown = ("relink", "verify", "inventory", "review", "plan", "workflows")
    values |= {name: product.json(name).data for name in shown}
    values["inspect"] = json.loads(product.json("inspect").out.splitlines()[0])
    values["lock"] = product.output("comfyfixer.lock.json")
    values["sync"] = product.json("sync", str(product.workdir / "output" / "comfyfixer.lock.json"), "--dry-run").data
    values["export"] = product.json("export", "--format", "sh").data

    assert set(values) == set(SCHEMAS)
    for name, value in values.items():
        schema = json.loads(product.run("schema", name).out)
        assert violations(value, schema) == [], name
    assert lacking(ran.envelope, ENVELOPE) == []


def test_the_envelope_holds_the_rows_of_the_files(done: tuple[Product, Ran, Hub]) -> None:
    product, ran, _ = done

    assert (ran.envelope["command"], ran.envelope["ok"], ran.envelope["exit_code"]) == ("auto", True, 3)
    assert ran.data["missing_models"] == product.output("missing_models.json")
    assert ran.data["resolutions"] == product.output("resolutions.json")
    assert ran.data["counts"] == {
        "placed": 11, "choose_anew": 0, "here": 0, "failed": 1, "accepted": 0, "review": 3, "not_found": 2,
        "missing": 0, "skipped": 0,
    }  # fmt: skip


def test_with_json_stderr_stays_empty_and_stdout_is_one_document(done: tuple[Product, Ran, Hub]) -> None:
    _, ran, _ = done

    assert ran.err == ""
    assert ran.envelope["schema_version"] == 1


# --- the first plan's entry point ------------------------------------------------------------------------------------


def first_plan(product: Product, *flags: str, cwd: Path) -> Ran:
    """`python comfy_fixer.py ...` from another folder."""
    return finished(product.launch([sys.executable, str(FIRST_PLAN), *flags, "--workdir", str(product.workdir)], cwd))


def test_the_first_plans_scan_does_what_scan_does(product: Product, tmp_path: Path) -> None:
    new = product.run("scan")
    names = ("missing_models.json", "missing_nodes.json", "workflows.json")
    expected = {name: product.output(name) for name in names}
    for name in names:
        (product.workdir / "output" / name).unlink()
    old = first_plan(product, "--scan", cwd=tmp_path)

    assert (old.code, old.out) == (new.code, new.out)
    assert {name: product.output(name) for name in names} == expected


def test_the_first_plans_flags_combine_and_lead_to_the_same_end(product: Product, tmp_path: Path) -> None:
    assert first_plan(product, "--scan", "--resolve", cwd=tmp_path).code == 3
    assert {name: row["decision"] for name, row in product.rows("resolutions.json").items()} == DECISIONS
    assert product.digests() == present()

    assert first_plan(product, "--download", cwd=tmp_path).code == 3
    assert product.digests() == placed() | present()
    assert {log.name.partition("_")[0] for log in (product.workdir / "log").glob("*.log")} == {
        "scan-resolve",
        "download",
    }


def test_the_first_plans_auto_status_and_resume(product: Product, tmp_path: Path) -> None:
    assert first_plan(product, "--auto", cwd=tmp_path).code == 3
    status = first_plan(product, "--status", "--json", cwd=tmp_path)
    resumed = first_plan(product, "--resume", "--json", cwd=tmp_path)

    assert product.digests() == placed() | present()
    assert (status.code, status.data["phase"], status.data["command"]) == (0, "complete", "auto")
    assert (resumed.code, resumed.codes) == (2, {"nothing-to-resume"})


# --- without configuration -------------------------------------------------------------------------------------------


def test_the_demo_runs_without_key_and_network_and_leaves_its_results(tmp_path: Path) -> None:
    product = Product(tmp_path)
    ran = product.run("demo", "here")

    assert ran.code == 3
    assert digests(product.workdir / "here" / "ComfyUI" / "models") == placed() | present()
    report = product.workdir / "here" / "output" / "summary_report.md"
    assert str(report) in ran.out
    assert report.read_text("utf-8").startswith("# ComfyFixer report")


def test_inside_the_installation_nothing_has_to_be_said(product: Product, hub: Hub) -> None:
    ran = product.json("auto", cwd=product.root, env={"COMFYUI_PATH": ""})

    assert (ran.code, ran.data["scanned"]["found_by"]) == (3, "current folder")
    assert product.digests() == placed() | present()
    assert (product.root / "output" / "resolutions.json").exists()
