"""The names beside the target: ours are known, and everything else of those names is somebody's own."""

import errno
import hashlib
from pathlib import Path

import msgspec
import pytest

from comfyfixer.download import part_journal
from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.errors import UsageError
from tests.download.conftest import Bench
from tests.download.origin import status

MODEL_SUFFIXES = (".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft", ".gguf", ".onnx", ".yaml")
OURS = ("part", "journal", "lock")


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize("ending", ["part", "part.json", "part.lock"])
@pytest.mark.parametrize("works", [True, False])
def test_what_another_downloader_left_beside_the_target_stays(bench: Bench, ending: str, works: bool) -> None:
    theirs = bench.target.with_name(f"x.safetensors.{ending}")
    _put(theirs, b"hours of somebody's bytes")
    if not works:
        bench.hub.script = [status(404)]
    assert bench.fetch().success is works
    assert theirs.read_bytes() == b"hours of somebody's bytes"


@pytest.mark.parametrize("name", OURS)
def test_a_file_that_has_our_name_and_is_not_ours_is_left_and_told(bench: Bench, name: str) -> None:
    path: Path = getattr(PartPaths(bench.target), name)
    _put(path, b"mine")
    problem = bench.fails("target-unwritable")
    assert str(path) in problem.message
    assert problem.hint is not None
    assert path.read_bytes() == b"mine"
    assert bench.names() == [path.name]
    assert bench.hub.requests == []


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_that_has_our_name_is_not_followed(bench: Bench, tmp_path: Path, name: str, dangling: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    if not dangling:
        elsewhere.write_bytes(msgspec.json.encode(PartRecord(candidate="c", url="u")))
    before = None if dangling else elsewhere.read_bytes()
    path: Path = getattr(PartPaths(bench.target), name)
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere)
    bench.fails("target-unwritable")
    assert path.is_symlink()
    assert (elsewhere.read_bytes() if elsewhere.exists() else None) == before


def test_a_link_beside_a_journal_of_ours_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    paths = PartPaths(bench.target)
    _put(paths.journal, msgspec.json.encode(PartRecord(candidate="c", url="u")))
    paths.part.symlink_to(precious)
    bench.fails("target-unwritable")
    assert precious.read_bytes() == b"precious"
    assert paths.part.is_symlink()


def test_with_the_file_in_its_place_what_is_not_ours_beside_it_stays(bench: Bench) -> None:
    _put(bench.target, bench.hub.body)
    _put(bench.part, b"mine")
    assert bench.fetch().already_there
    assert bench.part.read_bytes() == b"mine"


def test_a_complete_part_is_placed_on_a_disk_that_has_no_room_for_another_journal(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(bench.part, bench.hub.body)
    sha256 = hashlib.sha256(bench.hub.body).hexdigest()
    bench.record.write_bytes(msgspec.json.encode(PartRecord(candidate="c", url="u", sha256=sha256)))

    def full(path: Path, data: bytes) -> None:
        raise UsageError("the disk is full", code="workdir-unwritable") from OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(part_journal, "write_whole", full)
    assert bench.fetch().success


def test_without_room_for_the_journal_no_part_is_begun(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise UsageError("the disk is full", code="workdir-unwritable") from OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(part_journal, "write_whole", full)
    bench.fails("disk-full")
    assert bench.names() == []


def test_a_part_of_somebody_else_does_not_count_as_there(tmp_path: Path) -> None:
    paths = PartPaths(tmp_path / "x")
    paths.part.write_bytes(b"12345")
    assert paths.bytes_here() == 0
    paths.journal.write_bytes(msgspec.json.encode(PartRecord(candidate="c", url="u")))
    assert paths.bytes_here() == 5
    paths.forget()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "stem", ["x", "a" * 220, "\N{GRINNING FACE}" * 55, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 110]
)
def test_our_names_fit_every_file_system_and_are_never_listed_as_models(bench: Bench, stem: str) -> None:
    bench.target = bench.target.with_name(f"{stem}.safetensors")
    paths = PartPaths(bench.target)
    for path in (paths.part, paths.journal, paths.lock):
        assert len(path.name.encode()) <= 160
        assert not path.name.endswith(MODEL_SUFFIXES)
    bench.hub.script = [status(404)]
    assert not bench.fetch().success
    assert bench.fetch().success
    assert bench.names() == [bench.target.name]


def test_long_names_that_begin_alike_have_parts_of_their_own(tmp_path: Path) -> None:
    parts = {PartPaths(tmp_path / f"{'a' * 220}{number}.safetensors").part for number in range(5)}
    assert len(parts) == 5


def test_the_hash_of_a_file_is_right_however_often_it_was_cut(bench: Bench) -> None:
    """With every kind of hash promised, over a part that an earlier run began."""
    body = bench.hub.body
    start = 8 + int.from_bytes(body[:8], "little")
    hashes = {
        "sha256": hashlib.sha256(body).hexdigest(),
        "autov2": hashlib.sha256(body).hexdigest()[:10],
        "autov3": hashlib.sha256(body[start:]).hexdigest()[:12],
    }
    _put(bench.part, body[:1_000_003])
    record = PartRecord(candidate="c", url="u", sha256=hashes["sha256"])
    bench.record.write_bytes(msgspec.json.encode(record))
    assert bench.fetch(bench.candidate(hashes=hashes)).verified
    assert bench.hub.ranges == ["bytes=1000003-"]
