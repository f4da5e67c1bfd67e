"""Which bytes are here, compared with plain sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.download.extents import Extents

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
