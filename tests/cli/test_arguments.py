"""How the command line is understood, in all its spellings, and how it says that it was not."""

import json
from pathlib import Path

import pytest

from comfyfixer.cli import status
from comfyfixer.cli.main import COMMANDS, modern
from tests.cli.conftest import Call
from tests.support.contract import ENVELOPE, lacking
from tests.support.product import Ran, checkpoint_workflow


def found(ran: Ran) -> set[str]:
    return {row["filename"] for row in ran.data["missing_models"]}


# --- options everywhere ----------------------------------------------------------------------------------------------


def test_options_mean_the_same_before_and_after_the_command(call: Call, place: Path) -> None:
    (place / "a").mkdir()
    (place / "config.json").write_text("{", "utf-8")
    after = call("status", "--workdir", "a", "--json")
    before = call("--workdir", "a", "--json", "status")

    assert after == before
    assert (after.code, after.data["phase"]) == (0, "idle")
    assert call("status", "--json").codes == {"config-unreadable"}


def test_what_is_said_after_the_command_weighs_more(call: Call, place: Path) -> None:
    (place / "config.json").write_text("{", "utf-8")
    (place / "good").mkdir()

    assert call("--workdir", ".", "status", "--workdir", "good").code == 0
    assert call("--workdir", "good", "status", "--workdir", ".").code == 2


def test_workflow_folders_may_be_repeated_and_are_relative_to_the_current_folder(
    call: Call, place: Path, root: Path
) -> None:
    for name in ("a", "b", "c"):
        (place / name).mkdir()
        (place / name / "w.json").write_bytes(checkpoint_workflow(f"{name}.safetensors"))
    both = call("scan", "--workflows", "a", "--workflows", "b", "--json")
    after = call("--workflows", "a", "scan", "--workflows", "c", "--json")
    named = call("scan", "c/w.json", "b", "--json")

    assert found(both) == {"a.safetensors", "b.safetensors"}
    assert found(after) == {"c.safetensors"}
    assert found(named) == {"b.safetensors", "c.safetensors"}


def test_a_flag_weighs_more_than_the_environment_and_that_more_than_the_configuration(
    call: Call, place: Path, root: Path
) -> None:
    config = {"comfyui_root": str(place / "nothing"), "workflow_directories": [str(place / "empty")]}
    (place / "config.json").write_text(json.dumps(config), "utf-8")
    (place / "empty").mkdir()

    assert call("scan", "--json").data["scanned"]["found_by"] == "from environment COMFYUI_PATH"
    assert call("scan", "--comfyui-root", str(root), "--json").data["scanned"]["found_by"] == "from flag"
    assert call("scan", "--comfyui-root", str(place), "--json").codes == {"installation-invalid"}


def test_a_named_configuration_must_exist_and_the_usual_one_need_not(call: Call, place: Path) -> None:
    assert call("status", "--json").code == 0
    ran = call("status", "--config", "mine.json", "--json")

    assert (ran.code, ran.codes) == (2, {"config-unreadable"})


# --- the first plan's flags ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first_plan", "now"),
    [
        ("--auto", "auto"),
        ("--scan", "scan"),
        ("--resolve", "resolve"),
        ("--download", "download"),
        ("--status", "status"),
        ("--resume", "resume"),
        ("--scan --resolve", "steps scan resolve"),
        ("--resolve --scan", "steps scan resolve"),
        ("--download --resolve", "steps resolve download"),
        ("--scan --resolve --download", "steps scan resolve download"),
        ("--auto --scan", "auto"),
        ("--auto --resume", "resume"),
        ("--scan --status", "scan"),
        ("--scan --workdir x --json", "scan --workdir x --json"),
        ("--workdir x --scan", "scan --workdir x"),
        ("--status --watch", "status --watch"),
        ("scan --json", "scan --json"),
        ("--help", "--help"),
        ("", ""),
    ],
)
def test_the_first_plans_flags_become_commands(first_plan: str, now: str) -> None:
    assert modern(first_plan.split()) == now.split()


# --- wrong usage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ("nope", "comfyfixer"),
        ("status --nope", "status"),
        ("--nope status", "status"),
        ("schema", "schema"),
        ("schema nope", "schema"),
        ("status extra", "status"),
        ("scan --workflows", "scan"),
        ("steps clean", "comfyfixer"),
        ("resolve", "resolve"),
        ("download", "download"),
        ("download --dry-run", "download"),
        ("resume", "resume"),
        ("scan /nowhere/at/all", "scan"),
    ],
)
def test_wrong_usage_ends_with_2_a_code_and_a_hint_in_both_ways_of_speaking(
    call: Call, root: Path, arguments: str, command: str
) -> None:
    plain, programs = call(*arguments.split()), call("--json", *arguments.split())
    envelope = programs.envelope
    (error,) = envelope["errors"]

    assert (plain.code, plain.out) == (2, "")
    assert (programs.code, programs.err) == (2, "")
    assert lacking(envelope, ENVELOPE) == []
    assert (envelope["command"], envelope["ok"], envelope["exit_code"], envelope["data"]) == (command, False, 2, None)
    assert plain.err.splitlines()[-2:] == [f"error: {error['message']} [{error['code']}]", f"hint: {error['hint']}"]


def test_a_bug_is_told_as_one_with_what_to_attach(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_workdir: object) -> None:
        raise RuntimeError("this is the test's own")

    monkeypatch.setattr(status, "current_status", broken)
    ran = call("status", "--json")

    assert (ran.code, ran.codes) == (1, {"unexpected"})
    assert "this is the test's own" in ran.envelope["errors"][0]["message"]
    assert "`log/`" in ran.envelope["errors"][0]["hint"]
    assert "Traceback" in ran.err


def test_stopping_before_anything_began_is_told_as_such(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_workdir: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "current_status", stopped)
    ran = call("status", "--json")

    assert (ran.code, ran.codes) == (130, {"interrupted"})


# --- who hears what --------------------------------------------------------------------------------------------------


def test_stdout_is_data_and_stderr_is_talk(call: Call, root: Path) -> None:
    usual, quiet, verbose = call("scan"), call("scan", "--quiet"), call("scan", "--verbose")

    assert usual.out == quiet.out == verbose.out
    assert quiet.err == ""
    assert 0 < len(usual.err.splitlines()) < len(verbose.err.splitlines())
    assert "[WARNING] runner: The file ends too early" in verbose.err
    assert call("scan", "--json").err == ""
    assert "[INFO] scanner:" in call("scan", "--json", "--verbose").err


def test_every_command_says_json_when_it_is_asked_to(call: Call, root: Path) -> None:
    arguments = {"schema": ("status",), "doctor": ("--no-network",)}
    for name in sorted(COMMANDS.keys() - {"auto", "demo", "inspect", "resolve", "download"}):
        envelope = call(name, *arguments.get(name, ()), "--json").envelope
        assert (envelope["command"], lacking(envelope, ENVELOPE)) == (name, [])
