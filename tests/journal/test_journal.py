"""One event stream, and what its listeners make of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.journal.journal import Journal
from comfyfixer.journal.live import LiveStatus, advance
from comfyfixer.journal.logs import JsonLog, TextLog, log_line, sentence
from comfyfixer.journal.read import current_status
from comfyfixer.journal.runlock import held, is_held
from comfyfixer.model.event import EVENTS, Event
from comfyfixer.model.status import Status
from comfyfixer.paths import Workdir

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
STARTED: dict[str, Any] = {"command": "auto", "version": "1", "workdir": "/w"}


class Memory:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed = 0

    def hear(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed += 1


class Broken(Memory):
    def hear(self, event: Event) -> None:
        raise OSError("disk full")


def event(action: str, **details: Any) -> Event:
    return Event(timestamp="2026-01-02T03:04:05.678+00:00", run_id="r", action=action, details=details)


def test_a_sentence_shows_sizes_in_their_units_and_names_a_file_once() -> None:
    assert sentence(event("phase.started", phase="scanning", what="workflows", total=0)) == "scanning workflows"
    assert sentence(event("phase.started", phase="downloading", total=12)) == "downloading"
    started = event("download.started", filename="a", size_bytes=62_914_560, url="u")
    assert sentence(started) == "`a`: fetching 62.9 MB from u"
    unknown = event("download.started", filename="a", size_bytes=None, url="u")
    assert sentence(unknown) == "`a`: fetching an unknown size from u"
    failed = event("download.failed", filename="a", message="`a` is gated", code="gated")
    assert sentence(failed) == "`a` is gated [gated]"
    other = event("download.failed", filename="a", message="No answer", code="hub-timeout")
    assert sentence(other) == "`a`: No answer [hub-timeout]"


def test_every_listener_hears_every_event_in_order() -> None:
    one, two = Memory(), Memory()
    with Journal("r1", [one, two], now=lambda: MOMENT) as journal:
        journal.emit("file.written", path="/a")
        journal.emit("file.written", path="/b")
    assert one.events == two.events
    assert [heard.details["path"] for heard in one.events] == ["/a", "/b"]
    assert one.events[0].timestamp == "2026-01-02T03:04:05.678+00:00"
    assert (one.closed, two.closed) == (1, 1)


def test_an_event_that_is_not_listed_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Journal("r", []).emit("something.else")


def test_a_broken_listener_is_dropped_and_the_others_are_told() -> None:
    healthy = Memory()
    journal = Journal("r", [Broken(), healthy])
    journal.emit("file.written", path="/a")
    journal.emit("file.written", path="/b")
    assert [heard.action for heard in healthy.events] == ["file.written", "problem.found", "file.written"]
    assert "disk full" in healthy.events[1].details["message"]


def test_the_log_has_the_first_plans_format(tmp_path: Path) -> None:
    log = TextLog(tmp_path / "log" / "a.log")
    log.hear(event("file.written", path="/w/output/missing_models.json"))
    log.hear(event("download.progressed", filename="a", bytes_done=1))
    log.close()
    expected = "2026-01-02 03:04:05 [INFO] runner: Wrote /w/output/missing_models.json\n"
    assert (tmp_path / "log" / "a.log").read_text("utf-8") == expected


def test_a_foreign_name_with_a_line_break_stays_one_line() -> None:
    line = log_line(event("download.failed", filename="a\n2026-01-01 [INFO] x: fake\x1b[2J", message="m", code="c"))
    assert "\n" not in line
    assert "\x1b" not in line


def test_every_event_can_be_said_even_when_a_detail_lacks() -> None:
    for action in EVENTS:
        assert log_line(event(action))


def test_the_json_log_has_an_object_a_line(tmp_path: Path) -> None:
    log = JsonLog(tmp_path / "a.jsonl")
    log.hear(event("file.written", path="/a\n"))
    log.close()
    (line,) = (tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    written = json.loads(line)
    assert written.pop("timestamp") == "2026-01-02T03:04:05.678+00:00"
    assert written == {"run_id": "r", "action": "file.written", "details": {"path": "/a\n"}}


def test_the_status_follows_a_run() -> None:
    status = Status(timestamp="t")
    for heard in (
        event("run.started", **STARTED),
        event("phase.started", phase="downloading", total=4),
        event("missing.found", missing_models=4, missing_nodes=1),
        event("decision.made", filename="a", decision="accepted", source="civitai", because=""),
        event("decision.made", filename="b", decision="not_found", source="not_found", because=""),
        event("download.started", filename="a", url="u", size_bytes=10),
        event("download.started", filename="b", url="u", size_bytes=20),
        event("download.progressed", filename="b", bytes_done=5, bytes_total=20, bytes_per_second=2.0, eta_seconds=7.5),
        event("phase.progressed", current=1, total=4),
        event("download.failed", filename="a", code="hash-mismatch", message="m"),
    ):
        status = advance(status, heard)
    assert (status.phase, status.command, status.progress.percent) == ("downloading", "auto", 25.0)
    assert [(row.filename, row.bytes_done, row.eta_seconds) for row in status.downloads] == [("b", 5, 7.5)]
    assert status.data.current_download == "b"
    assert (status.data.civitai_matches, status.data.downloads_failed, status.data.missing_models) == (1, 1, 4)
    assert [problem.code for problem in status.errors] == ["hash-mismatch"]
    done = advance(status, event("run.finished", command="auto", exit_code=3, seconds=1))
    assert (done.phase, done.exit_code, done.downloads, done.data.current_download) == ("complete", 3, (), None)


def test_the_bytes_of_the_plan_are_counted_as_they_come_and_those_of_a_failed_file_no_more() -> None:
    status = Status(timestamp="t")
    for heard in (
        event("plan.made", summary="s", files=4, size_bytes=100),
        event("store.linked", filename="s", source="/s", size_bytes=10),
        event("download.started", filename="a", url="u", size_bytes=30),
        event("download.progressed", filename="a", bytes_done=20, bytes_total=30),
        event("download.started", filename="b", url="u", size_bytes=40),
        event("download.progressed", filename="b", bytes_done=15, bytes_total=40),
        event("download.failed", filename="c", code="gated", message="m", size_bytes=20),
    ):
        status = advance(status, heard)
    assert (status.bytes_done, status.bytes_total, status.data.downloads_successful) == (45, 80, 1)
    status = advance(status, event("download.finished", filename="a", path="p", size_bytes=30, seconds=1))
    status = advance(status, event("download.failed", filename="b", code="hash-mismatch", message="m"))
    assert (status.bytes_done, status.bytes_total) == (40, 40)


def test_a_second_start_of_a_transfer_is_the_same_row() -> None:
    status = Status(timestamp="t")
    for _ in range(2):
        status = advance(status, event("download.started", filename="a", url="u", size_bytes=10))
    assert len(status.downloads) == 1


def test_the_status_file_is_written_at_once_for_what_matters_and_rarely_for_progress(tmp_path: Path) -> None:
    ticks = [0.0]
    path = tmp_path / "status.json"
    live = LiveStatus(path, Status(timestamp="t"), interval_s=1.0, clock=lambda: ticks[0])
    live.hear(event("phase.started", phase="scanning", total=9))
    live.hear(event("phase.progressed", current=1, total=9))
    assert json.loads(path.read_bytes())["progress"]["current"] == 0
    ticks[0] = 1.0
    live.hear(event("phase.progressed", current=2, total=9))
    assert json.loads(path.read_bytes())["progress"]["current"] == 2
    live.hear(event("phase.progressed", current=3, total=9))
    live.close()
    assert json.loads(path.read_bytes())["progress"]["current"] == 3


def test_a_run_without_its_lock_is_shown_as_interrupted(tmp_path: Path) -> None:
    workdir = Workdir(tmp_path)
    live = LiveStatus(workdir.status, Status(timestamp="t", command="auto", pid=1))
    live.hear(event("phase.started", phase="resolving", total=2))
    with held(workdir.run_lock):
        assert is_held(workdir.run_lock)
        assert current_status(workdir).running
    killed = current_status(workdir)
    assert (killed.running, killed.interrupted, killed.phase) == (False, "resolving", "error")
    assert killed.errors[-1].code == "run-interrupted"


def test_without_a_run_the_status_is_idle(tmp_path: Path) -> None:
    assert current_status(Workdir(tmp_path)).phase == "idle"
