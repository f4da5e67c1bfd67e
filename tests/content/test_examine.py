"""Broken files are found by a few reads, whole ones pass, and no bytes can do more than be told."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyfixer.content.examine import examine, examine_bytes
from comfyfixer.content.folders import described
from tests.content.files import LEGACY, gguf, safetensors, saved, with_header

WEIGHTS = safetensors({"a.lora_up.weight": [4, 2], "a.lora_down.weight": [2, 4]})
GGUF = gguf({"general.architecture": "flux"}, {"img_in.weight": (64, 2)})
SAVED = saved()
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def _put(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.safetensors", WEIGHTS),
        ("x.sft", safetensors({})),
        ("x.gguf", GGUF),
        ("x.gguf", GGUF + bytes(100)),
        ("x.ckpt", SAVED),
        ("x.pt", LEGACY),
        ("x.pth", bytes(257) + b"ustar" + bytes(300)),
        ("x.bin", b"\x00" * 64),
        ("x.onnx", b"\x08\x07\x12\x07pytorch"),
        ("x.json", b'{"a": 1}'),
        ("x.zip", saved(other=b"1")),
        ("x", b"\x01\x02"),
    ],
)
def test_a_whole_file_has_no_fault(tmp_path: Path, name: str, data: bytes) -> None:
    assert examine(_put(tmp_path, name, data)).fault is None


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("x.safetensors", b"", "empty"),
        ("x.onnx", b"", "empty"),
        ("x.safetensors", POINTER, "lfs-pointer"),
        ("x.gguf", POINTER, "lfs-pointer"),
        ("x.safetensors", b"\n<!DOCTYPE html><html>", "web-page"),
        ("x.ckpt", b"\xef\xbb\xbf<html><body>", "web-page"),
        ("x.pt", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "web-page"),
        ("x.safetensors", b'{"error":"Access to model x is restricted"}', "json-text"),
        ("x.safetensors", WEIGHTS[:-1], "truncated"),
        ("x.safetensors", WEIGHTS[:40], "truncated"),
        ("x.safetensors", WEIGHTS[:5], "unreadable"),
        ("x.safetensors", WEIGHTS + b"x", "unreadable"),
        ("x.safetensors", bytes(4096), "unreadable"),
        ("x.safetensors", SAVED, "unreadable"),
        ("x.safetensors", b"only a text", "unreadable"),
        ("x.gguf", GGUF[:-1], "truncated"),
        ("x.gguf", GGUF[:30], "truncated"),
        ("x.gguf", b"GGML" + GGUF[4:], "unreadable"),
        ("x.gguf", b"GGUF\x09\x00\x00\x00" + GGUF[8:], "unreadable"),
        ("x.ckpt", SAVED[:-30], "truncated"),
        ("x.pth", SAVED[: len(SAVED) // 2], "truncated"),
        ("x.pt", WEIGHTS, "unreadable"),
        ("x.ckpt", bytes(4096), "unreadable"),
        ("x.pt", b"\x80\x63abc", "unreadable"),
        ("x.zip", b"Rar!\x1a\x07\x00", "unreadable"),
        ("x.crdownload", WEIGHTS, "left-over"),
    ],
)
def test_a_broken_file_is_told_by_what_is_wrong(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    content = examine(_put(tmp_path, name, data))
    assert content.fault_code == code
    assert content.fault


def test_an_archive_of_something_else_holds_no_weights(tmp_path: Path) -> None:
    other = SAVED.replace(b"data.pkl", b"data.txt")
    assert "without weights" in str(examine(_put(tmp_path, "x.pt", other)).fault)
    assert examine(_put(tmp_path, "x.zip", other)).fault is None


def test_a_truncated_file_tells_how_much_is_missing(tmp_path: Path) -> None:
    content = examine(_put(tmp_path, "x.safetensors", WEIGHTS[:-5]))
    assert content.fault == "its header describes 32 bytes of tensors, and 27 are there"
    assert described(content) == "a LoRA"


@pytest.mark.parametrize(
    ("offsets", "shape", "data"),
    [
        ([(0, 4), (2, 6)], 2, 6),
        ([(0, 4), (6, 10)], 2, 10),
        ([(2, 6)], 2, 6),
        ([(4, 0)], 2, 4),
        ([(0, 4)], 3, 4),
        ([(0, 4), (0, 4)], 2, 4),
    ],
    ids=["overlap", "gap", "late start", "backwards", "other shape", "twice"],
)
def test_tensors_that_do_not_fill_their_room_are_refused(
    tmp_path: Path, offsets: list[tuple[int, int]], shape: int, data: int
) -> None:
    table = {str(n): {"dtype": "F16", "shape": [shape], "data_offsets": places} for n, places in enumerate(offsets)}
    content = examine(_put(tmp_path, "x.safetensors", with_header(table, bytes(data))))
    assert content.fault
    assert content.fault_code in ("unreadable", "truncated")


@pytest.mark.parametrize("dtype", ["F8_E4M3", "BF16", "F4", "I64", "BOOL"])
def test_every_type_has_its_width(tmp_path: Path, dtype: str) -> None:
    bits = {"F8_E4M3": 8, "BF16": 16, "F4": 4, "I64": 64, "BOOL": 8}[dtype]
    table = {"a": {"dtype": dtype, "shape": [4, 2], "data_offsets": [0, bits]}}
    assert examine(_put(tmp_path, "x.safetensors", with_header(table, bytes(bits)))).fault is None


def test_a_type_that_is_not_known_yet_may_be_of_any_length(tmp_path: Path) -> None:
    table = {"a": {"dtype": "F2_NEW", "shape": [4, 2], "data_offsets": [0, 3]}}
    assert examine(_put(tmp_path, "x.safetensors", with_header(table, bytes(3)))).fault is None


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b'{"a": 1}',
        b'{"a": {"dtype": "F16", "shape": [1]}}',
        b'{"a": {"dtype": "F16", "shape": [-1], "data_offsets": [0, 0]}}',
        b'{"a": {"dtype": "F16", "shape": [99999999999999999999], "data_offsets": [0, 0]}}',
        b'{"__metadata__": 7}',
        b'{"\xff": {}}',
        b'{"a":' * 100_000,
        b"{" + b"[" * 100_000,
        b' {"a": {}}',
    ],
)
def test_a_hostile_header_is_a_fault_and_nothing_more(tmp_path: Path, header: bytes) -> None:
    data = struct.pack("<Q", len(header)) + header
    assert examine(_put(tmp_path, "x.safetensors", data)).fault_code == "unreadable"


def test_metadata_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    table = {"__metadata__": {"format": "pt", "deep": {"a": [1]}}}
    assert examine(_put(tmp_path, "x.safetensors", with_header(table))).fault is None


def test_only_the_beginning_of_a_large_file_is_read(tmp_path: Path) -> None:
    table = {"a": {"dtype": "U8", "shape": [1 << 34], "data_offsets": [0, 1 << 34]}}
    path = Path(_put(tmp_path, "x.safetensors", with_header(table)))
    with path.open("ab") as file:
        try:
            file.truncate(path.stat().st_size + (1 << 34))
        except OSError:
            pytest.skip("no holes in files here")
    assert examine(str(path)).fault is None


# --- what other programs left ---


@pytest.mark.parametrize(
    ("ending", "data", "code"),
    [
        (".aria2", WEIGHTS, "left-over"),
        (".part", b"", "left-over"),
        (".crdownload", WEIGHTS[:-1], "left-over"),
        (".part", WEIGHTS, None),
        (".crdownload", WEIGHTS, None),
        (".txt", WEIGHTS, None),
    ],
)
def test_a_left_over_beside_a_file_speaks_of_it_unless_the_file_is_whole(
    tmp_path: Path, ending: str, data: bytes, code: str | None
) -> None:
    path = _put(tmp_path, "x.safetensors", data)
    _put(tmp_path, f"x.safetensors{ending}", b"?")
    assert examine(path).fault_code == code


def test_our_own_part_is_no_left_over(tmp_path: Path) -> None:
    path = _put(tmp_path, "x.safetensors", WEIGHTS)
    _put(tmp_path, ".x.safetensors.comfyfixer.part", b"half")
    assert examine(path).fault is None


def test_what_is_no_file_or_not_there_is_not_judged(tmp_path: Path) -> None:
    assert examine(str(tmp_path)).fault is None
    assert examine(str(tmp_path / "nothing.safetensors")).fault is None
    assert examine("bad\0name.safetensors").fault is None


def test_a_link_that_leads_nowhere_can_be_loaded_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").symlink_to("nowhere")
    assert examine(str(tmp_path / "x.safetensors")).fault == "a link that leads nowhere"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read everything")
def test_a_file_that_may_not_be_read_is_not_judged(tmp_path: Path) -> None:
    path = Path(_put(tmp_path, "x.safetensors", b""))
    path.chmod(0)
    assert examine(str(path)).fault is None


# --- hostile bytes ---


def _mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """A real file with a piece replaced, cut out or put in."""

    def change(place: int, length: int, piece: bytes) -> bytes:
        start = place % (len(data) + 1)
        return data[:start] + piece + data[start + length :]

    return st.builds(change, st.integers(0, 5000), st.integers(0, 12), st.binary(max_size=12))


ANY_FILE = st.one_of(
    st.tuples(st.just("x.safetensors"), _mutated(WEIGHTS)),
    st.tuples(st.just("x.gguf"), _mutated(GGUF)),
    st.tuples(st.just("x.pt"), _mutated(SAVED)),
    st.tuples(st.sampled_from(["x.safetensors", "x.gguf", "x.ckpt", "x.bin", "x.zip", "x"]), st.binary(max_size=300)),
)


@settings(max_examples=300)
@given(ANY_FILE)
def test_any_bytes_are_judged_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, named: tuple[str, bytes]
) -> None:
    name, data = named
    content = examine_bytes(_put(tmp_path_factory.getbasetemp(), name, data))
    assert (content.fault is None) == (content.fault_code is None)
    assert content.fault is None or len(content.fault) < 200


@settings(max_examples=200)
@given(st.integers(0, 2000))
def test_a_file_cut_anywhere_is_never_whole(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name, data in (("cut.safetensors", WEIGHTS), ("cut.gguf", GGUF), ("cut.pt", SAVED)):
        assert examine_bytes(_put(folder, name, data[: cut % len(data)])).fault


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5), st.integers(0, 60))
def test_a_table_passes_only_where_it_tiles_the_data(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]], length: int
) -> None:
    table = {
        str(number): {"dtype": "U8", "shape": [max(0, end - start)], "data_offsets": [start, end]}
        for number, (start, end) in enumerate(places)
    }
    content = examine_bytes(_put(tmp_path_factory.getbasetemp(), "t.safetensors", with_header(table, bytes(length))))
    tiled = sorted(places)
    starts = [0, *(end for _, end in tiled)]
    whole = all(start == expected <= end for (start, end), expected in zip(tiled, starts, strict=False))
    assert (content.fault is None) == (whole and starts[-1] == length)


LIES: dict[str, Callable[[], bytes]] = {
    "tensors": lambda: b"GGUF" + struct.pack("<IQQ", 3, 1 << 62, 0),
    "entries": lambda: b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 62),
    "a name": lambda: b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 62),
    "a text": lambda: b"GGUF" + struct.pack("<IQQQ1sIQ", 3, 0, 1, 1, b"a", 8, 1 << 50),
    "a list": lambda: b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"a", 9, 8, 1 << 50),
    "lists in lists": lambda: b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"a", 9) + struct.pack("<IQ", 9, 1) * 9999,
    "an unknown type": lambda: b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"a", 99),
    "sides": lambda: b"GGUF" + struct.pack("<IQQQ1sI", 3, 1, 0, 1, b"a", 1 << 30) + bytes(64),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_gguf_header_that_lies_about_lengths_costs_nothing(tmp_path: Path, lie: str) -> None:
    assert examine(_put(tmp_path, "x.gguf", LIES[lie]() + bytes(200))).fault


def test_a_directory_that_is_said_to_lie_elsewhere_is_not_followed(tmp_path: Path) -> None:
    end = SAVED.rfind(b"PK\x05\x06")
    far = SAVED[: end + 12] + struct.pack("<II", 1 << 30, 1 << 31) + SAVED[end + 20 :]
    large = SAVED[: end + 12] + b"\xff" * 8 + SAVED[end + 20 :]
    assert examine(_put(tmp_path, "x.pt", far)).fault_code == "truncated"
    assert examine(_put(tmp_path, "x.pt", large)).fault_code == "unreadable"


def test_a_large_archive_is_found_by_its_larger_record(tmp_path: Path) -> None:
    end = SAVED.rfind(b"PK\x05\x06")
    length, offset = struct.unpack("<II", SAVED[end + 12 : end + 20])
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, length, offset)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    data = SAVED[:end] + record + locator + SAVED[end : end + 12] + b"\xff" * 8 + SAVED[end + 20 :]
    assert examine(_put(tmp_path, "x.pt", data)).fault is None


def test_more_tensors_than_any_real_file_has_are_not_judged(tmp_path: Path) -> None:
    table = {f"a{number}.lora_up": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for number in range(120_000)}
    assert examine(_put(tmp_path, "x.safetensors", with_header(table))).kind is None


def test_names_of_any_length_are_no_trap(tmp_path: Path) -> None:
    table = {".lora_A" * 200_000: {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}
    data = with_header(json.loads(json.dumps(table)))
    assert examine(_put(tmp_path, "x.safetensors", data)).kind is None
