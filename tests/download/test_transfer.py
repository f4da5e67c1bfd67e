"""The hot loop's watch over time, with a clock that the answers themselves move."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from comfyfixer.digests import Digests
from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.download.pace import Budget, Pace, TryAgain, nap
from comfyfixer.download.part import Part
from comfyfixer.download.sharing import Throttle
from comfyfixer.download.transfer import CHUNK, Flow, Meter, pour
from comfyfixer.errors import DownloadError, Interrupted


class Drip:
    """An answer that gives `amount` bytes every `seconds`."""

    status = 200
    url = "https://x/"
    headers: Mapping[str, str] = {}
    content_length = None
    key_variable: str | None = None

    def __init__(self, total: int, amount: int, seconds: float) -> None:
        self.left = total
        self.amount = amount
        self.seconds = seconds
        self.now = 50.0

    def read(self, amount: int) -> bytes:
        self.now += self.seconds
        given = min(self.left, self.amount, amount)
        self.left -= given
        return b"x" * given

    def read_into(self, buffer: memoryview) -> int:
        chunk = self.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def error_body(self) -> bytes:
        return b""

    def abort(self) -> None:
        self.left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


class Poured:
    """One transfer into a new part."""

    def __init__(self, folder: Path, drip: Drip, *, total: int | None, here: bytes = b"") -> None:
        self.drip = drip
        self.events: list[dict[str, Any]] = []
        self.part = Part(PartPaths(folder / "x"), PartRecord(candidate="c", url="u"), Digests())
        self.part.append(here)
        self.total = total
        self.pace = Pace(clock=lambda: drip.now, stall_window_s=30, stall_bytes_per_second=1000, checkpoint_s=10)

    def run(self) -> None:
        meter = Meter("x", self.total, lambda action, **details: self.events.append(details), self.pace)
        try:
            flow = Flow(meter=meter, pace=self.pace, cancelled=lambda: False, throttle=Throttle())
            pour(self.drip, self.part, limit=self.total, flow=flow)
        finally:
            self.part.close()


def test_a_connection_that_drips_is_ended_although_no_socket_ever_times_out(tmp_path: Path) -> None:
    poured = Poured(tmp_path, Drip(10_000_000, amount=999, seconds=1.0), total=10_000_000)
    with pytest.raises(TryAgain) as caught:
        poured.run()
    assert caught.value.code == "download-stalled"
    assert poured.part.size == 999 * 30


def test_a_slow_connection_that_gives_just_enough_is_kept(tmp_path: Path) -> None:
    poured = Poured(tmp_path, Drip(100_000, amount=1000, seconds=1.0), total=100_000)
    poured.run()
    assert poured.part.size == 100_000


def test_progress_is_told_at_most_five_times_a_second_and_at_the_end(tmp_path: Path) -> None:
    poured = Poured(tmp_path, Drip(1_000_000, amount=1000, seconds=0.01), total=1_000_000)
    poured.run()
    assert 45 <= len(poured.events) <= 52
    assert poured.events[-1]["bytes_done"] == 1_000_000
    middle = poured.events[30]
    assert middle["bytes_per_second"] == pytest.approx(100_000, rel=0.05)
    assert middle["eta_seconds"] == pytest.approx((1_000_000 - middle["bytes_done"]) / 100_000, rel=0.1)


def test_bytes_of_an_earlier_run_are_no_speed(tmp_path: Path) -> None:
    poured = Poured(tmp_path, Drip(1_000, amount=100, seconds=1.0), total=1_001_000, here=b"y" * 1_000_000)
    poured.run()
    assert poured.events[0]["bytes_done"] == 1_000_100
    assert poured.events[0]["bytes_per_second"] == pytest.approx(100)


def test_of_unknown_size_there_is_no_time_left_to_tell(tmp_path: Path) -> None:
    poured = Poured(tmp_path, Drip(1_000, amount=100, seconds=1.0), total=None)
    poured.run()
    assert poured.events[-1]["bytes_total"] is None
    assert poured.events[-1]["eta_seconds"] is None


def test_the_journal_follows_on_a_long_way(tmp_path: Path) -> None:
    poured = Poured(tmp_path, Drip(25_000, amount=1000, seconds=1.0), total=25_000)
    poured.run()
    assert b'"bytes_flushed":20000' in (tmp_path / ".x.comfyfixer.json").read_bytes()


def test_not_one_byte_more_than_the_limit_is_taken(tmp_path: Path) -> None:
    poured = Poured(tmp_path, Drip(5 * CHUNK, amount=CHUNK, seconds=0.1), total=CHUNK + 7)
    poured.run()
    assert poured.part.size == CHUNK + 7
    assert (tmp_path / ".x.comfyfixer.part").stat().st_size == CHUNK + 7


def test_waits_double_up_to_a_limit_and_begin_anew_after_progress() -> None:
    budget = Budget(Pace(first_wait_s=1, longest_wait_s=5, tries=5, refill_bytes=100))
    broken = DownloadError("cut", retryable=True)
    assert [budget.spend(broken, 0) for _ in range(4)] == [1, 2, 4, 5]
    assert budget.spend(broken, 100) == 1
    assert [budget.spend(broken, 99) for _ in range(4)] == [2, 4, 5, 5]
    with pytest.raises(DownloadError):
        budget.spend(broken, 99)


def test_a_nap_ends_when_the_run_is_stopped() -> None:
    slept: list[float] = []
    with pytest.raises(Interrupted):
        nap(Pace(clock=lambda: sum(slept), sleep=slept.append), 60, lambda: len(slept) == 3)
    assert sum(slept) < 1
