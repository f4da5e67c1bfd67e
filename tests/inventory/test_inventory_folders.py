"""Model folders: ComfyUI's own table, and every rule of `extra_model_paths.yaml`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.inventory.extra_paths import add_extra_paths
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.folders import read_folders
from comfyfixer.model.inventory import Installation
from comfyfixer.model.problem import Problem


def read(tmp_path: Path, yaml: str) -> tuple[FolderTable, list[Problem]]:
    """The table after one YAML file in `tmp_path`."""
    file = tmp_path / "extra_model_paths.yaml"
    file.write_text(yaml, encoding="utf-8")
    table = FolderTable("/base")
    return table, list(add_extra_paths(table, file))


def test_diffusion_models_are_looked_for_in_unet_first() -> None:
    table = FolderTable("/base")
    assert table.roots("diffusion_models") == (
        os.path.join("/base", "models", "unet"),
        os.path.join("/base", "models", "diffusion_models"),
    )
    assert table.roots("unet") == table.roots("diffusion_models")
    assert table.roots("text_encoders")[1] == os.path.join("/base", "models", "clip")
    assert table.roots("controlnet")[1] == os.path.join("/base", "models", "t2i_adapter")


def test_folders_of_newer_versions_are_there_unless_the_version_is_known_to_be_older() -> None:
    assert FolderTable("/base").extensions("fonts") == {".otf", ".ttf"}
    assert FolderTable("/base", "0.33.1").roots("fonts") == (os.path.join("/base", "fonts"),)
    assert FolderTable("/base", "0.33.0").roots("fonts") == ()
    assert FolderTable("/base", "0.4").roots("fonts") == ()


def test_custom_nodes_are_no_model_folder() -> None:
    assert "custom_nodes" not in FolderTable("/base").model_folders()
    assert FolderTable("/base").roots("custom_nodes") == (os.path.join("/base", "custom_nodes"),)


def test_output_folders_come_last(tmp_path: Path) -> None:
    (tmp_path / "extra_model_paths.yaml").write_text("a:\n  clip: /more\n")
    (tmp_path / "models").mkdir()
    installation = Installation(code_dir=str(tmp_path), base_dir=str(tmp_path), kind="git", found_by="test")
    table, problems = read_folders(installation)
    assert problems == []
    assert table.roots("text_encoders")[2:] == (os.path.normpath("/more"), str(tmp_path / "output" / "clip"))
    assert table.roots("vae")[-1] == str(tmp_path / "output" / "vae")


def test_the_yaml_beside_the_code_counts_and_not_one_in_the_base_directory(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "code" / "extra_model_paths.yaml").write_text("a:\n  loras: /from/code\n")
    (tmp_path / "extra_model_paths.yaml").write_text("a:\n  loras: /from/base\n")
    (tmp_path / "handed.yaml").write_text("a:\n  loras: /handed\n")
    installation = Installation(
        code_dir=str(tmp_path / "code"),
        base_dir=str(tmp_path),
        extra_config_files=(str(tmp_path / "handed.yaml"), str(tmp_path / "gone.yaml")),
        kind="git",
        found_by="test",
    )
    roots = read_folders(installation)[0].roots("loras")
    assert roots[1:3] == (os.path.normpath("/from/code"), os.path.normpath("/handed"))


def test_an_installation_without_models_is_told(tmp_path: Path) -> None:
    installation = Installation(code_dir=None, base_dir=str(tmp_path), kind="data", found_by="test")
    assert [problem.code for problem in read_folders(installation)[1]] == ["folder-missing"]


def test_several_lines_are_several_roots_and_inner_spaces_stay(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "a:\n  base_path: /sd\n  loras: |\n    models/Lora\n    sp ace\n\n    /abs\n")
    expected = [os.path.normpath(path) for path in ("/sd/models/Lora", "/sd/sp ace", "/abs")]
    assert list(table.roots("loras")[1:]) == expected


def test_a_relative_base_path_and_no_base_path_are_relative_to_the_file(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "a:\n  base_path: sub/../up\n  vae: v\nb:\n  vae: w\n")
    assert table.roots("vae")[1:] == (str(tmp_path / "up" / "v"), str(tmp_path / "w"))


def test_variables_and_home_count_in_base_path_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_MODELS", "/from/env")
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("USERPROFILE", "/home/u")
    table, _ = read(tmp_path, "a:\n  base_path: $MY_MODELS\n  vae: $MY_MODELS\nb:\n  base_path: ~/sd\n  vae: ~/v\n")
    roots = table.roots("vae")[1:]
    assert roots[0] == os.path.normpath("/from/env/$MY_MODELS")
    assert roots[1] == os.path.normpath("/home/u/sd/~/v")


@pytest.mark.parametrize("value", ["true", '"true"', "1", '"false"'])
def test_is_default_puts_a_root_first_whatever_truthy_value_it_has(tmp_path: Path, value: str) -> None:
    table, _ = read(tmp_path, f"a:\n  is_default: {value}\n  loras: /first\n")
    assert table.roots("loras")[0] == os.path.normpath("/first")


def test_is_default_moves_a_root_that_is_there_already(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "a:\n  loras: /one\nb:\n  is_default: true\n  loras: /one\n")
    assert table.roots("loras") == (os.path.normpath("/one"), os.path.join("/base", "models", "loras"))


def test_legacy_keys_map_and_unknown_keys_list_every_file(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "a:\n  unet: /u\n  clip: /c\n  my_stuff: /m\n  custom_nodes: /packs\n")
    assert table.roots("diffusion_models")[-1] == os.path.normpath("/u")
    assert table.roots("text_encoders")[-1] == os.path.normpath("/c")
    assert table.model_folders()["my_stuff"].extensions == frozenset()
    assert table.roots("custom_nodes")[-1] == os.path.normpath("/packs")


def test_an_empty_group_is_skipped_without_a_word(tmp_path: Path) -> None:
    table, problems = read(tmp_path, "a:\nb:\n  vae: /v\n")
    assert problems == []
    assert table.roots("vae")[-1] == os.path.normpath("/v")


def test_what_comfyui_would_stop_at_is_told_and_the_rest_counts(tmp_path: Path) -> None:
    table, problems = read(tmp_path, "a:\n  loras: [/x, /y]\n  vae: /v\nb: text\nc:\n  clip_vision: /cv\n")
    assert [problem.code for problem in problems] == ["yaml-invalid", "yaml-invalid"]
    assert table.roots("vae")[-1] == os.path.normpath("/v")
    assert table.roots("clip_vision")[-1] == os.path.normpath("/cv")


def _bomb() -> str:
    lines = ["a0: &a0 {x: y}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join(f'*a{n - 1}' for _ in range(20))}]}}" for n in range(1, 30)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "yaml",
    [
        *("", "# only a comment\n", "- a\n- b\n", "a: b: c\n", "\t", "a: {", "{" * 100_000, "\0"),
        *("a: !!python/object:os.x {}", "? [a, b]\n: c\n? {a: b}\n: d\n", "d: 2001-99-99\n", _bomb()),
        "a:\n  vae: x\n" + "#" * 2_000_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_file_that_is_no_such_yaml_is_one_problem(tmp_path: Path, yaml: str) -> None:
    table, problems = read(tmp_path, yaml)
    assert {problem.code for problem in problems} == {"yaml-invalid"}
    assert table.snapshot() == FolderTable("/base").snapshot()


def test_a_file_that_is_no_utf8_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a:\n  vae: \xff\xfe\n")
    assert [problem.code for problem in add_extra_paths(FolderTable("/b"), tmp_path / "x.yaml")] == ["yaml-invalid"]


_TEXTS = st.text(max_size=12)
_YAMLS = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200).map(lambda data: data.decode("utf-8", "replace")),
    st.lists(st.tuples(_TEXTS, _TEXTS, _TEXTS), max_size=6).map(
        lambda rows: "".join(f"{group}:\n  {key}: {value}\n" for group, key, value in rows)
    ),
)


@given(yaml=_YAMLS)
def test_any_text_gives_roots_or_problems_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, yaml: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml, encoding="utf-8")
    for problem in add_extra_paths(FolderTable("/base"), file):
        assert problem.code == "yaml-invalid"
        assert problem.message.isprintable()


def test_yaml_is_imported_only_where_there_is_such_a_file() -> None:
    script = (
        "import sys; from comfyfixer.inventory.folders import read_folders; "
        "from comfyfixer.model.inventory import Installation; "
        "read_folders(Installation(code_dir='/nowhere', base_dir='/nowhere', kind='git', found_by='test')); "
        "sys.exit('yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
