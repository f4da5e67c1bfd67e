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
    """One connection that has brought a MB in its first second."""
    stretches = Stretches(TOTAL)
    first = stretches.begin(0, now=0.0)
    first.at = first.told = at
    return stretches, first


def _next(stretches: Stretches, first: Stretch, now: float = 1.0) -> Stretch:
    found = stretches.next(_holes((0, first.told)), now)
    assert found is not None
    return found


def test_three_that_come_at_once_share_what_is_left_evenly() -> None:
    stretches, first = _begun(at=4 * MB)
    found = sorted((_next(stretches, first) for _ in range(3)), key=lambda one: one.at)
    assert [one.at // MB for one in found] == [23, 42, 61]
    for one in found:
        stretches.opened(one, 2.0)
    assert [one.stop // MB for one in (first, *found)] == [23, 42, 61, 80]


def test_until_a_connection_is_open_its_owner_goes_on_into_its_bytes() -> None:
    stretches, first = _begun()
    second = _next(stretches, first)
    assert first.stop == TOTAL
    first.at = second.at + 5
    stretches.opened(second, 2.0)
    assert first.stop == first.at


def test_what_one_that_never_opened_was_to_bring_stays_its_owner_s() -> None:
    stretches, first = _begun(at=4 * MB)
    second, third, fourth = (_next(stretches, first) for _ in range(3))
    stretches.end(second)
    for one in (third, fourth):
        stretches.opened(one, 2.0)
    assert first.stop == min(third.at, fourth.at)


def test_a_rest_that_comes_at_once_is_not_divided() -> None:
    stretches, first = _begun(at=TOTAL - MB)
    assert stretches.next(_holes((0, first.told)), 1.0) is None


@given(st.data())
def test_whatever_opens_ends_and_advances_every_byte_is_brought(data: st.DataObject) -> None:
    """A walk through any course of events; in the end nothing is left to ask for, and no byte is missing."""
    total = 8 * MB
    stretches, here = Stretches(total), Extents()
    under_way = [stretches.begin(0, now=0.0)]
    now, open_ones = 0.0, set(under_way)
    for _ in range(400):
        now += 1.0
        action = data.draw(st.sampled_from(["more", "open", "advance", "advance", "fail"]))
        if (action == "more" or not under_way) and len(under_way) < 6:
            holes = list(here.holes(0, total))
            if not holes and not under_way:
                break
            if (found := stretches.next(holes, now)) is not None:
                under_way.append(found)
            continue
        if not under_way:
            continue
        one = under_way[data.draw(st.integers(0, len(under_way) - 1))]
        if one not in open_ones:
            if action == "fail":
                stretches.end(one)
                under_way.remove(one)
            elif action == "open":
                stretches.opened(one, now)
                open_ones.add(one)
            continue
        brought = data.draw(st.integers(0, MB))
        one.at += min(brought, one.left)
        here.add(one.told, one.at)
        one.told = one.at
        if action == "fail" or not one.left:
            stretches.end(one)
            under_way.remove(one)
    for one in under_way:
        stretches.end(one)
    while (found := stretches.next(list(here.holes(0, total)), now)) is not None:
        stretches.opened(found, now)
        here.add(found.at, found.stop)
        found.at = found.told = found.stop
        stretches.end(found)
    assert here.all == ((0, total),)
