"""The shared store on its own: many writers, other disks, disks without links, files that were changed."""

import errno
import os
import sys
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.download.expected import Expected
from comfyfixer.pipeline.store import Store

posix = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
DATA = bytes(range(256)) * 4096
DIGEST = sha256(DATA).hexdigest()


def expected(digest: str = DIGEST) -> Expected:
    return Expected(filename="a.bin.dat", suffix=".dat", size_bytes=len(DATA), hashes={"sha256": digest})


def placed(folder: Path, name: str = "a.dat") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(DATA)
    return path


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, *, symlinks: bool = True) -> None:
    """A disk on which no second name can be made."""

    def link(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    if not symlinks:
        monkeypatch.setattr(Path, "symlink_to", link)


def test_what_was_placed_has_a_second_name_in_the_store_and_costs_no_space(tmp_path: Path) -> None:
    store, file = Store(tmp_path / "store"), placed(tmp_path / "models")
    assert store.add(file, DIGEST) == "hard link"
    assert store.add(file, DIGEST) is None
    assert os.stat(store.path(DIGEST)).st_ino == os.stat(file).st_ino
    assert store.path(DIGEST) == tmp_path / "store" / "sha256" / DIGEST[:2] / DIGEST[2:]


@pytest.mark.parametrize("wrong", [b"", bytes(len(DATA))], ids=["empty", "other-bytes"])
def test_other_bytes_under_a_name_of_the_store_make_room_for_the_right_ones(tmp_path: Path, wrong: bytes) -> None:
    store, file = Store(tmp_path / "store"), placed(tmp_path / "models")
    kept = store.path(DIGEST)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(wrong)
    assert store.proven(expected(), lambda: False) is None
    assert store.add(file, DIGEST) == "hard link"
    assert kept.read_bytes() == DATA
    assert kept.with_name(f"{kept.name}.broken-1").read_bytes() == wrong


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.ENOTSUP])
def test_on_another_disk_the_store_has_a_copy_and_the_file_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store, file = Store(tmp_path / "store"), placed(tmp_path / "models")
    refuse(monkeypatch, number)
    assert store.add(file, DIGEST) == "copy, the placed file links to it"
    assert file.is_symlink()
    assert file.read_bytes() == store.path(DIGEST).read_bytes() == DATA
    other = tmp_path / "other" / "b.dat"
    assert store.link(DIGEST, other) == "symbolic link"
    assert other.read_bytes() == DATA


def test_without_any_links_there_are_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, file = Store(tmp_path / "store"), placed(tmp_path / "models")
    refuse(monkeypatch, errno.EPERM, symlinks=False)
    assert store.add(file, DIGEST) == "copy"
    other = tmp_path / "other" / "b.dat"
    assert store.link(DIGEST, other) == "copy"
    assert (file.read_bytes(), other.read_bytes()) == (DATA, DATA)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"a.dat", "b.dat", DIGEST[2:]}


def test_a_link_never_takes_a_name_that_something_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    store.add(placed(tmp_path / "models"), DIGEST)
    other = tmp_path / "b.dat"
    other.write_bytes(b"own")
    for number, symlinks in ((None, True), (errno.EXDEV, True), (errno.EPERM, False)):
        if number is not None:
            refuse(monkeypatch, number, symlinks=symlinks)
        with pytest.raises(OSError, match="xist"):
            store.link(DIGEST, other)
        assert other.read_bytes() == b"own"


def test_many_writers_at_once_leave_one_whole_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, errno.EXDEV, symlinks=False)
    store = Store(tmp_path / "store")
    files = [placed(tmp_path / f"machine {number}") for number in range(8)]
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(files))

    def write(file: Path) -> None:
        try:
            barrier.wait()
            store.add(file, DIGEST)
        except BaseException as error:  # noqa: BLE001  # told by the test
            failures.append(error)

    threads = [threading.Thread(target=write, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [path for path in store.folder.rglob("*") if path.is_file()] == [store.path(DIGEST)]
    assert store.path(DIGEST).read_bytes() == DATA


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", DATA[:-1] + b"\x00", b""])
def test_other_bytes_under_a_name_are_not_adopted(tmp_path: Path, data: bytes) -> None:
    store = Store(tmp_path / "store")
    path = store.path(DIGEST)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert store.proven(expected(), lambda: False) is None


def test_a_copy_that_went_wrong_does_not_get_into_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, errno.EXDEV)
    store, file = Store(tmp_path / "store"), placed(tmp_path / "models")
    with pytest.raises(OSError, match="differs"):
        store.add(file, "0" * 64)
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []
    assert file.read_bytes() == DATA


@pytest.mark.parametrize("digest", ["", "../" * 21 + "a", "A" * 64, "g" * 64, "a" * 63])
def test_what_is_no_digest_is_no_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        Store(tmp_path).path(digest)


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no second disk here")
def test_a_real_second_disk_is_no_reason_for_a_failure(tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if os.stat(other).st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("it is the same disk")
        store, file = Store(Path(other)), placed(tmp_path / "models")
        assert store.add(file, DIGEST) == "copy, the placed file links to it"
        assert store.link(DIGEST, tmp_path / "second.dat") == "symbolic link"
        assert file.read_bytes() == (tmp_path / "second.dat").read_bytes() == DATA


def test_who_fetches_what_the_store_has_by_then_gives_its_own_copy_up(tmp_path: Path) -> None:
    """Several installations fetched it at the same moment."""
    store = Store(tmp_path / "store")
    files = [placed(tmp_path / name) for name in ("one", "two", "three")]
    assert [store.add(file, DIGEST) for file in files] == ["hard link", "already there", "already there"]
    assert os.stat(store.path(DIGEST)).st_nlink == 4
    assert all(file.read_bytes() == DATA for file in files)


@posix
def test_a_name_in_the_store_that_is_a_link_gives_the_file_that_it_leads_to(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    real = placed(tmp_path / "store" / "elsewhere")
    name = store.path(DIGEST)
    name.parent.mkdir(parents=True)
    name.symlink_to(os.path.relpath(real, name.parent))
    target = tmp_path / "models" / "deep" / "a.dat"
    assert store.link(DIGEST, target) == "hard link"
    assert target.read_bytes() == DATA
    assert not target.is_symlink()


@posix
def test_a_name_in_the_store_that_leads_to_itself_makes_room(tmp_path: Path) -> None:
    store, file = Store(tmp_path / "store"), placed(tmp_path / "models")
    name = store.path(DIGEST)
    name.parent.mkdir(parents=True)
    name.symlink_to(name.name)
    assert store.add(file, DIGEST) == "hard link"
    assert name.read_bytes() == DATA
