"""Names that are taken, folders that can't be written, disks that are full, two runs at once."""

import errno
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comfyfixer.download import place as placing
from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.download.fetch import fetch
from comfyfixer.download.lock import held
from comfyfixer.download.part import Part
from comfyfixer.errors import Interrupted
from comfyfixer.model.outcome import Outcome
from tests.content.files import safetensors as weights
from tests.download.conftest import Bench, safetensors
from tests.download.origin import Exchange, serve


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_the_very_file_in_its_place_is_a_success_without_a_request(bench: Bench) -> None:
    _put(bench.target, bench.hub.body)
    outcome = bench.fetch()
    assert outcome.success
    assert outcome.already_there
    assert outcome.verified
    assert bench.hub.requests == []
    assert bench.actions() == ["download.skipped"]


def test_what_a_kill_between_the_two_names_left_is_tidied_up(bench: Bench) -> None:
    _put(bench.target, bench.hub.body)
    bench.part.hardlink_to(bench.target)
    bench.record.write_bytes(msgspec.json.encode(PartRecord(candidate="c", url="u")))
    assert bench.fetch().already_there
    assert bench.names() == ["x.safetensors"]
    assert bench.target.read_bytes() == bench.hub.body


def test_the_lock_of_a_run_that_was_killed_behind_the_last_byte_is_tidied_up(bench: Bench) -> None:
    _put(bench.target, bench.hub.body)
    PartPaths(bench.target).lock.touch()
    assert bench.fetch().already_there
    assert bench.names() == ["x.safetensors"]


def test_a_file_of_the_same_size_is_hashed_where_no_hash_is_known(bench: Bench) -> None:
    _put(bench.target, bench.hub.body)
    outcome = bench.fetch(bench.candidate(hashes={}))
    assert outcome.already_there
    assert outcome.sha256 == bench.candidate().sha256
    assert not outcome.verified


@pytest.mark.parametrize("other", [safetensors(20), safetensors(seed=9)], ids=["size", "bytes"])
def test_a_different_file_in_the_place_is_never_touched(bench: Bench, other: bytes) -> None:
    _put(bench.target, other)
    problem = bench.fails("target-exists")
    assert str(bench.target) in problem.message
    assert bench.target.read_bytes() == other
    assert bench.hub.requests == []
    assert bench.names() == ["x.safetensors"]


@pytest.mark.parametrize("other", [b"mine", b"", b"<!doctype html>", safetensors(50)[:-1]])
def test_a_broken_file_is_kept_under_another_name_and_makes_room(bench: Bench, other: bytes) -> None:
    _put(bench.target, other)
    _put(bench.target.with_name("x.safetensors.broken-1"), b"an earlier one")
    outcome = bench.fetch()
    kept = bench.target.with_name("x.safetensors.broken-2")
    assert outcome.success
    assert not outcome.already_there
    assert outcome.set_aside == str(kept)
    assert (kept.read_bytes(), bench.target.read_bytes()) == (other, bench.hub.body)
    assert bench.names() == ["x.safetensors", "x.safetensors.broken-1", "x.safetensors.broken-2"]
    assert "download.set-aside" in bench.actions()


def test_a_broken_file_keeps_its_name_where_nothing_proven_comes(bench: Bench) -> None:
    _put(bench.target, b"mine")
    bench.hub.body = b"not what was promised"
    bench.fails("hash-mismatch", bench.candidate(hashes={"sha256": "0" * 64}, size_bytes=None))
    assert bench.target.read_bytes() == b"mine"
    assert bench.names() == ["x.safetensors"]


def test_a_link_to_a_broken_file_is_kept_as_a_link_and_the_file_stays(bench: Bench) -> None:
    elsewhere = bench.root / "store" / "blob.safetensors"
    _put(elsewhere, b"mine")
    bench.target.parent.mkdir(parents=True)
    bench.target.symlink_to(elsewhere)
    outcome = bench.fetch()
    assert outcome.success
    assert os.readlink(str(outcome.set_aside)) == str(elsewhere)
    assert (elsewhere.read_bytes(), bench.target.read_bytes()) == (b"mine", bench.hub.body)


def test_the_mark_of_an_unfinished_download_goes_with_its_file(bench: Bench) -> None:
    _put(bench.target, safetensors(seed=9))
    _put(bench.target.with_name("x.safetensors.aria2"), b"mark")
    assert bench.fetch().success
    assert bench.names() == ["x.safetensors", "x.safetensors.broken-1", "x.safetensors.broken-1.aria2"]


def test_a_broken_file_that_is_still_being_written_is_not_touched(bench: Bench) -> None:
    _put(bench.target, b"the beginn")

    def grow(exchange: Exchange) -> None:
        bench.target.write_bytes(b"the beginning")
        serve()(exchange)

    bench.hub.script = [grow]
    bench.fails("target-exists")
    assert bench.target.read_bytes() == b"the beginning"


def test_what_is_in_the_way_is_told_by_its_kind(bench: Bench) -> None:
    _put(bench.target, weights(["a.lora_up.weight", "a.lora_down.weight", "lora_te2_x.alpha"]))
    assert "a LoRA (SDXL)" in bench.fails("target-exists").message


def test_where_nothing_is_promised_nothing_in_the_place_can_be_the_file(bench: Bench) -> None:
    _put(bench.target, bench.hub.body)
    bench.fails("target-exists", bench.candidate(size_bytes=None, hashes={}))


def test_a_folder_or_a_dangling_link_of_that_name_is_not_replaced(bench: Bench) -> None:
    bench.target.mkdir(parents=True)
    bench.fails("target-exists")
    bench.target.rmdir()
    bench.target.symlink_to("nowhere")
    bench.fails("target-exists")
    assert bench.target.is_symlink()


@pytest.mark.parametrize("links", [True, False], ids=["with hard links", "without"])
@pytest.mark.parametrize("same", [True, False])
def test_a_file_that_appears_while_ours_comes_is_not_replaced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, links: bool, same: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _no_link)
    other = bench.hub.body if same else b"somebody else's"

    def appear(exchange: Exchange) -> None:
        bench.target.write_bytes(other)
        serve()(exchange)

    bench.hub.script = [appear]
    outcome = bench.fetch()
    assert outcome.success is same
    assert outcome.already_there is same
    assert same or (outcome.error is not None and outcome.error.code == "target-exists")
    assert bench.target.read_bytes() == other


@pytest.mark.parametrize("exclusive_rename", [True, False])
def test_a_file_system_without_hard_links_gets_the_file_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, exclusive_rename: bool
) -> None:
    monkeypatch.setattr(os, "link", _no_link)
    if not exclusive_rename:
        monkeypatch.setattr(placing, "_exclusive_rename", lambda: lambda old, new: errno.EINVAL)
    assert bench.fetch().success
    assert bench.target.read_bytes() == bench.hub.body
    assert bench.names() == ["x.safetensors"]


def test_without_links_and_exclusive_rename_a_taken_name_is_seen_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _no_link)
    monkeypatch.setattr(placing, "_exclusive_rename", lambda: None)
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        placing.place(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"b"
    assert (tmp_path / "a").exists()


def test_a_place_outside_the_models_folder_is_refused(bench: Bench, tmp_path: Path) -> None:
    for outside in (tmp_path / "x.safetensors", bench.root, bench.root / ".." / "x", Path("models/x")):
        bench.target = outside
        bench.fails("unsafe-name")
    assert bench.hub.requests == []


def test_a_linked_model_folder_is_followed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "other disk").mkdir()
    (bench.root / "loras").symlink_to(tmp_path / "other disk", target_is_directory=True)
    assert bench.fetch().success
    assert (tmp_path / "other disk" / "sub" / "x.safetensors").exists()


def test_a_folder_that_cannot_be_made_is_told(bench: Bench) -> None:
    _put(bench.root / "loras", b"a file, no folder")
    problem = bench.fails("target-unwritable")
    assert "Not a directory" in problem.message or "exists" in problem.message


def test_a_folder_that_cannot_be_written_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.target.parent.mkdir(parents=True)
    opened = os.open

    def read_only(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if Path(os.fsdecode(path)) == bench.part and flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", read_only)
    problem = bench.fails("target-unwritable")
    assert "Permission denied" in problem.message
    assert bench.hub.requests == []


@pytest.mark.parametrize("room", [0, 1, 512, 700_000, 2_999_999])
def test_a_full_disk_keeps_what_fitted_and_the_next_run_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    append = Part.append

    def append_to_full_disk(part: Part, chunk: bytes) -> None:
        """As the system does it: what still fits is written, the rest raises."""
        if part.size + len(chunk) <= room:
            append(part, chunk)
            return
        part._file = _Full(part._file, room - part.size)  # type: ignore[assignment]
        append(part, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(Part, "append", append_to_full_disk)
        problem = bench.fails("disk-full")
    assert "are missing" in problem.message
    assert len(bench.hub.requests) == 1
    kept = bench.part.stat().st_size if bench.part.exists() else 0
    assert kept <= room
    assert kept == 0 or bench.part.read_bytes() == bench.hub.body[:kept]
    assert bench.fetch().success
    assert bench.hub.ranges == [None, f"bytes={kept}-" if kept else None]
    assert bench.target.read_bytes() == bench.hub.body


class _Full:
    """A file on a disk with so many bytes left."""

    def __init__(self, file: Any, left: int) -> None:
        self._file = file
        self._left = left

    def write(self, data: memoryview) -> int:
        if not self._left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written: int = self._file.write(data[: self._left])
        self._left -= written
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_folder_that_is_removed_meanwhile_is_told_and_not_made_again(bench: Bench) -> None:
    def remove(exchange: Exchange) -> None:
        shutil.rmtree(bench.root / "loras")
        serve()(exchange)

    bench.hub.script = [remove]
    bench.fails("target-unwritable")
    assert bench.names() == []
    assert bench.fetch().success


def test_a_file_system_that_allows_no_such_large_file_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(part: Part, chunk: bytes) -> None:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    monkeypatch.setattr(Part, "append", too_large)
    assert "no file as large" in bench.fails("disk-full").message


def test_a_second_run_waits_and_then_finds_the_file_there(bench: Bench) -> None:
    half, released = threading.Event(), threading.Event()

    def slow(exchange: Exchange) -> None:
        half.set()
        serve(hold_at=1_000_000, until=released)(exchange)

    bench.hub.script = [slow]
    outcomes: list[Outcome] = []
    first = threading.Thread(target=lambda: outcomes.append(bench.fetch()))
    first.start()
    assert half.wait(10)
    waited = threading.Event()

    def second_run() -> Outcome:
        def asked() -> bool:
            waited.set()
            return False

        with bench.client() as client:
            return fetch(bench.request(), client, emit=bench.emit, cancelled=asked, pace=bench.pace)

    second = threading.Thread(target=lambda: outcomes.append(second_run()))
    second.start()
    assert waited.wait(10)
    released.set()
    first.join(10)
    second.join(10)
    assert [outcome.success for outcome in outcomes] == [True, True]
    assert sorted(outcome.already_there for outcome in outcomes) == [False, True]
    assert len(bench.hub.requests) == 1
    assert bench.names() == ["x.safetensors"]


def test_a_run_that_waits_for_another_can_be_stopped(bench: Bench) -> None:
    bench.target.parent.mkdir(parents=True)
    with held(PartPaths(bench.target).lock, lambda: False, keep=lambda: 0):
        looks = iter([False, False, True])
        bench.cancelled = lambda: next(looks)
        with pytest.raises(Interrupted):
            bench.fetch()
    assert bench.hub.requests == []


def _no_link(old: object, new: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))
