"""Bars on a terminal."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from comfyfixer.cli.progress import Bars
from comfyfixer.model.event import Event


@pytest.fixture
def screen() -> Iterator[tuple[Bars, io.StringIO]]:
    """Bars on a terminal of 200 columns that is a string."""
    text = io.StringIO()
    bars = Bars(Console(file=text, force_terminal=True, width=200))
    yield bars, text
    bars.close()


def tell(bars: Bars, action: str, **details: Any) -> None:
    bars.hear(Event(timestamp="2026-05-01T12:00:00.000+00:00", run_id="1", action=action, details=details))


def test_the_phase_and_each_transfer_have_a_bar(screen: tuple[Bars, io.StringIO]) -> None:
    bars, text = screen
    tell(bars, "phase.started", phase="downloading", total=3)
    tell(bars, "phase.progressed", current=1, total=3)
    tell(bars, "download.started", filename="one.safetensors", size_bytes=2_000_000, url="https://x")
    tell(bars, "download.progressed", filename="one.safetensors", bytes_done=1_000_000, bytes_total=2_000_000)
    bars.close()

    assert "downloading" in text.getvalue()
    assert "1/3" in text.getvalue()
    assert "one.safetensors" in text.getvalue()
    assert "1.0/2.0 MB" in text.getvalue()


def test_a_transfer_that_ended_leaves_the_screen(screen: tuple[Bars, io.StringIO]) -> None:
    bars, text = screen
    for ending in ("download.finished", "download.failed", "download.skipped"):
        tell(bars, "download.started", filename="one.safetensors", size_bytes=None, url="https://x")
        tell(bars, ending, filename="one.safetensors")
    text.seek(0)
    text.truncate()
    tell(bars, "phase.started", phase="next", total=0)
    bars.close()

    assert "next" in text.getvalue()
    assert "one.safetensors" not in text.getvalue()


def test_names_from_outside_are_text_and_not_markup(screen: tuple[Bars, io.StringIO]) -> None:
    bars, text = screen
    tell(bars, "download.started", filename="[red]a[/red].safetensors", size_bytes=1, url="https://x")
    tell(bars, "download.started", filename="x" * 90 + "_end.safetensors", size_bytes=1, url="https://x")
    bars.close()

    assert "[red]a[/red].safetensors" in text.getvalue()
    assert "x...x" in text.getvalue()
    assert "x" * 60 not in text.getvalue()


def test_what_a_run_waits_for_stands_above_the_bars(screen: tuple[Bars, io.StringIO]) -> None:
    bars, text = screen
    tell(bars, "download.waiting", until="03:00", hours="between 03:00 and 04:00")
    tell(bars, "host.waiting", host="huggingface.co", seconds=12.5, why="the host's limit is used up")
    bars.close()

    assert "Waiting until 03:00: files are fetched between 03:00 and 04:00 (`--now` fetches at once)" in text.getvalue()
    assert "huggingface.co: waiting 12.5 s (the host's limit is used up)" in text.getvalue()


def test_a_file_that_is_tried_again_says_so_in_one_line_until_its_bytes_come(screen: tuple[Bars, io.StringIO]) -> None:
    bars, text = screen
    tell(bars, "download.started", filename="one.pt", size_bytes=9, url="https://x")
    for attempt in (2, 3):
        text.seek(0)
        text.truncate()
        why = "The connection to https://host/long/path was lost"
        tell(bars, "download.retried", filename="one.pt", attempt=attempt, why=why)
        tell(bars, "download.progressed", filename="one.pt", bytes_done=0, bytes_total=9)
        bars.display.refresh()
    assert "one.pt: attempt 3: The connection to host was lost" in text.getvalue()
    assert "attempt 2" not in text.getvalue()

    tell(bars, "download.progressed", filename="one.pt", bytes_done=5, bytes_total=9)
    text.seek(0)
    text.truncate()
    bars.display.refresh()
    assert "one.pt" in text.getvalue()
    assert "attempt" not in text.getvalue()


def test_events_that_have_no_bar_are_passed_over(screen: tuple[Bars, io.StringIO]) -> None:
    bars, _ = screen
    tell(bars, "phase.progressed", current=1, total=2)
    tell(bars, "download.progressed", filename="unknown", bytes_done=1, bytes_total=2)
    tell(bars, "request.sent", url="https://x")


def test_hashing_shows_all_bytes_and_each_large_file(screen: tuple[Bars, io.StringIO]) -> None:
    bars, text = screen
    tell(bars, "hashing.started", files=2, size_bytes=3_000_000)
    tell(bars, "hash.started", path="/m/large.pt", size_bytes=2_000_000)
    tell(bars, "hash.progressed", path="/m/large.pt", bytes_done=500_000, bytes_total=2_000_000)
    tell(bars, "hash.finished", path="/m/small.pt", sha256="0", size_bytes=1_000_000, seconds=0.1)
    bars.display.refresh()
    assert "large.pt" in text.getvalue()
    assert "1.5/3.0 MB" in text.getvalue()
    tell(bars, "hash.finished", path="/m/large.pt", sha256="0", size_bytes=2_000_000, seconds=0.1)
    bars.display.refresh()
    assert "3.0/3.0 MB" in text.getvalue()
    assert len(bars.display.tasks) == 1


def test_a_file_that_can_not_be_hashed_loses_its_bar(screen: tuple[Bars, io.StringIO]) -> None:
    bars, _ = screen
    tell(bars, "hashing.started", files=1, size_bytes=2)
    tell(bars, "hash.progressed", path="/m/a.pt", bytes_done=1, bytes_total=2)
    tell(bars, "hash.failed", path="/m/a.pt", code="file-unreadable", message="no")
    assert len(bars.display.tasks) == 1
