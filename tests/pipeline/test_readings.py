"""The cache of readings: quick when nothing changed, never wrong when something did."""

import os
from pathlib import Path

import msgspec
import pytest

from comfyfixer.model.reference import LoaderInput, Workflow
from comfyfixer.pipeline.reading import RememberingReader
from comfyfixer.pipeline.readings import Readings, reader_version, stamp

NODE = '{"1": {"class_type": "LoraLoader", "inputs": {"lora_name": "%s.safetensors"}}}'
LONG_AGO_NS = 1_700_000_000_000_000_000


def write(path: Path, name: str) -> None:
    """A prompt that was written long ago, as far as its time stamp tells."""
    path.write_text(NODE % name, "utf-8")
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))


def names(workflow: Workflow | None) -> list[str]:
    assert workflow is not None
    return [reference.filename for reference in workflow.models]


def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had been changed long ago: a test can't set the time of an entry's own change."""
    monkeypatch.setattr("comfyfixer.pipeline.readings._SETTLED_NS", -(10**15))


def scanned(cache: Path, *files: Path) -> list[list[str]]:
    reader = RememberingReader(cache, {})
    found = [names(reader.read(str(file))) for file in files]
    reader.save()
    return found


def test_an_unchanged_file_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "a.json", tmp_path / "c"
    write(file, "a")
    assert scanned(cache, file) == [["a.safetensors"]]

    def never(*_arguments: object) -> bytes:
        raise AssertionError("an unchanged file was opened")

    monkeypatch.setattr("comfyfixer.pipeline.reading._bytes_of", never)
    assert scanned(cache, file) == [["a.safetensors"]]


def test_a_changed_file_of_the_same_size_and_time_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "a.json", tmp_path / "c"
    write(file, "a")
    scanned(cache, file)
    write(file, "b")
    assert scanned(cache, file) == [["b.safetensors"]]


def test_a_replaced_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, other, cache = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c"
    write(file, "a")
    write(other, "b")
    scanned(cache, file)
    other.replace(file)
    assert scanned(cache, file) == [["b.safetensors"]]


def test_a_file_changed_just_now_is_not_trusted_yet(tmp_path: Path) -> None:
    file, cache = tmp_path / "a.json", tmp_path / "c"
    file.write_text(NODE % "a", "utf-8")
    scanned(cache, file)
    assert Readings(cache, reader_version({})).known(str(file)) == (False, None)


def test_a_file_that_is_no_workflow_is_remembered_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "package.json", tmp_path / "c"
    file.write_text('{"name": "x"}', "utf-8")
    reader = RememberingReader(cache, {})
    assert reader.read(str(file)) is None
    reader.save()
    assert Readings(cache, reader_version({})).known(str(file)) == (True, None)


def test_a_failure_is_tried_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "a.json", tmp_path / "c"
    file.write_bytes(b"{")
    reader = RememberingReader(cache, {})
    workflow = reader.read(str(file))
    assert workflow is not None
    assert not workflow.ok
    reader.save()
    assert Readings(cache, reader_version({})).known(str(file)) == (False, None)


def test_another_reader_trusts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "a.json", tmp_path / "c"
    write(file, "a")
    scanned(cache, file)
    inputs = {"Loader": {"file": LoaderInput(folders=("loras",))}}
    assert reader_version(inputs) != reader_version({})
    assert Readings(cache, reader_version(inputs)).known(str(file)) == (False, None)


@pytest.mark.parametrize("damage", [b"", b"\x00", b"{}", b"\xff" * 100])
def test_a_damaged_cache_is_no_cache(tmp_path: Path, damage: bytes) -> None:
    file, cache = tmp_path / "a.json", tmp_path / "c"
    write(file, "a")
    cache.write_bytes(damage)
    assert scanned(cache, file) == [["a.safetensors"]]


def test_what_is_remembered_is_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "a.json", tmp_path / "c"
    write(file, "sub\\\\\u6a21")
    reader = RememberingReader(cache, {})
    first = reader.read(str(file))
    reader.save()
    known, again = Readings(cache, reader_version({})).known(str(file))
    assert known
    assert msgspec.to_builtins(again) == msgspec.to_builtins(first)
    assert stamp(str(file)) is not None
