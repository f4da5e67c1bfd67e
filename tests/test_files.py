"""Files appear whole or not at all."""

import os
import threading
from pathlib import Path

import pytest

from comfyfixer.errors import UsageError
from comfyfixer.files import as_listed, listed_as, write_if_changed, write_whole


def test_the_folder_is_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.json"
    write_whole(target, b"{}")
    assert target.read_bytes() == b"{}"
    assert os.listdir(target.parent) == ["a.json"]


def test_a_reader_sees_the_old_or_the_new_file_never_a_part(tmp_path: Path) -> None:
    target = tmp_path / "a"
    contents = {bytes([65 + number]) * 50_000 for number in range(8)}
    write_whole(target, b"A" * 50_000)
    seen: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for content in sorted(contents) * 5:
        write_whole(target, content, durable=False)
    done.set()
    reader.join()
    assert set(seen) <= contents


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a"
    write_whole(target, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError) as caught:
        write_whole(target, b"new")
    assert caught.value.code == "workdir-unwritable"
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        write_whole(tmp_path / "file" / "a", b"")
    assert caught.value.code == "workdir-unwritable"


@pytest.mark.parametrize(
    ("asked", "listed"),
    [("model.pt", "Model.pt"), ("MODEL.PT", "Model.pt"), ("cafe\u0301.pt", "caf\u00e9.pt"), ("other.pt", "other.pt")],
)
def test_a_name_is_spelled_as_the_disk_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, listed: str
) -> None:
    """On a disk for which both spellings are one name."""
    for name in ("Model.pt", "caf\u00e9.pt"):
        (tmp_path / "Sub" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "Sub" / name).touch()
    monkeypatch.setattr(os.path, "lexists", lambda path: True)
    assert listed_as(tmp_path / "Sub" / asked) == listed
    monkeypatch.setattr(os, "listdir", lambda path: ["Sub"] if Path(path) == tmp_path else ["Model.pt", "caf\u00e9.pt"])
    assert as_listed(tmp_path / "sub" / asked, tmp_path) == tmp_path / "Sub" / listed


def test_a_name_that_nothing_has_and_a_folder_that_is_not_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "Model.pt").touch()
    assert listed_as(tmp_path / "x.pt") == "x.pt"
    assert as_listed(tmp_path / "sub" / "x.pt", tmp_path) == tmp_path / "sub" / "x.pt"


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a"
    write_if_changed(target, b"one")
    before = target.stat()
    write_if_changed(target, b"one")
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    for other in (b"two", b"more", b""):
        write_if_changed(target, other)
        assert target.read_bytes() == other
