"""The one function that turns a foreign name into a path."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.errors import UnsafeName
from comfyfixer.paths import inside, limited, openable, printable, unlimited, with_room

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
        "com\u00b9", "LPT\u00b3.pt", "nul .safetensors", "CONIN$", "aux.tar.gz", "sub\\prn\\a",
        "a:stream", "a?", "a*b", 'a"b', "a<b", "a|b", "a ", " a", "a.", "a./b", "x" * 300, "\u00e9" * 200,
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


# --- Windows' short paths, on every system ----------------------------------------------------------------------------

LONG = "\\".join(["models", *["a folder of thirty-one letters x"] * 8, "x.safetensors"])


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (rf"C:\{LONG}", rf"\\?\C:\{LONG}"),
        (rf"\\server\share\{LONG}", rf"\\?\UNC\server\share\{LONG}"),
        (f"C:/{LONG}".replace("\\", "/"), rf"\\?\C:\{LONG}"),
        (rf"C:\ComfyUI\.\sub\..\{LONG}", rf"\\?\C:\ComfyUI\{LONG}"),
    ],
)
def test_a_long_path_gets_the_form_that_windows_takes_at_any_length(path: str, form: str) -> None:
    assert unlimited(path) == form
    assert unlimited(form) == form
    assert limited(form) == limited(path.replace("/", "\\").replace(r"\.\sub\..", ""))


@pytest.mark.parametrize(
    "path", [r"C:\models\x.safetensors", LONG, rf"C:{LONG}", rf"\{LONG}", rf"\\.\pipe\{LONG}", "C:"]
)
def test_a_short_path_and_one_that_is_not_whole_stay(path: str) -> None:
    assert unlimited(path) == path


def test_room_for_the_temporary_files_beside_it_is_counted() -> None:
    path = "C:\\" + "x" * 180
    assert unlimited(path) == path
    assert unlimited(path, beside=80) == "\\\\?\\" + path


def test_a_short_path_is_the_same_both_ways() -> None:
    for path in (r"C:\models\x.safetensors", r"\\server\share\x.safetensors"):
        assert limited(path) == path


@pytest.mark.skipif(os.name == "nt", reason="there it is another form")
def test_elsewhere_a_path_has_any_length(tmp_path: Path) -> None:
    long = tmp_path.joinpath(*["x" * 100] * 5)
    assert with_room(long) == long
    assert openable(str(long)) == str(long)
