"""resolve among real names and what is easily mistaken for them: never a wrong file, seldom a right one missed."""

from pathlib import Path

import pytest

from tests.simulation.trial import Figures, tried
from tests.simulation.world import build, templates_alone
from tests.support.product import Product

NAMES = 150


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Figures, Product, int]:
    """One run, and how many requests a second one sends."""
    return tried(build(names=NAMES), tmp_path_factory.mktemp("simulation"))


def test_no_wrong_file_is_accepted(trial: tuple[Figures, Product, int]) -> None:
    assert trial[0].wrong == ()
    assert trial[0].accepted > NAMES / 2


def test_what_can_be_proven_is_accepted(trial: tuple[Figures, Product, int]) -> None:
    figures = trial[0]
    assert figures.provable > NAMES / 2
    assert figures.proven >= 0.95 * figures.provable, figures.missed


def test_of_the_rest_the_right_file_stands_first(trial: tuple[Figures, Product, int]) -> None:
    figures = trial[0]
    assert figures.rest > 10
    assert figures.first >= 0.94 * figures.rest, figures.not_first


def test_the_hubs_are_asked_little_and_nothing_twice(trial: tuple[Figures, Product, int]) -> None:
    figures = trial[0]
    assert figures.repeated == ()
    assert figures.per_model <= 5, "few names share few answers; among all of them it is less"


def test_a_second_run_within_the_answers_age_asks_nothing(trial: tuple[Figures, Product, int]) -> None:
    assert trial[2] == 0


def test_the_templates_files_are_found_by_search_alone(tmp_path: Path) -> None:
    figures, _, again = tried(templates_alone(), tmp_path)
    assert figures.wrong == ()
    assert figures.wanted > 300
    assert figures.accepted + figures.first >= 0.9 * figures.wanted
    assert figures.per_model <= 4
    assert (figures.repeated, again) == ((), 0)
