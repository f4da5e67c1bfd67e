"""The inventory: sizes, duplicates, what is needed and what is broken; and that looking changes no model."""

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.model.problem import Problem
from comfyfixer.model.stock import Duplicate, FolderRow, ModelRow, PackRow, Stock, Volume
from comfyfixer.pipeline.inventory import take_stock
from comfyfixer.pipeline.session import Session
from comfyfixer.pipeline.twins import duplicates, likely_twins
from comfyfixer.pipeline.verify import verify
from comfyfixer.report.stock import lines
from comfyfixer.settings import load

LONG_AGO_NS = 1_700_000_000_000_000_000


def safetensors(size: int, fill: bytes = b"\0") -> bytes:
    header = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    return struct.pack("<Q", len(header)) + header + fill * size


class Place:
    """An installation, and a working folder to look at it from."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "ComfyUI"
        self.models = self.root / "models"
        self.flows = self.root / "user" / "default" / "workflows"
        self.flows.mkdir(parents=True)
        self.models.mkdir()
        self.settings = load({"comfyui_root": str(self.root)}, {}, folder / "work")
        self.told: list[str] = []

    def put(self, name: str, data: bytes) -> Path:
        path = self.models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
        return path

    def need(self, *loras: str) -> None:
        nodes = ",".join(
            f'"{number}":{{"class_type":"LoraLoader","inputs":{{"lora_name":"{name}"}}}}'
            for number, name in enumerate(loras)
        )
        (self.flows / "flow.json").write_text(f"{{{nodes}}}")

    def session(self) -> Session:
        def emit(action: str, **_details: Any) -> None:
            self.told.append(action)

        return Session(self.settings, emit, lambda: False)

    def stock(self, *, hashing: bool | None = None) -> Stock:
        return take_stock(self.session(), hashing=hashing)


def rows(stock: Stock) -> dict[str, ModelRow]:
    return {row.name: row for row in stock.models}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_with_two_names_takes_its_space_once_and_is_no_duplicate(place: Place) -> None:
    first = place.put("loras/a.safetensors", safetensors(1000))
    os.link(first, place.models / "loras" / "b.safetensors")
    stock = place.stock(hashing=True)
    assert (stock.files, stock.size_bytes) == (2, first.stat().st_size)
    assert [(row.files, row.size_bytes) for row in stock.folders if row.files] == [(2, stock.size_bytes)]
    assert sum(volume.models_bytes for volume in stock.volumes) == stock.size_bytes
    assert stock.duplicates == ()


def test_the_same_bytes_twice_are_a_duplicate_wherever_they_are(place: Place) -> None:
    place.put("loras/a.safetensors", safetensors(1000))
    place.put("checkpoints/b.safetensors", safetensors(1000))
    place.put("checkpoints/other.safetensors", safetensors(1000, b"\1"))
    stock = place.stock()
    (twins,) = stock.duplicates
    assert [os.path.basename(path) for path in twins.paths] == ["b.safetensors", "a.safetensors"]
    assert twins.spare_bytes == twins.size_bytes
    assert place.told.count("hash.started") == 2


def test_a_second_look_hashes_nothing(place: Place) -> None:
    place.put("loras/a.safetensors", safetensors(1000))
    place.put("checkpoints/b.safetensors", safetensors(1000))
    first = place.stock(hashing=True)
    place.told.clear()
    assert place.stock(hashing=True).duplicates == first.duplicates
    assert "hash.started" not in place.told


def test_other_kinds_of_hash_are_taken_when_they_are_asked_for(place: Place) -> None:
    place.put("loras/a.safetensors", safetensors(1000))
    place.put("loras/b.ckpt", b"abc")
    place.stock(hashing=True)
    kept = rows(take_stock(place.session(), hashing=True, also=("autov3", "crc32")))
    assert kept["a.safetensors"].hashes.keys() == {"sha256", "autov3", "crc32"}
    assert kept["b.ckpt"].hashes["crc32"] == "352441c2"
    assert rows(place.stock(hashing=False)) == kept


def test_without_hashing_nothing_is_read_whole_and_that_is_said(place: Place) -> None:
    place.put("loras/a.safetensors", safetensors(1000))
    place.put("checkpoints/b.safetensors", safetensors(1000))
    stock = place.stock(hashing=False)
    assert (stock.duplicates, stock.duplicates_complete) == ((), False)
    assert "hash.started" not in place.told
    assert any("only looked for among" in line for line in lines(stock, ()))


def test_what_a_workflow_names_in_any_spelling_counts_as_needed(place: Place) -> None:
    for name in ("loras/Sub/Wanted.safetensors", "checkpoints/misplaced.safetensors", "loras/spare.safetensors"):
        place.put(name, safetensors(10))
    place.need("other\\\\wanted.safetensors", "misplaced.safetensors")
    stock = place.stock()
    assert stock.workflows == 1
    assert {os.path.basename(name): row.needed for name, row in rows(stock).items()} == {
        "Wanted.safetensors": True,
        "misplaced.safetensors": True,
        "spare.safetensors": False,
    }
    assert stock.unneeded_bytes == len(safetensors(10))


def test_without_a_workflow_nothing_is_called_unneeded(place: Place) -> None:
    place.put("loras/a.safetensors", safetensors(10))
    stock = place.stock()
    assert rows(stock)["a.safetensors"].needed is None
    assert stock.unneeded_bytes == 0
    assert any("no workflow was read" in line for line in lines(stock, ()))


def test_broken_files_are_told_with_what_they_are(place: Place) -> None:
    place.put("loras/empty.safetensors", b"")
    place.put("loras/cut.safetensors", safetensors(1000)[:-500])
    place.put("loras/whole.safetensors", safetensors(1000))
    place.put("loras/pointer.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    stock = place.stock()
    assert {name: row.fault_code for name, row in rows(stock).items()} == {
        "empty.safetensors": "empty",
        "cut.safetensors": "truncated",
        "whole.safetensors": None,
        "pointer.safetensors": "lfs-pointer",
    }


def test_looking_changes_no_model_and_keeps_no_run(place: Place) -> None:
    path = place.put("loras/a.safetensors", safetensors(10))
    before = path.stat()
    place.stock(hashing=True)
    after = path.stat()
    assert (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns)
    workdir = place.session().workdir
    assert not workdir.run_record.exists()
    assert not workdir.status.exists()


def test_what_is_hashed_is_recorded_and_a_change_is_told_by_the_next_look(place: Place) -> None:
    place.put("loras/a.safetensors", safetensors(10))
    place.stock(hashing=True)
    path = place.put("loras/a.safetensors", safetensors(10, b"x"))
    os.utime(path, ns=(LONG_AGO_NS + 1, LONG_AGO_NS + 1))
    session = place.session()
    take_stock(session, hashing=True)
    assert [problem.code for problem in session.problems] == ["file-changed"]
    (row,) = verify(place.session(), ()).files
    assert (row.state, row.recorded_by) == ("changed", "inventory")


def test_files_of_one_size_are_sampled_before_they_are_read_whole(tmp_path: Path) -> None:
    sized = {}
    for number, (name, place) in enumerate((("a", 0), ("b", 0), ("c", 150_000), ("d", 299_999))):
        data = bytearray(300_000)
        data[place] = 7
        path = tmp_path / name
        path.write_bytes(data)
        sized[str(path)] = ((1, number), len(data))
    assert likely_twins(sized) == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert duplicates(sized, {path: {"sha256": path} for path in sized}) == ()


def test_the_page_fits_a_terminal_however_much_there_is() -> None:
    name = "a" * 150 + "\u202e\n.safetensors"
    models = tuple(
        ModelRow(
            folder="loras",
            name=f"{n}{name}",
            path=f"/c/models/loras/{n}{name}",
            size_bytes=n,
            needed=False,
            fault="0 bytes",
        )
        for n in range(3000)
    )
    stock = Stock(
        installation="/c",
        found_by="as configured",
        files=100_000,
        size_bytes=10**14,
        folders=tuple(
            FolderRow(name=f"{n}" * 40, files=9, size_bytes=n, roots=("/mnt/" + "x" * 99,)) for n in range(50)
        ),
        volumes=(Volume(path="/" + "m" * 99, models_bytes=1, free_bytes=2, total_bytes=3),),
        packs=tuple(
            PackRow(name=f"pack {n}" * 9, id=None, version="1" * 40, enabled=n % 2 == 0, node_types=n, complete=False)
            for n in range(60)
        ),
        workflows=7,
        unneeded_bytes=10**13,
        duplicates=tuple(
            Duplicate(
                sha256=f"{n}", size_bytes=n, spare_bytes=n, paths=tuple(f"/c/models/{i}{name}" for i in range(40))
            )
            for n in range(30)
        ),
        duplicates_complete=True,
        models=models,
    )
    problem = Problem(code="folder-unreadable", message="It can't be listed " * 9, where="/c")
    told = list(lines(stock, [problem] * 30))
    assert max(map(len, told)) <= 80
    assert len(told) < 250
    assert all(line.isprintable() for line in told)
    assert "  ... and 2,990 more; `--json` has all" in told
