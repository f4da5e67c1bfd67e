"""Work spread over processes comes back whole and in order."""

import os
import time
from collections.abc import Iterator

import pytest

from comfyfixer.side_by_side import Unavailable, processes, shared, side_by_side


def told() -> str:
    return "told"


def squared(number: int) -> tuple[int, str, int]:
    return number * number, shared(), os.getpid()


def slow_at_first(number: int) -> tuple[int, str, int]:
    if number == 0:
        time.sleep(0.2)
    return squared(number)


def died(_number: int) -> None:
    os._exit(1)


def refused(_number: int) -> None:
    raise ValueError("no")


@pytest.mark.parametrize("many", [0, 1, 3, 40])
def test_results_come_in_order_with_what_all_work_shares(many: int) -> None:
    found = list(side_by_side(squared, range(many), prepare=told, at_once=2))

    assert [(square, said) for square, said, _ in found] == [(number * number, "told") for number in range(many)]
    assert os.getpid() not in {pid for _, _, pid in found}


def test_this_process_works_while_it_waits() -> None:
    here = os.getpid()
    found = list(
        side_by_side(
            slow_at_first, range(60), prepare=told, at_once=1, meanwhile=lambda number: (number * number, "here", here)
        )
    )

    assert [square for square, _, _ in found] == [number * number for number in range(60)]
    assert {said for _, said, _ in found} == {"told", "here"}


def test_pieces_are_taken_as_results_are_asked_for() -> None:
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(1_000):
            taken.append(number)
            yield number

    results = side_by_side(squared, pieces(), prepare=told, at_once=1)
    next(results)
    results.close()  # type: ignore[attr-defined]

    assert len(taken) < 20


def test_a_process_that_dies_makes_the_rest_unavailable() -> None:
    with pytest.raises(Unavailable):
        list(side_by_side(died, range(4), prepare=told, at_once=1))


def test_what_work_raises_is_raised_here() -> None:
    with pytest.raises(ValueError, match="no"):
        list(side_by_side(refused, range(4), prepare=told, at_once=1))


def test_there_is_at_least_this_process() -> None:
    assert 1 <= processes() <= 8
