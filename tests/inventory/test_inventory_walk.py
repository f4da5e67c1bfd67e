"""Listing files as ComfyUI's loaders do."""

import os
import sys
from pathlib import Path

import msgspec
import pytest

from comfyfixer.inventory.walk import list_models
from comfyfixer.model.inventory import InstalledModel, ModelFolder

STANDARD = frozenset({".safetensors", ".pt"})

links = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
unix = pytest.mark.skipif(sys.platform != "linux", reason="names and permissions of this kind are Linux's")


def folder(name: str, *roots: Path, extensions: frozenset[str] = STANDARD) -> ModelFolder:
    return ModelFolder(name=name, roots=tuple(map(str, roots)), extensions=extensions)


def put(file: Path, content: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def names(models: tuple[InstalledModel, ...]) -> list[str]:
    return [model.name.replace(os.sep, "/") for model in models]


def test_sub_folders_and_hidden_files_are_listed_git_folders_are_not(tmp_path: Path) -> None:
    for name in ("a.safetensors", "sub/deep/b.pt", ".hidden.pt", ".cache/c.pt", ".git/d.pt", "sub/.git/e.pt", "f.txt"):
        put(tmp_path / name)
    models, problems = list_models([folder("loras", tmp_path)])
    assert names(models) == [".cache/c.pt", ".hidden.pt", "a.safetensors", "sub/deep/b.pt"]
    assert problems == []


def test_extensions_are_compared_in_lower_case_and_leading_dots_begin_none(tmp_path: Path) -> None:
    for name in ("A.SafeTensors", ".safetensors", "..pt", "x.y.PT", "plain"):
        put(tmp_path / name)
    assert names(list_models([folder("loras", tmp_path)])[0]) == ["A.SafeTensors", "x.y.PT"]
    without = folder("classifiers", tmp_path, extensions=frozenset({""}))
    assert names(list_models([without])[0]) == ["..pt", ".safetensors", "plain"]
    every = folder("mine", tmp_path, extensions=frozenset())
    assert len(list_models([every])[0]) == 5


def test_size_time_and_path_are_those_of_the_file(tmp_path: Path) -> None:
    file = put(tmp_path / "sub" / "a.pt", "12345")
    (model,), _ = list_models([folder("vae", tmp_path)])
    assert (model.folder, model.name, model.path) == ("vae", os.path.join("sub", "a.pt"), str(file))
    assert (model.size_bytes, model.mtime_ns) == (5, file.stat().st_mtime_ns)


def test_the_first_root_wins_and_the_list_is_sorted_over_all_roots(tmp_path: Path) -> None:
    put(tmp_path / "two" / "a.pt", "second")
    put(tmp_path / "two" / "c.pt")
    put(tmp_path / "one" / "b.pt")
    put(tmp_path / "one" / "a.pt", "1")
    models, _ = list_models([folder("vae", tmp_path / "one", tmp_path / "missing", tmp_path / "two")])
    assert names(models) == ["a.pt", "b.pt", "c.pt"]
    assert models[0].size_bytes == 1


def test_folders_that_share_a_root_each_list_their_own_kind(tmp_path: Path) -> None:
    put(tmp_path / "a.pt")
    put(tmp_path / "b.gguf")
    models, _ = list_models([folder("unet", tmp_path), folder("unet_gguf", tmp_path, extensions=frozenset({".gguf"}))])
    assert [(model.folder, model.name) for model in models] == [("unet", "a.pt"), ("unet_gguf", "b.gguf")]


def test_diffusers_lists_the_directories_with_an_index(tmp_path: Path) -> None:
    put(tmp_path / "sd" / "model_index.json")
    put(tmp_path / "sd" / "unet" / "x.safetensors")
    put(tmp_path / "no" / "config.json")
    models, _ = list_models([folder("diffusers", tmp_path, extensions=frozenset({"folder"}))])
    assert [(model.name, model.path) for model in models] == [("sd", str(tmp_path / "sd"))]


@links
def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root / "a.pt")
    put(tmp_path / "far" / "b.pt", "123")
    (root / "linked").symlink_to(tmp_path / "far", target_is_directory=True)
    (root / "twin").symlink_to(tmp_path / "far", target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (tmp_path / "far" / "back").symlink_to(root, target_is_directory=True)
    (root / "one.pt").symlink_to(tmp_path / "far" / "b.pt")
    models, problems = list_models([folder("vae", root)])
    assert names(models) == ["a.pt", "linked/b.pt", "one.pt", "twin/b.pt"]
    assert models[2].size_bytes == 3
    assert problems == []


@links
def test_a_link_that_leads_nowhere_is_listed_without_a_size(tmp_path: Path) -> None:
    (tmp_path / "gone.pt").symlink_to(tmp_path / "nothing.pt")
    (model,), _ = list_models([folder("vae", tmp_path)])
    assert (model.name, model.size_bytes) == ("gone.pt", -1)


@unix
def test_names_of_any_bytes_are_listed_and_can_be_written_as_json(tmp_path: Path) -> None:
    for name in (b"bad\xff.pt", b"new\nline.pt", "\u6a21\u578b.pt".encode()):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).touch()
    models, _ = list_models([folder("vae", tmp_path)])
    assert sorted(model.name for model in models) == ["bad\\xff.pt", "new\nline.pt", "\u6a21\u578b.pt"]
    assert msgspec.json.decode(msgspec.json.encode(models), type=tuple[InstalledModel, ...]) == models


@unix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_folder_is_one_problem(tmp_path: Path) -> None:
    put(tmp_path / "ok" / "a.pt")
    put(tmp_path / "closed" / "b.pt")
    (tmp_path / "closed").chmod(0)
    models, problems = list_models([folder("vae", tmp_path)])
    (tmp_path / "closed").chmod(0o755)
    assert names(models) == ["ok/a.pt"]
    assert [problem.code for problem in problems] == ["folder-unreadable"]


def test_a_root_that_is_a_file_or_missing_lists_nothing(tmp_path: Path) -> None:
    assert list_models([folder("vae", put(tmp_path / "file.pt"), tmp_path / "missing")]) == ((), [])


def test_the_list_is_what_comfyui_itself_would_walk(tmp_path: Path) -> None:
    for name in ("b/x.pt", "B/y.PT", "a b/z.pt", ".d/.e.pt", "u.bin"):
        put(tmp_path / name)
    walked = [
        os.path.relpath(os.path.join(where, file), tmp_path)
        for where, _, files in os.walk(tmp_path, followlinks=True)
        for file in files
        if os.path.splitext(file)[1].lower() in STANDARD
    ]
    assert [model.name for model in list_models([folder("vae", tmp_path)])[0]] == sorted(walked)
