"""What `status` says of each state that a working folder can be in."""

import re
import sys
from pathlib import Path

import msgspec
import pytest

from comfyfixer.journal.runlock import held
from comfyfixer.model.download import Progress
from comfyfixer.model.problem import Problem
from comfyfixer.model.status import PhaseProgress, Status, StatusData
from comfyfixer.paths import Workdir
from tests.cli.conftest import Call
from tests.support.product import Product
from tests.support.terminal import at_terminal, resize

AT_WORK = Status(
    timestamp="2026-05-01T12:00:00.000+00:00",
    updated="2026-05-01T12:00:00.000+00:00",
    phase="downloading",
    command="auto",
    run_id="20260501-120000-4711",
    pid=4711,
    started="2026-05-01T11:59:00+00:00",
    progress=PhaseProgress(current=2, total=7, percent=28.6),
    data=StatusData(workflows_scanned=40, missing_models=9, missing_nodes=3, civitai_matches=4, huggingface_matches=5),
    bytes_done=2_000_000_000,
    bytes_total=8_000_000_000,
    downloads=(
        Progress(
            filename="big.safetensors",
            bytes_done=1_500_000_000,
            bytes_total=6_000_000_000,
            bytes_per_second=20e6,
            eta_seconds=225.0,
        ),
    ),
)


def write(place: Path, status: Status) -> None:
    """Whole or not at all, as a run does: another process may be reading."""
    (place / "status.new").write_bytes(msgspec.json.encode(status))
    (place / "status.new").replace(place / "status.json")


def test_idle_where_no_run_was_made(call: Call) -> None:
    assert call("status").out == "idle: no run has been made in this folder\n"
    assert call("status", "--watch").out == "idle: no run has been made in this folder\n"


def test_a_run_at_work_is_shown_with_its_progress_and_transfers(call: Call, place: Path) -> None:
    write(place, AT_WORK)
    with held(Workdir(place).run_lock):
        ran = call("status")
        data = call("status", "--json").data

    assert ran.out.splitlines() == [
        "downloading: 2 of 7 (29 %) (auto, process 4711)",
        "  workflows read      40",
        "  missing             9 models, 3 node types",
        "  matches             4 Civitai, 5 Hugging Face",
        "  downloads           0 done, 0 failed",
        "  bytes               2.0 GB of 8.0 GB (25 %), 20.0 MB/s, 5 min left",
        "    big.safetensors: 1.5 GB of 6.0 GB (25 %), 20.0 MB/s, 4 min left",
    ]
    assert (data["running"], data["interrupted"], data["exit_code"]) == (True, None, None)


@pytest.mark.parametrize("phase", ["scanning", "resolving", "downloading"])
def test_a_run_whose_process_is_gone_is_never_shown_as_running(call: Call, place: Path, phase: str) -> None:
    write(place, msgspec.structs.replace(AT_WORK, phase=phase))
    ran, data = call("status"), call("status", "--json").data

    assert ran.code == 0
    assert ran.out.splitlines()[0] == f"interrupted while {phase}; `comfyfixer resume` goes on (auto)"
    assert (data["running"], data["phase"], data["interrupted"], data["downloads"]) == (False, "error", phase, [])
    assert call("status", "--watch").out == ran.out


def test_a_finished_run_says_when_and_how_it_ended(call: Call, place: Path) -> None:
    problem = Problem(code="workflow-empty", message="The file is empty", hint="Save it again")
    write(place, msgspec.structs.replace(AT_WORK, phase="complete", exit_code=3, downloads=(), errors=(problem,)))
    lines = call("status").out.splitlines()

    assert lines[0] == "complete (auto, 2026-05-01 12:00:00, ended with 3)"
    assert lines[-2:] == [
        "  problems            1, the last: The file is empty [workflow-empty]",
        "    -> Save it again",
    ]


def test_one_of_a_kind_is_said_as_one_and_a_phase_whose_end_is_unknown_without_numbers(call: Call, place: Path) -> None:
    one = StatusData(missing_models=1, missing_nodes=1)
    write(place, msgspec.structs.replace(AT_WORK, phase="scanning", progress=PhaseProgress(), data=one))
    with held(Workdir(place).run_lock):
        lines = call("status").out.splitlines()

    assert lines[0] == "scanning (auto, process 4711)"
    assert lines[2] == "  missing             1 model, 1 node type"


def test_a_status_that_can_not_be_read_is_told(call: Call, place: Path) -> None:
    (place / "status.json").write_bytes(b'{"phase": 7}')
    ran = call("status", "--json")

    assert (ran.code, ran.codes) == (2, {"state-unreadable"})


def test_watching_says_each_change_once_until_the_run_has_ended(
    call: Call, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = msgspec.structs.replace(AT_WORK, phase="complete", exit_code=0, downloads=())
    waits: list[float] = []

    def third_time_it_has_ended(seconds: float) -> None:
        waits.append(seconds)
        write(place, AT_WORK if len(waits) < 3 else ended)

    write(place, AT_WORK)
    monkeypatch.setattr("comfyfixer.cli.status.time.sleep", third_time_it_has_ended)
    with held(Workdir(place).run_lock):
        ran = call("status", "--watch", "--json")
    phases = [msgspec.json.decode(line)["phase"] for line in ran.out.splitlines()]

    assert (ran.code, phases, len(waits)) == (0, ["downloading", "complete"], 3)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_watching_on_a_terminal_draws_on_a_screen_of_its_own_within_the_window_and_leaves_the_last_word(
    place: Path, tmp_path: Path
) -> None:
    long = Problem(code="gated", message="It has to be accepted first: " + "words " * 20, hint="Do it")
    write(place, msgspec.structs.replace(AT_WORK, errors=(long,)))
    ended = msgspec.structs.replace(AT_WORK, phase="complete", exit_code=0, downloads=(), errors=(long,))

    def goes_on(terminal: int, _process: object, text: str) -> None:
        if "\x1b[?1049l" not in text and text.count("downloading: 2 of 7") == 1:
            resize(terminal, 50)
        elif text.count("downloading: 2 of 7") == 2:
            write(place, ended)

    with held(Workdir(place).run_lock):
        words = [sys.executable, "-m", "comfyfixer", "status", "--watch"]
        drawn, code = at_terminal(words, place, Product(tmp_path).environment(), columns=100, said=goes_on)
    before, _, after = drawn.partition("\x1b[?1049l")
    _, first, *later = re.sub(r"\x1b\[\?25[lh]|\x1b\[K", "", before).split("\x1b[H")

    assert code == 0
    assert max(map(len, first.splitlines())) == 100
    assert all(len(row) <= 50 for screen in later for row in screen.splitlines())
    assert after.startswith("complete (auto, ")
    assert "words ..." not in after
    assert after.split()[-2:] == ["Do", "it"]
