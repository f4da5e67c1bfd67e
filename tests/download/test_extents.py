"""Which bytes are here, compared with plain sets of numbers; and who fetches which."""

from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.download.extents import Extents
from comfyfixer.download.stretches import Stretches

MIB = 1 << 20
EXTENT = st.tuples(st.integers(0, 60), st.integers(0, 60))


@given(st.lists(EXTENT, max_size=20), st.integers(0, 60), st.integers(0, 60))
def test_extents_are_a_set_of_bytes(added: list[tuple[int, int]], at: int, end: int) -> None:
    extents = Extents(added)
    here = {byte for start, stop in added for byte in range(start, stop)}

    assert extents.count == len(here)
    assert extents.count_from(at) == len([byte for byte in here if byte >= at])
    assert {byte for start, stop in extents.holes(at, end) for byte in range(start, stop)} == set(range(at, end)) - here
    assert all(before[1] < after[0] for before, after in zip(extents.all, extents.all[1:], strict=False))
    beyond = extents.end_from(at)
    assert set(range(at, beyond)) <= here
    assert beyond not in here
    extents.drop_below(at)
    assert extents.count == len([byte for byte in here if byte >= at])


def test_a_free_connection_takes_a_hole_first_and_then_half_of_the_longest_rest() -> None:
    stretches = Stretches(100 * MIB)
    first = stretches.begin(0, 0.0)
    second = stretches.next([(0, 100 * MIB)], 0.0)
    assert second is not None
    assert (second.at, second.stop) == (50 * MIB, 100 * MIB)
    assert first.stop == 100 * MIB, "nothing is taken away before the new connection is open"
    stretches.opened(second, 0.0)
    assert first.stop == 50 * MIB

    stretches.end(second)
    again = stretches.next([(0, 100 * MIB)], 0.0)
    assert again is not None
    assert (again.at, again.stop) == (50 * MIB, 100 * MIB)


def test_the_slowest_one_is_helped() -> None:
    stretches = Stretches(100 * MIB)
    slow = stretches.begin(0, 0.0)
    quick = stretches.next([(0, 100 * MIB)], 0.0)
    assert quick is not None
    stretches.opened(quick, 0.0)
    slow.at += MIB
    quick.at += 30 * MIB
    third = stretches.next([(slow.at, 50 * MIB), (quick.at, 100 * MIB)], 1.0)
    assert third is not None
    assert third.owner is slow


def test_a_rest_that_is_about_to_come_is_not_divided() -> None:
    stretches = Stretches(10 * MIB)
    only = stretches.begin(0, 0.0)
    only.at = 9 * MIB
    stretches.opening_s = 0.2
    assert stretches.next([(9 * MIB, 10 * MIB)], 1.0) is None


def test_bytes_that_are_written_and_not_yet_told_are_nobodys_hole() -> None:
    stretches = Stretches(100 * MIB)
    only = stretches.begin(0, 0.0)
    only.at = 99 * MIB + MIB // 2
    assert stretches.next([(0, 100 * MIB)], 1.0) is None
