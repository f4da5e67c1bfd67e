"""Who fetches which bytes: all of them by somebody, whatever becomes of each connection."""

from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.download.extents import Extents
from comfyfixer.download.stretches import Stretch, Stretches

MB = 1_000_000
TOTAL = 80 * MB


def _holes(*here: tuple[int, int]) -> list[tuple[int, int]]:
    return list(Extents(here).holes(0, TOTAL))


def _begun(at: int = MB) -> tuple[Stretches, Stretch]:
    """One connection of four at most that has brought some MB in its first second."""
    stretches = Stretches(TOTAL, most=4)
    first = stretches.begin(0, now=0.0)
    first.at = first.told = at
    return stretches, first


def _next(stretches: Stretches, *here: tuple[int, int], now: float = 1.0) -> Stretch:
    found = stretches.next(_holes(*here), now)
    assert found is not None
    return found


def _mb(*found: Stretch) -> list[tuple[float, float]]:
    return [(one.at / MB, one.stop / MB) for one in found]


def test_those_that_come_at_once_get_pieces_in_the_file_s_order_each_half_of_an_even_share() -> None:
    stretches, first = _begun(at=8 * MB)
    found = [_next(stretches, (0, 8 * MB)) for _ in range(3)]
    assert _mb(*found) == [(17, 26), (26, 35), (35, 44)]
    assert first.stop == TOTAL, "nothing is taken away before a connection is open"
    for one in found:
        stretches.opened(one, 2.0)
    assert first.stop == 17 * MB


def test_pieces_become_smaller_towards_the_end_but_none_comes_in_no_time() -> None:
    stretches, first = _begun(at=2 * MB)
    others = [_next(stretches, (0, 2 * MB)) for _ in range(3)]
    for one in others:
        stretches.opened(one, 1.0)
    sizes = []
    here = Extents([(0, 2 * MB)])
    for now in range(2, 60):
        one = min((first, *others), key=lambda one: one.at)
        here.add(one.told, one.stop)
        one.at = one.told = one.stop
        stretches.end(one)
        if (another := stretches.next(list(here.holes(0, TOTAL)), float(now))) is None:
            break
        stretches.opened(another, float(now))
        sizes.append(another.stop - another.at)
        first, *others = (another, *(other for other in (first, *others) if other is not one))
    assert sizes[:8] == sorted(sizes[:8], reverse=True)
    assert sizes[0] > 4 * sizes[8] > 0


def test_a_hole_is_filled_before_anything_is_shared() -> None:
    stretches, _ = _begun(at=8 * MB)
    second = _next(stretches, (0, 8 * MB))
    stretches.opened(second, 1.0)
    stretches.end(second)
    assert _mb(_next(stretches, (0, 8 * MB))) == [(17, 26)]


def test_who_is_about_to_end_last_is_helped() -> None:
    stretches, slow = _begun(at=MB)
    quick = _next(stretches, (0, MB))
    stretches.opened(quick, 1.0)
    slow.stop, quick.stop = 40 * MB, TOTAL
    quick.at += 30 * MB
    third = stretches.next([(MB, 40 * MB), (quick.at, TOTAL)], 2.0)
    assert third is not None
    assert third.owner is slow


def test_until_a_connection_is_open_its_owner_goes_on_into_its_bytes() -> None:
    stretches, first = _begun()
    second = _next(stretches, (0, MB))
    assert first.stop == TOTAL
    first.at = second.at + 5
    stretches.opened(second, 2.0)
    assert first.stop == first.at


def test_what_was_brought_before_it_opened_is_not_its_own() -> None:
    stretches, first = _begun()
    second = _next(stretches, (0, MB))
    begin, stop = second.at, second.stop
    first.at = begin + 5
    stretches.opened(second, 2.0)
    assert (second.at, second.told, second.stop) == (begin + 5, begin + 5, stop)


def test_one_that_opens_when_all_its_bytes_are_here_takes_nothing_away() -> None:
    stretches, first = _begun()
    second = _next(stretches, (0, MB))
    first.at = second.stop + 5
    stretches.opened(second, 2.0)
    assert (second.left, first.stop) == (0, TOTAL)


def test_what_an_owner_brought_before_it_ended_is_not_brought_again() -> None:
    stretches, first = _begun()
    second = _next(stretches, (0, MB))
    first.at = first.written = first.told = second.at + 5
    stretches.end(first)
    stretches.opened(second, 2.0)
    assert second.at == first.told


def test_bytes_that_come_for_an_end_that_was_taken_over_are_not_written() -> None:
    stretches, first = _begun()
    second = _next(stretches, (0, MB))
    stretches.opened(second, 2.0)
    first.at = first.stop - 3
    assert (first.reserve(10), first.at, first.reserve(10)) == (3, first.stop, 0)


def test_a_little_rest_that_hardly_comes_is_taken_over_whole_and_one_that_comes_is_not() -> None:
    stretches, slow = _begun(at=TOTAL - MB // 10)
    stretches.opened(slow, 0.0)
    holes = _holes((0, slow.at))
    assert not stretches.wants_help(holes, 1.0), "it is too early to say"
    assert stretches.next(holes, 1.0) is None
    slow.at += 100
    assert stretches.wants_help(holes, 4.0)
    found = stretches.next(holes, 4.0)
    assert found is not None
    assert (found.at, found.stop) == (slow.at, TOTAL)
    slow.at += 50
    stretches.opened(found, 4.1)
    assert (slow.left, found.at, found.stop) == (0, slow.at, TOTAL)


def test_bytes_that_nobody_is_to_bring_want_help() -> None:
    stretches, first = _begun()
    first.stop = 40 * MB
    assert stretches.wants_help(_holes((0, MB)), 1.0)


def test_what_one_that_never_opened_was_to_bring_stays_its_owner_s() -> None:
    stretches, first = _begun(at=8 * MB)
    second, third, fourth = (_next(stretches, (0, 8 * MB)) for _ in range(3))
    stretches.end(second)
    for one in (third, fourth):
        stretches.opened(one, 2.0)
    assert first.stop == third.at


def test_a_rest_that_comes_at_once_is_not_divided() -> None:
    stretches, first = _begun(at=TOTAL - MB)
    assert stretches.next(_holes((0, first.told)), 1.0) is None


def test_a_rest_that_comes_sooner_than_another_connection_opens_is_not_divided() -> None:
    stretches, first = _begun(at=TOTAL - 8 * MB)
    stretches.opening_s = 0.2
    assert stretches.next(_holes((0, first.told)), 1.0) is None


def test_bytes_that_are_written_and_not_yet_told_are_nobody_s_hole() -> None:
    stretches, first = _begun(at=TOTAL - MB // 2)
    first.told = 0
    assert stretches.next(_holes(), 1.0) is None
    assert first.stop == TOTAL


BROUGHT = (0, 1, 100_000, MB, 3 * MB)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["more", "open", "advance", "advance", "fail"]), st.integers(0, 5), st.sampled_from(BROUGHT)
    ),
    min_size=20,
    max_size=80,
)


@given(EVENTS)
def test_whatever_opens_ends_and_advances_every_byte_is_brought_once(events: list[tuple[str, int, int]]) -> None:
    """Through any course of events; in the end nothing is left to ask for, no byte is missing, and none came twice."""
    total = 8 * MB
    stretches, here = Stretches(total, most=4), Extents()

    def bring(one: Stretch, count: int) -> None:
        begin, before = one.at, _sum(here)
        mine = one.reserve(count)
        assert mine <= count
        here.add(begin, one.at)
        assert _sum(here) == before + mine
        one.told = one.written = one.at

    under_way = [stretches.begin(0, now=0.0)]
    open_ones = set(under_way)
    for now, (action, which, brought) in enumerate(events, start=1):
        if action == "more" or not under_way:
            if len(under_way) < 6 and (found := stretches.next(list(here.holes(0, total)), float(now))) is not None:
                under_way.append(found)
            continue
        one = under_way[which % len(under_way)]
        if one in open_ones:
            bring(one, brought)
        elif action == "open":
            stretches.opened(one, float(now))
            open_ones.add(one)
            continue
        if action == "fail" or (one in open_ones and not one.left):
            stretches.end(one)
            under_way.remove(one)
    for one in under_way:
        stretches.end(one)
    while (found := stretches.next(list(here.holes(0, total)), 100.0)) is not None:
        stretches.opened(found, 100.0)
        bring(found, found.left)
        stretches.end(found)
    assert here.all == ((0, total),)


def _sum(extents: Extents) -> int:
    return sum(end - start for start, end in extents.all)
