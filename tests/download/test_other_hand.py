"""Programs that fetch for us: what they are told, and where they may write. The programs are real."""

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from comfyfixer.download import located_programs
from comfyfixer.download.attempt import Means
from comfyfixer.download.beside import PartPaths
from comfyfixer.download.child import Errand
from comfyfixer.download.expected import expected_of
from comfyfixer.download.fetch import fetch
from comfyfixer.download.located_programs import Aria2, Wget
from comfyfixer.download.lock import held
from comfyfixer.download.other_hand import fetched_beside
from comfyfixer.download.pace import Pace
from comfyfixer.download.sharing import Sharing
from comfyfixer.locks import try_lock
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


METALINK = b"""<?xml version="1.0" encoding="UTF-8"?><metalink xmlns="urn:ietf:params:xml:ns:metalink">
<file name="evil.py"><size>4</size><url>URL/steal</url></file></metalink>"""
TORRENT = b"d8:announce%d:URL/announce4:infod6:lengthi4e4:name7:evil.py12:piece lengthi16384e6:pieces20:%see"


@KINDS
@pytest.mark.parametrize("content_type", ["application/metalink4+xml", "application/metalink+xml"])
def test_an_answer_that_names_further_files_and_hosts_is_not_obeyed(
    bench: Bench, kind: type[Aria2] | type[Wget], content_type: str
) -> None:
    with Origin(b"evil") as foreign:
        answer = serve(body=METALINK.replace(b"URL", foreign.url.encode()), content_type=content_type)
        bench.hub.script = [redirect(f"{bench.storage.url}/x")] * 20
        bench.storage.script = [answer] * 40
        outcome = fetched_by(kind, bench)
        assert not outcome.success
        assert foreign.requests == []
    assert [path.name for path in bench.root.rglob("*") if path.is_file()] == []


@KINDS
def test_a_torrent_in_place_of_the_file_is_not_obeyed(bench: Bench, kind: type[Aria2] | type[Wget]) -> None:
    with Origin(b"") as tracker:
        announce = f"{tracker.url}/announce"
        torrent = TORRENT.replace(b"URL/announce", announce.encode()) % (len(announce), b"x" * 20)
        answer = serve(body=torrent, content_type="application/x-bittorrent")
        bench.hub.script = [redirect(f"{bench.storage.url}/x")] * 20
        bench.storage.script = [answer] * 40
        assert not fetched_by(kind, bench).success
        assert tracker.requests == []
    assert [path.name for path in bench.root.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(os.name != "posix", reason="handles are handed on by POSIX systems")
def test_a_program_that_outlives_us_holds_the_target_s_lock_as_long_as_it_writes(bench: Bench, tmp_path: Path) -> None:
    begun, go_on, lock = tmp_path / "begun", tmp_path / "go on", tmp_path / "lock"
    program = (
        "import pathlib, sys, time\npathlib.Path(sys.argv[1]).touch()\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.01)"
    )
    with contextlib.ExitStack() as ours, bench.client() as client:
        handle = ours.enter_context(held(lock, lambda: False, keep=lambda: 1))
        means = Means(
            client=client, emit=bench.emit, cancelled=lambda: False, pace=Pace(), sharing=Sharing(), lock=handle
        )
        errand = Errand(expected_of(bench.request(), bench.candidate(), verify_hashes=True), tmp_path / "file", means)
        words = [sys.executable, "-c", program, str(begun), str(go_on)]
        thread = threading.Thread(target=errand.run, args=(words, "", dict(os.environ), str))
        thread.start()
        while not begun.exists():
            time.sleep(0.01)
        ours.close()  # as the system does when we are killed
        other = os.open(lock, os.O_RDWR)
        assert not try_lock(other)
        go_on.touch()
        thread.join()
        assert try_lock(other)
        os.close(other)


@pytest.mark.skipif(os.name != "posix", reason="there it is a file that only this user can read")
def test_a_key_that_wget_is_told_stands_in_no_file_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with located_programs._Config({"Authorization": f"Bearer {KEY}"}) as config:
        assert list(tmp_path.iterdir()) == []
        assert Path(config.option.removeprefix("--config=")).read_text() == f"header = Authorization: Bearer {KEY}\n"
