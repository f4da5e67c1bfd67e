"""Progress bars: what a person sees on a terminal."""

import io
from typing import Any

from rich.console import Console

from comfyfixer.cli.progress import Bars
from comfyfixer.model.event import Event


def shown(*events: tuple[str, dict[str, Any]]) -> str:
    """The bars after some events, as plain text."""
    bars = Bars(Console(file=io.StringIO(), force_terminal=True, width=100))
    for action, details in events:
        bars.hear(Event(timestamp="", run_id="", action=action, details=details))
    page = Console(file=io.StringIO(), width=100)
    page.print(*bars.display.get_renderables())
    bars.close()
    assert isinstance(page.file, io.StringIO)
    return page.file.getvalue()


DOWNLOADING = ("phase.started", {"phase": "downloading", "total": 5})
STARTED = ("download.started", {"filename": "a[b].safetensors", "size_bytes": 2_000_000})
HALF = ("download.progressed", {"filename": "a[b].safetensors", "bytes_done": 1_000_000, "bytes_total": 2_000_000})


def test_the_phase_counts_items_and_a_transfer_counts_bytes() -> None:
    scanning = ("phase.started", {"phase": "scanning", "total": 9})
    text = shown(scanning, DOWNLOADING, ("phase.progressed", {"current": 2, "total": 5}), STARTED, HALF)
    phase, transfer = text.splitlines()
    assert "scanning" not in text
    assert phase.startswith("downloading")
    assert "2/5" in phase
    assert transfer.startswith("  a[b].safetensors")
    assert "1.0/2.0 MB" in transfer


def test_a_transfer_that_ended_is_gone() -> None:
    finished = ("download.finished", {"filename": "a[b].safetensors", "path": "/p", "size_bytes": 1, "seconds": 1})
    assert "a[b]" not in shown(DOWNLOADING, STARTED, HALF, finished)


def test_a_long_name_keeps_its_beginning_and_its_extension() -> None:
    name = "a" * 60 + "_fp8.safetensors"
    text = shown(DOWNLOADING, ("download.started", {"filename": name, "size_bytes": None}))
    assert "aaa...aaaa_fp8.safetensors" in text
