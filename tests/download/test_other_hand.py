"""Programs that fetch for us: what they are told, and where they may write. The programs are real."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from comfyfixer.download.beside import PartPaths
from comfyfixer.download.fetch import fetch
from comfyfixer.download.located_programs import Aria2, Wget
from comfyfixer.download.other_hand import fetched_beside
from comfyfixer.model.outcome import Outcome
from tests.download.conftest import KEY, Bench
from tests.download.origin import Origin, redirect, serve

KINDS = pytest.mark.parametrize("kind", [Aria2, Wget])


def fetched_by(kind: type[Aria2] | type[Wget], bench: Bench) -> Outcome:
    program = shutil.which(kind.name)
    if program is None:
        pytest.skip(f"{kind.name} is not installed")
    with bench.client() as client:
        hand = kind(program, client, lambda text: text)
        return fetch(bench.request(), client, emit=bench.emit, cancelled=bench.cancelled, pace=bench.pace, hand=hand)


@KINDS
def test_a_hub_that_redirects_only_the_program_gets_no_key_to_another_host(
    bench: Bench, kind: type[Aria2] | type[Wget]
) -> None:
    """It gave the bytes itself when it was asked where they are."""
    with Origin(bench.hub.body) as foreign:
        bench.hub.script = [serve(), redirect(f"{foreign.url}/x")]
        fetched_by(kind, bench)
        assert not [request for request in foreign.requests if KEY in "".join(request.values())]
    assert bench.hub.requests[0]["authorization"] == f"Bearer {KEY}"


def _as_link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def _as_link_to_folder(path: Path, victim: Path) -> None:
    path.symlink_to(victim.parent, target_is_directory=True)


@KINDS
@pytest.mark.parametrize("make", [_as_link, _as_link_to_folder], ids=["file", "folder"])
@pytest.mark.parametrize("ending", ["", ".aria2", ".hf"])
def test_a_program_writes_through_no_link(
    bench: Bench, kind: type[Aria2] | type[Wget], make: Callable[[Path, Path], None], ending: str
) -> None:
    victim = bench.root.parent / "victim.txt"
    victim.write_bytes(b"precious")
    bench.target.parent.mkdir(parents=True)
    file = fetched_beside(PartPaths(bench.target).part)
    make(file.with_name(file.name + ending), victim)
    outcome = fetched_by(kind, bench)
    assert outcome.error is not None
    assert outcome.error.code == "target-unwritable"
    assert victim.read_bytes() == b"precious"
    assert not bench.target.exists()
