"""When one more connection is opened to a file: measured rates decide, on a clock of numbers."""

import itertools
from collections.abc import Callable

import msgspec
import pytest

from comfyfixer.download.growth import Growth, Trial
from comfyfixer.download.sharing import Sharing

MB = 1_000_000
TRIAL = Trial(
    first_s=1.0, window_s=1.0, enough=300.0 * MB, plainly_slow=0.5, worth_s=1.0, gain=0.35, full_gain=0.75,
    again_s=30.0,
)  # fmt: skip


def _opened(
    rate: Callable[[int], float],
    *,
    most: int = 8,
    left: int = 10_000 * MB,
    seconds: int = 20,
    trial: Trial = TRIAL,
) -> list[int]:
    """How many connections there are second by second, at a server that gives `rate(connections)` in all."""
    growth, came, connections, history = Growth(most, trial), 0.0, 1, []
    for now in range(seconds):
        connections += growth.wants(float(now), int(came), connections, left)
        history.append(connections)
        came += rate(connections)
    return history


def test_where_each_gets_little_there_are_as_many_as_it_takes_and_never_more_than_the_most() -> None:
    assert _opened(lambda connections: 20 * MB * connections)[:4] == [1, 8, 8, 8]
    assert _opened(lambda connections: 100 * MB * connections)[:4] == [1, 3, 3, 3]
    assert _opened(lambda connections: 0.0 * connections)[:4] == [1, 8, 8, 8]
    assert max(_opened(lambda connections: 20 * MB * connections, most=4)) == 4


def test_what_the_first_ones_bring_tells_how_many_it_takes() -> None:
    assert _opened(lambda connections: 100 * MB + 75 * MB * (connections - 1), most=16)[:5] == [1, 3, 3, 4, 4]


def test_where_the_line_is_full_they_are_tried_once_and_no_more() -> None:
    assert set(_opened(lambda _connections: 50 * MB)) == {1, 6}


def test_where_the_first_ones_bring_a_little_one_more_comes_and_another() -> None:
    history = _opened(lambda connections: 100 * MB * (1 + 0.4 * (connections - 1)))
    assert [second - first for first, second in itertools.pairwise(history) if second > first][:3] == [2, 1, 1]


def test_below_a_limit_one_that_reaches_it_needs_no_help_and_one_that_does_not_gets_it() -> None:
    trial = Sharing(bytes_per_second=5 * MB, trial=TRIAL).trial
    assert set(_opened(lambda _connections: 5.0 * MB, trial=trial)) == {1}
    assert max(_opened(lambda connections: min(5.0, connections) * MB, trial=trial)) == 4
    assert max(_opened(lambda _connections: 5.0 * MB)) > 1


def test_one_bad_moment_does_not_end_it() -> None:
    growth = Growth(8, TRIAL)
    assert [growth.wants(float(at), at * 75 * MB, 1, 9000 * MB) for at in range(2)] == [0, 3]
    assert growth.wants(2.0, 75 * MB, 4, 9000 * MB) == 0
    assert growth.wants(3.0, 160 * MB, 4, 9000 * MB) == 0
    assert growth.wants(4.0, 420 * MB, 4, 9000 * MB) == 1


def test_after_a_try_in_vain_it_waits_and_then_tries_again() -> None:
    history = _opened(lambda connections: 50 * MB if connections < 7 else 80 * MB, seconds=60)
    assert history[20] == 6
    assert max(history) > 6


@pytest.mark.parametrize(("rate", "left"), [(400 * MB, 10_000 * MB), (20 * MB, 15 * MB)], ids=["quick", "nearly-done"])
def test_a_quick_server_and_a_short_rest_need_no_help(rate: float, left: int) -> None:
    assert set(_opened(lambda _connections: rate, left=left)) == {1}


def test_a_quick_line_is_not_divided_for_one_slow_moment_but_for_two() -> None:
    growth, came = Growth(4, TRIAL), 0
    wanted = []
    for now, rate in enumerate([400, 200, 400, 200, 200, 400]):
        wanted.append(growth.wants(float(now), came * MB, 1, 10_000 * MB))
        came += rate
    assert wanted == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("enough", [300.0 * MB, float("inf")])
def test_where_all_ended_any_number_may_begin_anew(enough: float) -> None:
    growth = Growth(4, msgspec.structs.replace(TRIAL, enough=enough))
    wanted = [growth.wants(float(at), at * 20 * MB, 0, 9000 * MB) for at in range(3)]
    assert 1 <= max(wanted) <= 4


def test_the_first_look_is_a_short_one() -> None:
    growth = Growth(4, msgspec.structs.replace(TRIAL, first_s=0.25))
    assert [growth.wants(at / 4, at * 5 * MB, 1, 9000 * MB) for at in range(2)] == [0, 3]
    assert [growth.wants(0.25 + at / 4, 5 * MB + at * 20 * MB, 4, 9000 * MB) for at in range(4)] == [0] * 4


def test_one_that_could_not_be_had_is_not_asked_for_at_once() -> None:
    growth = Growth(4, TRIAL)
    assert [growth.wants(float(now), now * MB, 1, 1000 * MB) for now in range(2)] == [0, 3]
    growth.failed(2.0)
    assert [growth.wants(float(now), now * MB, 1, 1000 * MB) for now in range(2, 32)] == [0] * 30
    assert growth.wants(33.0, 33 * MB, 1, 1000 * MB) == 3


def test_several_failures_at_once_are_one_and_no_wait_is_endless() -> None:
    growth = Growth(4, msgspec.structs.replace(TRIAL, again_s=5.0, longest_s=60.0))
    waits = []
    for begin in range(0, 6000, 600):
        for _ in range(3):
            growth.failed(float(begin))
        waits.append(next(second for second in range(600) if not growth.waits(float(begin + second))))
    assert waits == [5, 10, 20, 40, 60, 60, 60, 60, 60, 60]


def test_the_wait_before_a_connection_is_no_slowness_of_it() -> None:
    growth = Growth(4, TRIAL)
    assert growth.wants(0.0, 0, 1, 1000 * MB) == 0
    growth.anew()
    assert growth.wants(30.0, 100, 1, 1000 * MB) == 0
