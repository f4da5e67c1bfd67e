"""review, choose, plan and workflows on the sample installation, through the installed command."""

import json
import os
import select
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.demo.hub import Hub
from tests.support.product import PATIENCE_S, Product, lora_workflow

SOFT = "soft_lighting.safetensors"
FIRST, SECOND = "civitai:410003@830001+2830001", "civitai:410004@840001+2840001"


@pytest.fixture
def resolved(product: Product) -> Product:
    """Scanned and resolved, nothing fetched."""
    assert product.run("auto", "--dry-run").code == 3
    return product


def row(product: Product, name: str = SOFT) -> dict[str, Any]:
    found: dict[str, Any] = product.rows("resolutions.json")[name]
    return found


# --- choosing --------------------------------------------------------------------------------------------------------


def test_review_lists_what_waits_with_ids_and_reasons(resolved: Product) -> None:
    ran = resolved.json("review")
    items = {item["filename"]: item for item in ran.data["items"]}

    assert (ran.code, ran.data["waiting"]) == (3, 3)
    assert set(items) == {SOFT, "studio_portrait_v1.safetensors", "film_grain_400.safetensors"}
    assert [candidate["id"] for candidate in items[SOFT]["candidates"]] == [FIRST, SECOND]
    assert all("the same name" in candidate["speaks_for"] for candidate in items[SOFT]["candidates"])
    assert resolved.run("review").out.count("id: civitai:") == 2


@pytest.mark.parametrize("candidate", ["2", SECOND])
def test_a_chosen_file_is_fetched_and_verified_against_its_hub(resolved: Product, candidate: str) -> None:
    chosen = resolved.json("choose", SOFT, candidate)
    assert (chosen.code, chosen.data["items"][0]["chosen"], chosen.data["waiting"]) == (0, SECOND, 2)
    assert (row(resolved)["decision"], row(resolved)["evidence"][0]["kind"]) == ("accepted", "choice")

    resolved.run("download")
    outcome = resolved.rows("downloads.json")[SOFT]
    assert (outcome["success"], outcome["verified"], outcome["sha256"]) == (True, True, row(resolved)["sha256"])


def test_a_choice_holds_in_later_runs_and_for_other_workflows_and_is_not_asked_for_again(resolved: Product) -> None:
    resolved.run("choose", SOFT, "1")
    resolved.save("second.json", lora_workflow(SOFT))
    assert resolved.run("auto", "--dry-run").code == 3

    assert (row(resolved)["decision"], row(resolved)["because"][:13]) == ("accepted", "Chosen by you")
    assert len(row(resolved)["workflows"]) == 2
    assert SOFT not in {item["filename"] for item in resolved.json("review").data["items"]}


def test_a_forgotten_choice_gives_back_what_was_decided_without_it(resolved: Product) -> None:
    before = row(resolved)
    resolved.run("choose", f"loras/{SOFT}", "1")
    assert resolved.run("choose", "--forget", SOFT).code == 0
    assert row(resolved) == before

    again = resolved.json("choose", "--forget", SOFT)
    assert (again.code, again.codes) == (2, {"choice-unknown"})


def test_what_is_skipped_stays_open_and_nobody_is_asked_about_it(resolved: Product, hub: Hub) -> None:
    resolved.run("choose", SOFT, "skip")
    resolved.run("choose", "copperValley_v40.safetensors", "skip")
    seen = len(hub.requests)
    ran = resolved.json("auto", "--refresh")
    asked = "".join(request.path for request in hub.requests[seen:]).lower()

    assert ran.code == 3
    assert ran.data["counts"]["skipped"] == 2
    assert "lighting" not in asked
    assert "copper" not in asked
    assert not (resolved.models / "checkpoints" / "copperValley_v40.safetensors").exists()
    assert {item["filename"] for item in resolved.json("review").data["items"]}.isdisjoint(
        {SOFT, "copperValley_v40.safetensors"}
    )


def test_a_choice_ends_when_its_file_has_other_bytes_and_says_so(resolved: Product) -> None:
    resolved.run("choose", SOFT, "1")
    book = resolved.workdir / ".comfyfixer" / "choices.json"
    document = json.loads(book.read_bytes())
    document["choices"][0]["candidate"]["hashes"]["sha256"] = sha256(b"as it was then").hexdigest()
    book.write_text(json.dumps(document))
    resolved.run("resolve")

    assert row(resolved)["decision"] == "review"
    assert "does not hold any more" in row(resolved)["because"]
    assert "has other bytes than when you chose it" in row(resolved)["because"]


def test_a_damaged_book_of_choices_is_told_and_not_overwritten(resolved: Product) -> None:
    book = resolved.workdir / ".comfyfixer" / "choices.json"
    book.write_text("{")
    assert "state-unreadable" in resolved.json("resolve").codes
    assert resolved.json("choose", SOFT, "1").codes == {"state-unreadable"}
    assert book.read_text() == "{"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nothing.safetensors", "1"), "choice-unknown"),
        ((SOFT, "3"), "choice-unknown"),
        ((SOFT, "civitai:1@2+3"), "choice-unknown"),
        (("copperValley_v40.safetensors", "1"), "choice-refused"),
        (("film_grain_400.safetensors", "1"), "choice-refused"),
        ((SOFT,), "usage"),
        ((), "usage"),
    ],
)
def test_what_cannot_be_chosen_is_an_error_with_a_hint_and_changes_nothing(
    resolved: Product, words: tuple[str, ...], code: str
) -> None:
    before = resolved.output("resolutions.json")
    ran = resolved.json("choose", *words)
    assert (ran.code, ran.codes) == (2, {code})
    assert ran.envelope["errors"][0]["hint"]
    assert resolved.output("resolutions.json") == before


def test_a_name_that_several_files_have_lists_them(product: Product) -> None:
    product.clear_workflows()
    product.save("two.json", lora_workflow(f"interiors/{SOFT}", SOFT))
    product.run("auto", "--dry-run")

    ran = product.json("choose", SOFT, "1")
    assert (ran.code, ran.codes) == (2, {"choice-ambiguous"})
    assert f"loras/interiors/{SOFT}" in ran.envelope["errors"][0]["hint"]
    assert product.json("choose", f"interiors/{SOFT}", "1").code == 0
    assert product.json("review").data["items"][0]["name"] != f"interiors/{SOFT}"


def test_a_file_of_no_known_folder_goes_where_the_choice_says(resolved: Product) -> None:
    assert resolved.run("choose", "film_grain_400.safetensors", "1", "--into", "film_grain").code == 0
    resolved.run("download")
    assert (resolved.models / "film_grain" / "film_grain_400.safetensors").is_file()


def test_the_search_settings_bound_what_is_shown(product: Product) -> None:
    config = {"search": {"max_results": 1, "fuzzy_threshold": 1.0}}
    (product.workdir / "config.json").write_text(json.dumps(config))
    product.run("auto", "--dry-run")
    items = {item["filename"]: item for item in product.json("review").data["items"]}
    assert len(items[SOFT]["candidates"]) == 1


# --- the plan --------------------------------------------------------------------------------------------------------


def test_the_plan_is_what_download_does_in_its_order(resolved: Product) -> None:
    plan = resolved.json("plan")
    files = [file["filename"] for file in plan.data["files"]]
    (step,) = [step for step in plan.data["steps"] if step["certain"]]

    assert plan.code == 3
    assert len(files) == len(set(files)) == 12
    assert files[-1] == "river_dev.safetensors"
    assert (step["kind"], step["files"]) == ("gated", ["river_dev.safetensors"])
    assert step["url"].endswith("/tideway/river-dev")
    assert {file["state"] for file in plan.data["open"]} == {"review", "not_found"}
    assert sum(len(file["completes"]) for file in plan.data["files"]) == len(plan.data["runnable"])

    one = {"download": {"max_concurrent": 1}}
    (resolved.workdir / "config.json").write_text(json.dumps(one))
    ran = resolved.run("download")
    started = [event["details"]["filename"] for event in resolved.events() if event["action"] == "download.started"]
    assert started == files[:-1]
    assert plan.data["summary"] in ran.err
    assert step["url"] in ran.err
    assert ran.err.index(step["url"]) < ran.err.index(f"`{files[0]}`: fetching")

    after = resolved.json("plan").data
    assert [file["filename"] for file in after["files"]] == ["river_dev.safetensors"]
    assert after["runnable_now"] > plan.data["runnable_now"]


def test_a_narrowed_run_fetches_no_more_and_leaves_the_rest_outstanding(resolved: Product) -> None:
    narrowed = resolved.json("plan", "--only", "harbor_api_prompt", "--only", "*two_stages.json").data
    wanted = {file["filename"] for file in narrowed["files"]}
    ran = resolved.run("download", "--only", "harbor_api_prompt", "--only", "*two_stages.json")

    assert wanted == set(resolved.rows("downloads.json"))
    assert (len(wanted), ran.code) == (5, 3)

    assert resolved.run("download", "--only", "copper_valley_portrait").code == 3
    assert set(resolved.rows("downloads.json")) == {*wanted, "copperValley_v40.safetensors"}


def test_an_export_is_narrowed_as_the_plan_is(resolved: Product) -> None:
    for words in (("--only", "harbor_api_prompt"), ("--max-size", "2.8MB"), ("--base-model", "SDXL"), ()):
        planned = [file["path"] for file in resolved.json("plan", *words).data["files"]]
        ran = resolved.json("export", "--format", "lock", *words)
        assert [file["target"] for file in ran.data["files"]] == planned, words
        assert len(json.loads(ran.data["text"])["models"]) == len(planned)
    assert resolved.json("export", "--format", "sh", "--only", "nobody.json").codes == {"path-not-found"}


def test_a_limit_in_bytes_is_kept(resolved: Product) -> None:
    made = resolved.json("plan", "--max-size", "2.8MB").data
    assert made["size_bytes"] <= 2_800_000
    assert made["runnable"]
    assert any(file["state"] == "left-out" for file in made["open"])


def test_what_a_limit_leaves_out_is_told_by_the_run_too_with_why(resolved: Product) -> None:
    planned, ran = resolved.run("plan", "--max-size", "40kB"), resolved.json("download", "--max-size", "40kB")
    told = resolved.run("download", "--max-size", "40kB")
    left = ran.data["left_out"]

    assert (ran.code, ran.data["counts"]["accepted"], len(left)) == (3, 12, 12)
    assert {file["why"] for file in left} == {"Larger than `--max-size`"}
    assert all(file["size_bytes"] > 40_000 for file in left)
    assert "left out of this run" in told.out
    assert "  Larger than `--max-size` (12)" in told.out.splitlines()
    assert "  Larger than `--max-size` (12)" in planned.out.splitlines()
    assert "proven, not fetched yet" not in told.out
    assert planned.out.splitlines()[-1].startswith("Nothing is fetched with these options")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--only", "nobody.json"), "path-not-found"),
        (("--max-size", "much"), "usage"),
        (("--prefer", "fp99"), "usage"),
        (("--base-model", "unheard of"), "usage"),
    ],
)
def test_what_a_plan_cannot_be_narrowed_by_is_an_error(
    resolved: Product, hub: Hub, words: tuple[str, ...], code: str
) -> None:
    seen = len(hub.requests)
    for command in ("plan", "download"):
        ran = resolved.json(command, *words)
        assert (ran.code, ran.codes) == (2, {code})
    assert len(hub.requests) == seen


def test_auto_tells_a_wrong_name_before_anybody_is_asked(product: Product, hub: Hub) -> None:
    ran = product.json("auto", "--only", "nobody.json")
    assert (ran.code, ran.codes) == (2, {"path-not-found"})
    assert hub.requests == ()


def test_a_dry_run_shows_the_plan(resolved: Product) -> None:
    shown = resolved.json("download", "--dry-run", "--only", "harbor_api_prompt").data
    assert len(shown["plan"]["files"]) == 4
    assert "to fetch, what helps most first (4)" in resolved.run("download", "--dry-run", "--only", "harbor_api*").out


# --- workflows -------------------------------------------------------------------------------------------------------


def test_each_workflow_has_its_verdict_and_why(resolved: Product) -> None:
    ran = resolved.json("workflows")
    rows = {Path(found["path"]).name: found for found in ran.data["workflows"]}

    assert ran.code == 3
    assert ran.data["counts"] == {"runnable": 1, "waiting": 10, "unreadable": 1}
    assert rows["already_runnable.json"]["verdict"] == "runnable"
    assert rows["broken_download.json"]["error"]["code"] == "workflow-invalid-json"
    assert {model["state"] for model in rows["interior_with_depth.json"]["models"]} >= {"review", "not_found"}
    assert {node["pack"] for node in rows["film_grain.json"]["nodes"]} == {"Film Grain"}

    resolved.run("download")
    assert resolved.json("workflows").data["counts"]["runnable"] == 6
    assert resolved.run("workflows", "already_runnable").code == 0
    assert resolved.json("workflows", "nobody").codes == {"path-not-found"}


def test_commands_that_read_say_which_step_is_lacking(product: Product) -> None:
    for command, step in (("workflows", "scan"), ("review", "scan"), ("plan", "resolve")):
        ran = product.json(command)
        assert (ran.code, ran.codes) == (2, {"state-missing"}), command
        assert f"comfyfixer {step}" in ran.envelope["errors"][0]["hint"]


# --- on a terminal ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_keys_choose_skip_go_back_and_leave_without_losing(resolved: Product) -> None:
    screens, code = at_terminal(resolved, ["n", "n", "\x1b[B", "\r"], "review")
    assert "1 of 3" in screens
    assert "3 of 3" in screens
    assert "1 chosen; 2 files still wait for a choice." in screens
    assert (code, row(resolved)["candidates"][0]["model_id"]) == (3, 410_004)

    screens, _ = at_terminal(resolved, ["s", "b", "f", "q"], "review", SOFT, "film_grain_400.safetensors")
    assert "Forgotten" in screens
    assert not row(resolved, "film_grain_400.safetensors")["skipped"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_no_colour_is_sent_where_none_is_wanted(resolved: Product) -> None:
    screens, _ = at_terminal(resolved, ["q"], "review", NO_COLOR="1")
    assert "\x1b[32m" not in screens
    assert "Nothing changed; 3 files still wait" in screens


def at_terminal(product: Product, keys: list[str], *arguments: str, **environment: str) -> tuple[str, int]:
    """The command at a pseudo-terminal of 80 by 24; each key is pressed when the screen before it is drawn."""
    import pty

    read, write = pty.openpty()
    environ = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **environment}
    process = product.launch(
        [sys.executable, "-c", AT_TERMINAL, os.ttyname(write), *arguments], env=environ, start_new_session=True
    )
    said = b""
    for key in keys:
        said += drawn_until(read, b"q quit")
        os.write(read, key.encode())
    os.close(write)
    said += drawn_until(read, None)
    process.communicate(timeout=60)
    os.close(read)
    return said.decode("utf-8", "replace"), process.returncode


AT_TERMINAL = """
import os, sys
terminal = os.open(sys.argv[1], os.O_RDWR)
for stream in (0, 1):
    os.dup2(terminal, stream)
os.close(terminal)
from comfyfixer.cli.main import main
main(sys.argv[2:])
"""


def drawn_until(terminal: int, last: bytes | None) -> bytes:
    """What is drawn until these words stand there; with None until the other end is closed."""
    drawn = b""
    while last is None or last not in drawn:
        ready, _, _ = select.select([terminal], [], [], PATIENCE_S)
        assert ready, drawn
        try:
            data = os.read(terminal, 65536)
        except OSError:  # so Linux tells that the other end was closed
            data = b""
        if not data:
            assert last is None, drawn
            break
        drawn += data
    return drawn
