"""Installed node packs: which there are, who they are, what is disabled."""

import os
import sys
from pathlib import Path

import pytest

from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.pack_identity import identify
from comfyfixer.inventory.packs import read_packs
from comfyfixer.inventory.source_cache import SourceCache
from comfyfixer.model.inventory import NodePack
from comfyfixer.model.problem import Problem

ONE_NODE = "class A: pass\nNODE_CLASS_MAPPINGS = {'%s': A}\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def read(table: FolderTable) -> tuple[tuple[NodePack, ...], list[Problem]]:
    return read_packs(table, None, SourceCache(None, table))


def packs_of(base: Path) -> tuple[dict[str, NodePack], list[Problem]]:
    packs, problems = read(FolderTable(str(base)))
    return {pack.name: pack for pack in packs}, problems


def test_folders_and_single_files_are_packs_as_comfyui_loads_them(tmp_path: Path) -> None:
    nodes = tmp_path / "custom_nodes"
    put(nodes / "pack" / "__init__.py", ONE_NODE % "from folder")
    put(nodes / "single.py", ONE_NODE % "from file")
    put(nodes / ".hidden" / "__init__.py", ONE_NODE % "hidden")
    put(nodes / "__pycache__" / "__init__.py")
    put(nodes / "no_init" / "nodes.py", ONE_NODE % "never loaded")
    put(nodes / "example.py.example")
    put(nodes / "readme.md")
    packs, problems = packs_of(tmp_path)
    assert {name: set(pack.node_types) for name, pack in packs.items()} == {
        "pack": {"from folder"},
        "single.py": {"from file"},
        ".hidden": {"hidden"},
    }
    assert problems == []


def test_disabled_packs_are_known_but_their_types_do_not_count(tmp_path: Path) -> None:
    nodes = tmp_path / "custom_nodes"
    put(nodes / "off.disabled" / "__init__.py", ONE_NODE % "x")
    put(nodes / "file.py.disabled", ONE_NODE % "x")
    put(nodes / ".disabled" / "pack@1_2_0" / "__init__.py", ONE_NODE % "x")
    packs, _ = packs_of(tmp_path)
    assert set(packs) == {"off.disabled", "file.py.disabled", "pack@1_2_0"}
    assert not any(pack.enabled or pack.node_types for pack in packs.values())


def test_every_root_of_custom_nodes_is_read(tmp_path: Path) -> None:
    put(tmp_path / "custom_nodes" / "a" / "__init__.py", ONE_NODE % "a")
    put(tmp_path / "more" / "b" / "__init__.py", ONE_NODE % "b")
    table = FolderTable(str(tmp_path))
    table.add("custom_nodes", str(tmp_path / "more"))
    table.add("custom_nodes", str(tmp_path / "missing"))
    packs, problems = read(table)
    assert [pack.name for pack in packs] == ["a", "b"]
    assert problems == []


def test_identity_comes_from_pyproject_and_git_without_running_it(tmp_path: Path) -> None:
    put(tmp_path / "pyproject.toml", '[project]\nname = "my-pack"\nversion = "1.2.3"\n')
    put(tmp_path / ".git" / "HEAD", "ref: refs/heads/main\n")
    put(tmp_path / ".git" / "refs" / "heads" / "main", COMMIT + "\n")
    put(
        tmp_path / ".git" / "config",
        '[remote "fork"]\n\turl = https://example.org/fork\n[remote "origin"]\n\turl = https://u:key@github.com/a/b.git\n',
    )
    identity = identify(tmp_path)
    assert (identity.id, identity.version, identity.commit) == ("my-pack", "1.2.3", COMMIT)
    assert identity.repository == "https://github.com/a/b.git"


def test_packed_refs_detached_heads_and_worktrees_have_a_commit_too(tmp_path: Path) -> None:
    put(tmp_path / "packed" / ".git" / "HEAD", "ref: refs/heads/main")
    put(tmp_path / "packed" / ".git" / "packed-refs", f"# pack-refs\n{COMMIT} refs/heads/main\n")
    put(tmp_path / "detached" / ".git" / "HEAD", COMMIT)
    put(tmp_path / "work" / ".git", f"gitdir: {tmp_path / 'real' / 'worktrees' / 'w'}\n")
    put(tmp_path / "real" / "worktrees" / "w" / "HEAD", "ref: refs/heads/x")
    put(tmp_path / "real" / "worktrees" / "w" / "commondir", "../..\n")
    put(tmp_path / "real" / "refs" / "heads" / "x", COMMIT)
    for name in ("packed", "detached", "work"):
        assert identify(tmp_path / name).commit == COMMIT


def test_the_registry_id_that_manager_noted_wins(tmp_path: Path) -> None:
    put(
        tmp_path / "pyproject.toml",
        '[project]\nname = "other"\n[project.urls]\nRepository = "https://github.com/a/b"\n',
    )
    put(tmp_path / ".git" / ".cnr-id", "noted-id\n")
    identity = identify(tmp_path)
    assert (identity.id, identity.repository) == ("noted-id", "https://github.com/a/b")


def test_how_a_pack_came_here_is_told(tmp_path: Path) -> None:
    put(tmp_path / "release" / ".tracking", "__init__.py\npyproject.toml\n")
    put(tmp_path / "release" / "pyproject.toml", '[project]\nname = "a-pack"\nversion = "2.0"\n')
    put(tmp_path / "checkout" / ".git" / "HEAD", COMMIT)
    put(tmp_path / "noted" / ".git" / "HEAD", COMMIT)
    put(tmp_path / "noted" / ".git" / ".cnr-id", "noted-id")
    put(tmp_path / "copied" / "__init__.py")
    told = {name: identify(tmp_path / name) for name in ("release", "checkout", "noted", "copied")}
    assert {name: (known.installed_from, known.managed) for name, known in told.items()} == {
        "release": ("registry", True),
        "checkout": ("git", False),
        "noted": ("git", True),
        "copied": (None, False),
    }
    assert (told["release"].id, told["release"].version) == ("a-pack", "2.0")


def test_the_name_of_a_pack_that_manager_switched_off_tells_its_id_and_version(tmp_path: Path) -> None:
    for name in ("some-pack@1_2_0", "other@nightly", "plain"):
        put(tmp_path / ".disabled" / name / "__init__.py")
    put(tmp_path / "not@1_0_0" / "__init__.py")
    named = {name: identify(tmp_path / ".disabled" / name) for name in ("some-pack@1_2_0", "other@nightly", "plain")}
    assert (named["some-pack@1_2_0"].id, named["some-pack@1_2_0"].version) == ("some-pack", "1.2.0")
    assert (named["other@nightly"].id, named["other@nightly"].version) == ("other", None)
    assert named["plain"].id is None
    assert identify(tmp_path / "not@1_0_0").version is None


@pytest.mark.skipif(sys.platform != "linux", reason="names of this kind are Linux's")
def test_odd_names_links_that_lead_nowhere_and_loops_stop_nothing(tmp_path: Path) -> None:
    nodes = tmp_path / "custom_nodes"
    put(nodes / "new\nline" / "__init__.py", ONE_NODE % "line")
    put(nodes / os.fsdecode(b"byte\xff") / "__init__.py", ONE_NODE % "byte")
    put(nodes / "bad\nname" / "__init__.py", "def (")
    put(nodes / "good" / "__init__.py", ONE_NODE % "good")
    (nodes / "good" / "loop").symlink_to(nodes)
    (nodes / "nowhere").symlink_to(tmp_path / "nothing")
    (nodes / "nowhere.py").symlink_to(tmp_path / "nothing.py")
    (nodes / "self").symlink_to("self")
    put(nodes / ".py", ONE_NODE % "no module")
    table = FolderTable(str(tmp_path))
    for _ in range(2):
        cache = SourceCache(tmp_path / "cache", table)
        packs, problems = read_packs(table, None, cache)
        cache.save()
        types = {node_type for pack in packs for node_type in pack.node_types}
        assert types == {"line", "byte", "good"}
        assert {pack.name for pack in packs} >= {"new\nline", "byte\\xff", "good"}
        assert {problem.code for problem in problems} == {"pack-unreadable"}


def test_a_pack_that_is_one_file_of_50_megabytes_is_one_problem(tmp_path: Path) -> None:
    with put(tmp_path / "custom_nodes" / "huge.py").open("wb") as file:
        file.truncate(50 << 20)
    put(tmp_path / "custom_nodes" / "good" / "__init__.py", ONE_NODE % "ok")
    packs, problems = packs_of(tmp_path)
    assert [problem.code for problem in problems] == ["pack-unreadable"]
    assert not packs["huge.py"].complete
    assert packs["good"].node_types == {"ok"}


@pytest.mark.parametrize("text", ["[project", "project = 3", "[project]\nname = 7\nversion = []\nurls = 'x'", "\0", ""])
def test_a_broken_pyproject_tells_nothing(tmp_path: Path, text: str) -> None:
    put(tmp_path / "pyproject.toml", text)
    identity = identify(tmp_path)
    assert (identity.id, identity.version, identity.repository, identity.commit) == (None, None, None, None)


def test_a_head_that_points_out_of_git_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "secret", COMMIT)
    put(tmp_path / "pack" / ".git" / "HEAD", "ref: ../../secret")
    assert identify(tmp_path / "pack").commit is None


def test_types_that_only_javascript_registers_come_with_their_pack(tmp_path: Path) -> None:
    put(tmp_path / "custom_nodes" / "ComfyUI-KJNodes" / "__init__.py", ONE_NODE % "py")
    put(tmp_path / "custom_nodes" / "renamed" / "__init__.py", ONE_NODE % "py")
    put(tmp_path / "custom_nodes" / "renamed" / ".git" / "HEAD", COMMIT)
    put(
        tmp_path / "custom_nodes" / "renamed" / ".git" / "config",
        '[remote "origin"]\nurl = git@x:rgthree/rgthree-comfy.git',
    )
    packs, _ = packs_of(tmp_path)
    assert packs["ComfyUI-KJNodes"].node_types == {"py", "SetNode", "GetNode"}
    assert "Fast Groups Muter (rgthree)" in packs["renamed"].node_types


def test_a_pack_that_cannot_be_parsed_is_one_problem_and_incomplete(tmp_path: Path) -> None:
    put(tmp_path / "custom_nodes" / "bad" / "__init__.py", "def (")
    put(tmp_path / "custom_nodes" / "good" / "__init__.py", ONE_NODE % "ok")
    packs, problems = packs_of(tmp_path)
    assert [problem.code for problem in problems] == ["pack-unreadable"]
    assert not packs["bad"].complete
    assert packs["good"].node_types == {"ok"}


def test_folders_that_several_packs_register_are_put_together(tmp_path: Path) -> None:
    register = (
        "import folder_paths, os\n"
        "folder_paths.add_model_folder_path('{name}', os.path.join(folder_paths.models_dir, '{folder}'))\n"
        "NODE_CLASS_MAPPINGS = {{}}\n"
    )
    put(tmp_path / "custom_nodes" / "a" / "__init__.py", register.format(name="ipadapter", folder="one"))
    put(tmp_path / "custom_nodes" / "b" / "__init__.py", register.format(name="ipadapter", folder="two"))
    put(tmp_path / "custom_nodes" / "c" / "__init__.py", register.format(name="loras", folder="three"))
    put(tmp_path / "custom_nodes" / "d" / "__init__.py", register.format(name="loras", folder="four"))
    table = FolderTable(str(tmp_path))
    read(table)
    models = tmp_path / "models"
    assert table.roots("ipadapter") == (str(models / "one"), str(models / "two"))
    assert set(table.roots("loras")) == {str(models / name) for name in ("loras", "three", "four")}
    assert table.roots("loras")[0] == str(models / "loras")
    assert table.extensions("loras") == table.standard_extensions


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_a_pack_that_is_a_link_is_read(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "__init__.py", "from .nodes import NODE_CLASS_MAPPINGS")
    put(tmp_path / "elsewhere" / "nodes.py", ONE_NODE % "linked")
    (tmp_path / "custom_nodes").mkdir()
    (tmp_path / "custom_nodes" / "pack").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert packs_of(tmp_path)[0]["pack"].node_types == {"linked"}
