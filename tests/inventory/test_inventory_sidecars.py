"""Metadata files where a missing model belongs."""

import os
import sys
from pathlib import Path

import pytest

from comfyfixer.inventory.sidecars import sidecars_beside

A = "a" * 64


def names(root: Path, value: str) -> list[str]:
    return [one.name for one in sidecars_beside([str(root)], value)]


def test_they_are_found_beside_the_place_in_each_root(tmp_path: Path) -> None:
    for root, name in (("one", "rain.sha256"), ("two", "rain.safetensors.sha256")):
        (tmp_path / root / "sub").mkdir(parents=True)
        (tmp_path / root / "sub" / name).write_text(A, "utf-8")
    found = sidecars_beside(
        [str(tmp_path / "one"), str(tmp_path / "gone"), str(tmp_path / "two")], "sub/rain.safetensors"
    )
    assert [(one.name, one.hashes) for one in found] == [
        ("rain.sha256", {"sha256": A}),
        ("rain.safetensors.sha256", {"sha256": A}),
    ]
    assert names(tmp_path / "one", "rain.safetensors") == []


@pytest.mark.parametrize(
    "value", ["../rain.safetensors", "/rain.safetensors", "C:\\rain.safetensors", "a/\0.safetensors"]
)
def test_a_name_that_leads_out_of_the_root_reads_nothing(tmp_path: Path, value: str) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "rain.sha256").write_text(A, "utf-8")
    assert names(tmp_path / "root", value) == []


def test_a_huge_file_and_a_folder_tell_nothing(tmp_path: Path) -> None:
    (tmp_path / "rain.cm-info.json").mkdir()
    with (tmp_path / "rain.metadata.json").open("wb") as file:
        file.write(f'{{"sha256": "{A}"}}'.encode())
        file.seek(5 << 20)
        file.write(b" ")
    (tmp_path / "rain.sha256").write_bytes(A.encode() + b"\n" * (4 << 20))
    assert names(tmp_path, "rain.safetensors") == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_out_of_the_root_and_a_pipe_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_text(A, "utf-8")
    (tmp_path / "root" / "rain.sha256").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "root" / "rain.metadata.json")
    assert names(tmp_path / "root", "rain.safetensors") == []
