"""The cache of readings: quick when nothing changed, never wrong when something did."""

import multiprocessing
import os
from pathlib import Path

import msgspec
import pytest

from comfyfixer.model.library import Library
from comfyfixer.model.reference import LoaderInput, Workflow
from comfyfixer.pipeline.reading.cache import Readings, reader_version
from comfyfixer.pipeline.reading.file import Reader
from comfyfixer.pipeline.reading.many import read_many, read_together
from comfyfixer.resolve.gathering import gathered
from comfyfixer.scan.knowledge import builtin_knowledge

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
    monkeypatch.setattr("comfyfixer.pipeline.reading.cache._SETTLED_NS", -(10**15))


def scanned(cache: Path, *files: Path) -> list[list[str]]:
    return [names(workflow) for workflow in read_many([str(file) for file in files], {}, cache)]


def known(cache: Path, file: Path) -> bool:
    return Readings(cache, reader_version({})).recall(str(file))


def test_an_unchanged_file_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "a.json", tmp_path / "c"
    write(file, "a")
    assert scanned(cache, file) == [["a.safetensors"]]

    def never(*_arguments: object) -> bytes:
        raise AssertionError("an unchanged file was opened")

    monkeypatch.setattr("comfyfixer.pipeline.reading.file._bytes_of", never)
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
    assert not known(cache, file)


def test_a_file_that_is_no_workflow_is_remembered_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "package.json", tmp_path / "c"
    file.write_text('{"name": "x"}', "utf-8")
    assert list(read_many([str(file)], {}, cache)) == [None]
    assert known(cache, file)
    assert list(read_many([str(file)], {}, cache)) == [None]


def test_a_failure_is_tried_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "a.json", tmp_path / "c"
    file.write_bytes(b"{")
    [workflow] = read_many([str(file)], {}, cache)
    assert workflow is not None
    assert not workflow.ok
    assert not known(cache, file)


def test_another_reader_trusts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    file, cache = tmp_path / "a.json", tmp_path / "c"
    write(file, "a")
    scanned(cache, file)
    inputs = {"Loader": {"file": LoaderInput(folders=("loras",))}}
    assert reader_version(inputs) != reader_version({})
    assert not Readings(cache, reader_version(inputs)).recall(str(file))


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
    [first] = read_many([str(file)], {}, cache)
    assert known(cache, file)
    [again] = read_many([str(file)], {}, cache)
    assert msgspec.to_builtins(again) == msgspec.to_builtins(first)


def test_some_remembered_and_some_changed_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch)
    cache, files = tmp_path / "c", [tmp_path / f"{name}.json" for name in "abcdef"]
    for file in files:
        write(file, file.stem)
    scanned(cache, *files[1::2])
    write(files[3], "changed")
    files.insert(2, tmp_path / "gone.json")

    found = list(read_many([str(file) for file in files], {}, cache))

    assert [bool(workflow and workflow.ok) for workflow in found] == [True, True, False, True, True, True, True]
    names_found = [names(workflow)[0] for workflow in found if workflow and workflow.ok]
    assert names_found == [f"{name}.safetensors" for name in ("a", "b", "c", "changed", "e", "f")]


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """So many files that they are read by two processes, whatever this machine has."""
    settled(monkeypatch)
    monkeypatch.setattr("comfyfixer.pipeline.reading.many.FEWEST", 10)
    monkeypatch.setattr("comfyfixer.pipeline.reading.many._CHUNK", 3)
    monkeypatch.setattr("comfyfixer.pipeline.reading.many.processes", lambda: 2)
    files = [tmp_path / f"{number:02}.json" for number in range(25)]
    for file in files:
        write(file, file.stem)
    files[7].write_bytes(b"{")
    files[9].write_text("{}", "utf-8")
    return [str(file) for file in files]


def test_processes_read_the_same_in_the_same_order(many: list[str], tmp_path: Path) -> None:
    inputs = {"LoraLoader": {"lora_name": LoaderInput(folders=("loras",))}}
    alone = [Reader(builtin_knowledge()).read(path) for path in many]

    first = list(read_many(many, inputs, tmp_path / "c"))
    again = list(read_many(many, inputs, tmp_path / "c"))

    assert msgspec.to_builtins(first) == msgspec.to_builtins(alone) == msgspec.to_builtins(again)


def test_processes_that_can_t_be_started_cost_nothing_but_time(
    many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise PermissionError("no more processes")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", refused)

    assert [workflow and workflow.ok for workflow in read_many(many, {})].count(True) == 23


def test_a_process_that_dies_leaves_its_files_to_this_one(many: list[str]) -> None:
    reading = read_many(many, {})
    first = next(reading)
    for process in multiprocessing.active_children():
        process.kill()

    found = [first, *reading]

    assert [names(workflow)[0] for workflow in found if workflow and workflow.ok] == [
        f"{number:02}.safetensors" for number in range(25) if number not in (7, 9)
    ]


def test_reading_that_is_given_up_ends_its_processes(many: list[str]) -> None:
    reading = read_many(many, {})
    assert next(reading) is not None

    reading.close()

    assert multiprocessing.active_children() == []


def together(cache: Path, *files: Path) -> Library:
    """What the files need together, as a scan asks for it."""
    return read_together([str(file) for file in files], {}, cache, lambda _number, _workflow: None)


def names_of(library: Library) -> list[str]:
    return [file.row.filename for file in library.files]


@pytest.fixture
def read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two workflows and another file, read by an earlier scan; a further look at one's own row would fail."""
    settled(monkeypatch)
    files = [tmp_path / f"{name}.json" for name in ("a", "b", "package")]
    for file in files:
        write(file, file.stem)
    files[2].write_text("{}", "utf-8")
    together(tmp_path / "c", *files)
    return files


def test_what_unchanged_files_need_together_is_remembered(
    read_once: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = gathered(workflow for path in read_once if (workflow := Reader(builtin_knowledge()).read(str(path))))

    def never(*_arguments: object) -> None:
        raise AssertionError("a row of an unchanged library was decoded")

    monkeypatch.setattr(Readings, "recalled", never)

    again = together(tmp_path / "c", *read_once)

    assert again == fresh
    assert len(again.workflows) == 2


def test_a_changed_a_new_and_a_lost_file_change_what_is_needed_together(read_once: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "c"
    write(read_once[1], "changed")
    assert names_of(together(cache, *read_once)) == ["a.safetensors", "changed.safetensors"]
    assert names_of(together(cache, read_once[1])) == ["changed.safetensors"]
    assert names_of(together(cache, *read_once[:2])) == ["a.safetensors", "changed.safetensors"]
    read_once[0].unlink()
    assert [row.ok for row in together(cache, *read_once[:2]).workflows] == [False, True]
    assert [row.ok for row in together(cache, *read_once[:2]).workflows] == [False, True]
    write(read_once[0], "back")
    assert names_of(together(cache, *read_once[:2])) == ["back.safetensors", "changed.safetensors"]


def test_files_that_are_read_one_by_one_leave_nothing_wrong_for_the_next_scan(
    read_once: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / "c"
    write(read_once[1], "changed")
    scanned(cache, *read_once[:2])
    assert names_of(together(cache, *read_once[:2])) == ["a.safetensors", "changed.safetensors"]
    scanned(cache, *read_once[:2])
    assert names_of(together(cache, *read_once[:2])) == ["a.safetensors", "changed.safetensors"]


def test_the_progress_of_remembered_files_is_told_at_their_end(read_once: list[Path], tmp_path: Path) -> None:
    told: list[tuple[int, bool]] = []

    def each(number: int, workflow: Workflow | None) -> None:
        told.append((number, workflow is not None))

    paths = [str(file) for file in read_once]
    read_together(paths, {}, tmp_path / "other", each)
    assert told == [(1, True), (2, True), (3, False)]
    told.clear()
    read_together(paths, {}, tmp_path / "other", each)
    assert told == [(3, False)]


def test_files_that_are_read_one_by_one_leave_what_is_known_of_all(read_once: list[Path], tmp_path: Path) -> None:
    paths = [str(file) for file in read_once]
    before = (tmp_path / "c").read_bytes()
    list(read_many(paths, {}, tmp_path / "c"))
    assert (tmp_path / "c").read_bytes() == before
    assert Readings(tmp_path / "c", reader_version({})).library(paths) is not None
