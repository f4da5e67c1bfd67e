"""Finding an installation in folders made for the purpose."""

import json
import os
from pathlib import Path

import pytest

from comfyfixer.errors import UsageError
from comfyfixer.inventory.locate import find_installation, workflow_folders
from comfyfixer.model.inventory import Installation


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere" / "deep"
    folder.mkdir(parents=True)
    return folder


def code(folder: Path) -> Path:
    """What every ComfyUI checkout has."""
    (folder / "models").mkdir(parents=True)
    (folder / "comfy").mkdir()
    (folder / "main.py").touch()
    (folder / "nodes.py").touch()
    return folder


def data(folder: Path) -> Path:
    """A base directory without code."""
    for name in ("models", "user", "custom_nodes"):
        (folder / name).mkdir(parents=True)
    return folder


def find(explicit: str | None, cwd: Path, home: Path, **environ: str) -> Installation:
    return find_installation(explicit, environ, cwd, home, "linux")


def test_an_explicit_folder_may_be_comfyui_or_around_it_or_its_main_file(tmp_path: Path, cwd: Path, home: Path) -> None:
    inner = code(tmp_path / "portable" / "ComfyUI")
    for explicit in (inner, inner.parent, inner / "main.py"):
        found = find(str(explicit), cwd, home)
        assert (found.code_dir, found.base_dir) == (str(inner), str(inner))
        assert found.found_by == "as configured"


def test_a_relative_and_a_home_path_are_understood(cwd: Path, home: Path) -> None:
    inner = code(cwd / "here")
    assert find("here", cwd, home).base_dir == str(inner)
    code(home / "mine")
    assert find("~/mine", cwd, home).base_dir == str(home / "mine")


def test_embedded_python_beside_comfyui_makes_it_portable(tmp_path: Path, cwd: Path, home: Path) -> None:
    code(tmp_path / "p" / "ComfyUI")
    (tmp_path / "p" / "python_embeded").mkdir()
    assert find(str(tmp_path / "p"), cwd, home).kind == "portable"


def test_a_base_directory_without_code_counts_when_it_is_named(tmp_path: Path, cwd: Path, home: Path) -> None:
    found = find(str(data(tmp_path / "base")), cwd, home)
    assert (found.code_dir, found.base_dir, found.kind) == (None, str(tmp_path / "base"), "data")


@pytest.mark.parametrize("name", ["missing", "empty", "file.txt", "nul\0byte"])
def test_a_named_folder_that_is_none_is_refused_with_a_hint(tmp_path: Path, cwd: Path, home: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").touch()
    with pytest.raises(UsageError) as caught:
        find(f"{tmp_path}/{name}", cwd, home)
    assert caught.value.code == "installation-invalid"
    assert caught.value.hint


def test_main_py_alone_is_no_comfyui(tmp_path: Path, cwd: Path, home: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "main.py").touch()
    with pytest.raises(UsageError, match="neither"):
        find(str(tmp_path / "project"), cwd, home)


def test_the_environment_wins_over_the_current_folder_and_is_named(tmp_path: Path, cwd: Path, home: Path) -> None:
    code(cwd / "ComfyUI")
    code(tmp_path / "other")
    found = find(None, cwd, home, COMFYUI_PATH=str(tmp_path / "other"))
    assert (found.base_dir, found.found_by) == (str(tmp_path / "other"), "from COMFYUI_PATH")


def test_a_wrong_comfyui_path_is_an_error_that_names_it(cwd: Path, home: Path) -> None:
    code(cwd / "ComfyUI")
    with pytest.raises(UsageError, match="COMFYUI_PATH"):
        find(None, cwd, home, COMFYUI_PATH=str(cwd / "nothing"))


def test_the_current_folder_and_its_parents_are_searched(tmp_path: Path, home: Path) -> None:
    inner = code(tmp_path / "C")
    deep = inner / "custom_nodes" / "pack" / "deep"
    deep.mkdir(parents=True)
    assert find(None, inner, home).found_by == "current folder"
    found = find(None, deep, home)
    assert (found.base_dir, found.found_by) == (str(inner), "parent of the current folder")


def test_comfy_cli_settings_name_the_workspace(tmp_path: Path, cwd: Path, home: Path) -> None:
    code(tmp_path / "100%" / "ComfyUI")
    settings = home / ".config" / "comfy-cli" / "config.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"[DEFAULT]\nrecent_workspace = /gone\ndefault_workspace = {tmp_path / '100%' / 'ComfyUI'}\n", encoding="utf-8"
    )
    found = find(None, cwd, home)
    assert (found.base_dir, found.found_by) == (str(tmp_path / "100%" / "ComfyUI"), "from comfy-cli's settings")


def test_the_older_desktop_names_its_base_and_its_yaml(tmp_path: Path, cwd: Path, home: Path) -> None:
    base = data(tmp_path / "Documents" / "ComfyUI")
    settings = home / ".config" / "ComfyUI"
    settings.mkdir(parents=True)
    (settings / "config.json").write_text(json.dumps({"basePath": str(base), "installState": "installed"}))
    (settings / "extra_models_config.yaml").write_text("comfyui_desktop:\n")
    found = find(None, cwd, home)
    assert (found.kind, found.base_dir, found.code_dir) == ("desktop", str(base), None)
    assert found.extra_config_files == (str(settings / "extra_models_config.yaml"),)
    assert find(str(base), cwd, home).kind == "desktop"


def test_desktop_2_prefers_what_was_started_last_and_knows_its_yaml(tmp_path: Path, cwd: Path, home: Path) -> None:
    older, newer = code(tmp_path / "a" / "ComfyUI"), code(tmp_path / "b" / "ComfyUI")
    settings = home / ".local" / "share" / "comfyui-desktop-2"
    (settings / "instance-model-paths").mkdir(parents=True)
    records = [
        {"id": "cloud", "name": "Comfy Cloud", "installPath": ""},
        {"id": "one", "installPath": str(older.parent), "lastLaunchedAt": 1},
        {"id": "two", "installPath": str(newer.parent), "lastLaunchedAt": 2, "useSharedModels": False},
        {"id": 3},
    ]
    (settings / "installations.json").write_text(json.dumps(records))
    (settings / "shared_model_paths.yaml").touch()
    (settings / "instance-model-paths" / "two.yaml").touch()
    found = find(None, cwd, home)
    assert (found.kind, found.base_dir) == ("desktop2", str(newer))
    assert found.extra_config_files == (str(settings / "instance-model-paths" / "two.yaml"),)
    assert find(str(older), cwd, home).extra_config_files == (str(settings / "shared_model_paths.yaml"),)


@pytest.mark.parametrize("content", ["", "[", "{}", '{"basePath": 3}', "[DEFAULT", "\0"])
def test_broken_settings_of_other_programs_name_nothing(cwd: Path, home: Path, content: str) -> None:
    for file in (
        home / ".config" / "comfy-cli" / "config.ini",
        home / ".config" / "ComfyUI" / "config.json",
        home / ".local" / "share" / "comfyui-desktop-2" / "installations.json",
    ):
        file.parent.mkdir(parents=True)
        file.write_text(content)
    code(home / "ComfyUI")
    assert find(None, cwd, home).found_by == "usual place"


def test_nothing_found_says_what_was_tried(cwd: Path, home: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find(None, cwd, home)
    assert caught.value.code == "installation-not-found"
    assert "COMFYUI_PATH" in (caught.value.hint or "")
    assert str(home / "ComfyUI") in (caught.value.hint or "")


def test_workflows_of_every_user_but_not_of_system_users(tmp_path: Path, cwd: Path, home: Path) -> None:
    base = data(tmp_path / "base")
    for user in ("default", "anna_1", "__manager"):
        (base / "user" / user / "workflows").mkdir(parents=True)
    (base / "user" / "no-workflows").mkdir()
    found = find(str(base), cwd, home)
    names = [os.path.relpath(folder, base) for folder in workflow_folders(found)]
    assert names == [os.path.join("user", "anna_1", "workflows"), os.path.join("user", "default", "workflows")]


def test_an_installation_without_users_has_no_workflow_folders(tmp_path: Path, cwd: Path, home: Path) -> None:
    assert workflow_folders(find(str(code(tmp_path / "C")), cwd, home)) == ()
