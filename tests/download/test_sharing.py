"""What the transfers of one run share: bytes a second, and room on the disk."""

import random
from pathlib import Path

import pytest

from comfyfixer.download.pace import Pace
from comfyfixer.download.room import Room
from comfyfixer.download.sharing import Sharing, Throttle, host_of
from comfyfixer.errors import DownloadError, Interrupted
from tests.download.conftest import Bench, Clock, safetensors
from tests.download.origin import serve


def test_all_together_get_so_many_bytes_a_second() -> None:
    clock, dice = Clock(), random.Random(1)
    pace = Pace(clock=clock.read, sleep=clock.sleep)
    throttle = Throttle(1_000_000)
    began, sent = clock.now, 0
    while sent < 20_000_000:
        count = dice.randrange(1, throttle.most(1 << 20))
        throttle.came(count, pace, lambda: False)
        sent += count
    assert throttle.total == sent
    assert sent / (clock.now - began) == pytest.approx(1_000_000, rel=0.02)


def test_a_pause_is_not_made_up_for_by_a_burst() -> None:
    clock = Clock()
    pace = Pace(clock=clock.read, sleep=clock.sleep)
    throttle = Throttle(1000)
    throttle.came(100, pace, lambda: False)
    clock.now += 3600
    began = clock.now
    for _ in range(10):
        throttle.came(100, pace, lambda: False)
    assert clock.now - began == pytest.approx(0.9, abs=0.02)


def test_a_wait_for_the_limit_can_be_stopped() -> None:
    clock = Clock()
    with pytest.raises(Interrupted):
        Throttle(1000).came(10_000, Pace(clock=clock.read, sleep=clock.sleep), lambda: True)


def test_a_file_comes_at_the_limit_and_is_never_taken_for_stalled(bench: Bench) -> None:
    bench.sharing = Sharing(bytes_per_second=2000)
    bench.hub.body = safetensors(200_000)
    began = bench.clock.now
    outcome = bench.fetch()
    assert outcome.success, outcome.error
    assert bench.told("download.retried") == []
    assert bench.clock.now - began == pytest.approx(100, rel=0.05)


def test_a_disk_that_others_fill_stops_the_file_and_keeps_its_bytes(bench: Bench) -> None:
    """Free space is asked again while the file comes: another program has taken it."""
    free = iter([10_000_000, 9_000_000])
    bench.sharing = Sharing(per_file=1, bytes_per_second=500_000, free_bytes=lambda _folder: next(free, 100_000))
    problem = bench.fails("disk-full")
    assert "are missing" in problem.message
    kept = bench.part.stat().st_size
    assert 0 < kept < len(bench.hub.body)
    bench.sharing = None
    assert bench.fetch().success
    assert bench.hub.ranges == [None, f"bytes={kept}-"]


def test_what_does_not_fit_stops_and_what_was_begun_before_goes_on(tmp_path: Path) -> None:
    room = Room(lambda _folder: 100)
    with room.claimed(tmp_path / "first") as first, room.claimed(tmp_path / "second") as second:
        room.look(first, 60)
        with pytest.raises(DownloadError) as caught:
            room.look(second, 50)
        assert caught.value.code == "disk-full"
        room.look(second, 40)
    with room.claimed(tmp_path / "third") as third:
        room.look(third, 100)


def test_one_that_can_never_fit_is_not_in_the_way_of_others(tmp_path: Path) -> None:
    room = Room(lambda _folder: 100)
    with room.claimed(tmp_path / "huge") as huge, room.claimed(tmp_path / "small") as small:
        with pytest.raises(DownloadError):
            room.look(huge, 1000)
        room.look(small, 90)


def test_a_disk_that_is_gone_is_told_by_the_next_write(tmp_path: Path) -> None:
    def gone(_folder: str) -> int:
        raise FileNotFoundError

    room = Room(gone)
    with room.claimed(tmp_path / "x") as claim:
        room.look(claim, 1 << 60)


def test_connections_are_counted_by_host_and_port_whatever_stands_before_it() -> None:
    assert host_of("https://user:word@h.example:8443/a?b=c") == "https://h.example:8443"
    assert host_of("https://h.example/x") == host_of("https://h.example/y?z")
    assert host_of("http://[broken") == "http://[broken"


def test_at_a_cut_the_connection_is_given_back(bench: Bench) -> None:
    bench.sharing = Sharing(per_host=1)
    bench.hub.script = [serve(cut_after=1000)]
    assert bench.fetch().success
    assert bench.sharing.connections.take(host_of(bench.hub.url))
