"""Sources that did not change are not read again, and those that did always are."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.pack_source import PackSource
from comfyfixer.inventory.source_cache import SourceCache
from comfyfixer.inventory.take import take
from comfyfixer.model.inventory import Installation
from comfyfixer.model.reference import LoaderInput


class Reader:
    """Reads a pack, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> PackSource:
        self.times += 1
        return PackSource(
            node_types=frozenset({"a", f"run {self.times}"}),
            inputs={"a": {"x": LoaderInput(folders=("loras",), widget_index=1)}},
            folders={"f": (("/r",), frozenset({".x"}))},
        )


def ask(file: Path, pack: Path, reader: Callable[[], PackSource], base: str = "/base") -> PackSource:
    """One run that asks for one pack."""
    cache = SourceCache(file, FolderTable(base))
    source = cache.get("pack", [str(pack)], reader)
    cache.save()
    return source


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "nodes.py").write_text("x = 1")
    return folder


def test_an_unchanged_source_is_read_once_and_the_same_value_comes_back(tmp_path: Path, pack: Path) -> None:
    reader = Reader()
    first = ask(tmp_path / "c" / "cache", pack, reader)
    assert ask(tmp_path / "c" / "cache", pack, reader) == first
    assert reader.times == 1


def test_another_process_finds_it_too(tmp_path: Path, pack: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from comfyfixer.inventory.folder_table import FolderTable; "
        "from comfyfixer.inventory.pack_source import PackSource; "
        "from comfyfixer.inventory.source_cache import SourceCache; "
        "cache = SourceCache(Path(sys.argv[1]), FolderTable('/base')); "
        "cache.get('pack', [sys.argv[2]], lambda: print('read') or PackSource()); cache.save()"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "cache"), str(pack)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2", "3")
    ]
    assert said == ["read", "", ""]


def _touch(pack: Path) -> None:
    os.utime(pack / "sub" / "nodes.py", ns=(1, 1))


def _grow(pack: Path) -> None:
    status = (pack / "sub" / "nodes.py").stat()
    (pack / "sub" / "nodes.py").write_text("x = 12")
    os.utime(pack / "sub" / "nodes.py", ns=(status.st_atime_ns, status.st_mtime_ns))


def _add(pack: Path) -> None:
    (pack / "sub" / "deeper").mkdir()
    (pack / "sub" / "deeper" / "more.json").touch()


def _remove(pack: Path) -> None:
    (pack / "sub" / "nodes.py").unlink()


@pytest.mark.parametrize("change", [_touch, _grow, _add, _remove])
def test_any_change_below_the_folder_is_seen(tmp_path: Path, pack: Path, change: Callable[[Path], None]) -> None:
    reader = Reader()
    ask(tmp_path / "cache", pack, reader)
    change(pack)
    ask(tmp_path / "cache", pack, reader)
    assert reader.times == 2


def test_byte_code_and_git_do_not_matter(tmp_path: Path, pack: Path) -> None:
    reader = Reader()
    ask(tmp_path / "cache", pack, reader)
    (pack / "__pycache__").mkdir()
    (pack / "__pycache__" / "x.pyc").touch()
    (pack / ".git").mkdir()
    (pack / ".git" / "HEAD").touch()
    ask(tmp_path / "cache", pack, reader)
    assert reader.times == 1


def test_other_model_folders_are_another_reading(tmp_path: Path, pack: Path) -> None:
    reader = Reader()
    ask(tmp_path / "cache", pack, reader)
    ask(tmp_path / "cache", pack, reader, base="/other")
    assert reader.times == 2


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x81\xa1a\x01", b"\x93"])
def test_a_broken_cache_is_only_read_again(tmp_path: Path, pack: Path, content: bytes) -> None:
    (tmp_path / "cache").write_bytes(content)
    reader = Reader()
    assert "a" in ask(tmp_path / "cache", pack, reader).node_types
    ask(tmp_path / "cache", pack, reader)
    assert reader.times == 1


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path: Path, pack: Path) -> None:
    (tmp_path / "file").touch()
    assert "a" in ask(tmp_path / "file" / "cache", pack, Reader()).node_types


def test_an_inventory_is_the_same_with_the_cache_as_without(tmp_path: Path) -> None:
    pack = tmp_path / "custom_nodes" / "p"
    pack.mkdir(parents=True)
    (tmp_path / "models").mkdir()
    (pack / "__init__.py").write_text("class A: pass\nNODE_CLASS_MAPPINGS = {'one': A}\n")
    installation = Installation(code_dir=None, base_dir=str(tmp_path), kind="data", found_by="test")
    runs = [take(installation, lambda action, **details: None, cache_file=tmp_path / "cache") for _ in range(2)]
    assert runs[0] == runs[1] == take(installation, lambda action, **details: None)
    (pack / "__init__.py").write_text("class A: pass\nNODE_CLASS_MAPPINGS = {'another': A}\n")
    again = take(installation, lambda action, **details: None, cache_file=tmp_path / "cache")
    assert again.packs[0].node_types == {"another"}
