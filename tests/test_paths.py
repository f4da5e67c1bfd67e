"""The one function that turns a foreign name into a path."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.errors import UnsafeName
from comfyfixer.paths import inside, openable, printable

ROOT = Path("/models/loras")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.safetensors", ("a.safetensors",)),
        ("SDXL/a.safetensors", ("SDXL", "a.safetensors")),
        ("SDXL\\styles\\a.safetensors", ("SDXL", "styles", "a.safetensors")),
        ("模型 v1.safetensors", ("模型 v1.safetensors",)),
        (".hidden", (".hidden",)),
        ("console.safetensors", ("console.safetensors",)),
    ],
)
def test_a_plain_name_keeps_its_sub_folders(name: str, parts: tuple[str, ...]) -> None:
    assert inside(ROOT, name) == ROOT.joinpath(*parts)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../a", "a/../../b", "a//b", "a/", "/etc/passwd", "\\windows", "C:\\a", "c:a",
        "\\\\host\\share\\a", "a\x00b", "a\nb", "a\u202eb", "CON", "con.safetensors", "sub/NUL", "lpt1.txt",
        "com\u00b9", "a:stream", "a?", "a*b", 'a"b', "a<b", "a|b", "a ", " a", "a.", "a./b", "x" * 300, "\u00e9" * 200,
        "/".join("abcdefghijklmnopqrst"), "\ud800",
    ],
)  # fmt: skip
def test_a_name_that_is_unsafe_anywhere_is_refused_everywhere(name: str) -> None:
    with pytest.raises(UnsafeName) as caught:
        inside(ROOT, name)
    assert caught.value.code == "unsafe-name"
    assert caught.value.message.isprintable()


@given(st.text(max_size=60) | st.lists(st.sampled_from(["..", ".", "a", "CON", " ", "/", "\\", "C:"])).map("".join))
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    try:
        path = inside(ROOT, name)
    except UnsafeName:
        return
    assert path.is_relative_to(ROOT)
    assert path != ROOT
    assert ".." not in path.parts


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
@pytest.mark.parametrize("name", [b"caf\xe9.pt", b"plain.pt", b"a\\xe9.pt", "é\\x41.pt".encode()])
def test_what_is_shown_of_a_path_can_be_opened_again(tmp_path: Path, name: bytes) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    try:
        Path(path).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    assert openable(printable(path)) == path
