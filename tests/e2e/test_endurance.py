"""Small numbers of what `python -m benchmarks.endurance` does in large ones; every seed is in the test's name."""

import sys
from pathlib import Path

import pytest

from comfyfixer.download.transfer import CHUNK
from tests.support.killing import killed
from tests.support.storm import storm


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_storm_every_file_is_right_or_absent_with_a_true_reason(tmp_path: Path, seed: int) -> None:
    report = storm(tmp_path, 40, seed, largest=1_500_000)
    assert report.wrong == []
    assert report.right + sum(report.absent.values()) == 40
    assert report.right > 25
    assert report.keys_abroad == 0
    assert report.against_limits == 0


@pytest.mark.skipif(sys.platform == "win32", reason="`kill -9` is POSIX'")
def test_killed_at_random_moments_and_resumed_the_end_is_the_same(tmp_path: Path) -> None:
    found = killed(tmp_path, 1, kills=6, files=8, size=1_500_000)
    assert found.wrong == []
    assert found.kills > 0
    assert found.most_twice == 0
    assert found.most_lost <= CHUNK
