"""What a pack requires and ComfyUI's Python does not have, by looking alone."""

from pathlib import Path

import pytest

from comfyfixer.inventory.environment import Environment, find_environment
from comfyfixer.inventory.pack_requirements import with_requirements
from comfyfixer.inventory.requirements import lacking
from comfyfixer.model.inventory import Installation, NodePack


def put(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def installed(**versions: str) -> Environment:
    known = {name.replace("_", "-"): version for name, version in versions.items()}
    return Environment(site_packages=("/x",), python="3.12", versions=known, modules=frozenset({"local_module"}))


def required(tmp_path: Path, text: str, environment: Environment, *, versions: bool = False) -> tuple[str, ...]:
    put(tmp_path / "requirements.txt", text)
    return lacking(tmp_path, environment, versions=versions)


def test_what_is_not_installed_is_lacking_in_the_packs_own_words(tmp_path: Path) -> None:
    text = "# faces\ninsightface>=0.7  # heavy\n\nnumpy\nPyYAML==6\n--extra-index-url https://x\n-e .\n"
    assert required(tmp_path, text, installed(numpy="1.26", pyyaml="6.0")) == ("insightface>=0.7",)


@pytest.mark.parametrize(
    "line",
    [
        "opencv-python",
        "onnxruntime-gpu>=1.17",
        "Some.Package_name",
        "local-module",
        "old ; python_version < '3.10'",
        "win ; sys_platform == 'no such system'",
        "git+https://github.com/o/r",
        "./wheels/x.whl",
        "!!! what",
    ],
)
def test_what_is_there_under_another_name_or_can_not_be_read_is_not_lacking(tmp_path: Path, line: str) -> None:
    environment = installed(opencv_contrib_python="4.10", onnxruntime="1.18", some_package_name="1")
    assert required(tmp_path, line, environment) == ()


def test_a_marker_is_about_comfyuis_python(tmp_path: Path) -> None:
    assert required(tmp_path, "new ; python_version >= '3.12'", installed()) == ("new",)


def test_a_wrong_version_is_a_cause_where_the_import_failed(tmp_path: Path) -> None:
    environment = installed(numpy="1.26.4", torch="2.9.0.dev1")
    text = "numpy>=2\ntorch>=2.5"
    assert required(tmp_path, text, environment) == ()
    assert required(tmp_path, text, environment, versions=True) == ("numpy>=2 (1.26.4 is installed)",)


def test_included_files_count_and_lead_nowhere_else(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    put(pack / "more.txt", "second\n-r requirements.txt\n")
    put(tmp_path / "outside.txt", "third")
    text = "first\n-r more.txt\n-r ../outside.txt\n-r /etc/passwd\n"
    assert required(pack, text, installed()) == ("first", "second")


def test_the_project_file_counts_where_there_is_no_list(tmp_path: Path) -> None:
    put(tmp_path / "pyproject.toml", '[project]\nname = "p"\ndependencies = ["insightface", 7]\n')
    assert lacking(tmp_path, installed()) == ("insightface",)
    put(tmp_path / "pyproject.toml", "[project\n")
    assert lacking(tmp_path, installed()) == ()


def test_a_list_in_utf_16_is_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("insightface\r\n".encode("utf-16"))
    assert lacking(tmp_path, installed()) == ("insightface",)


def test_only_packs_that_matter_are_looked_at(tmp_path: Path) -> None:
    for name in ("used", "unused", "failed", "mute"):
        put(tmp_path / name / "requirements.txt", "" if name == "mute" else "insightface")
    packs = [
        NodePack(name=name, path=str(tmp_path / name), node_types=frozenset({name}), failed=failed)
        for name, failed in (("used", None), ("unused", None), ("failed", "It failed"), ("mute", "It failed"))
    ]
    used, unused, failed, mute = with_requirements(packs, installed(), frozenset({"used"}))
    assert (used.lacks, unused.lacks) == (("insightface",), ())
    assert failed.failed == "It failed: it requires `insightface`, which ComfyUI's Python does not have"
    assert "ComfyUI's log says why" in (mute.failed or "")
    without = with_requirements(packs, None, frozenset({"used"}))
    assert [pack.lacks for pack in without] == [()] * 4


# --- where ComfyUI's Python is ---------------------------------------------------------------------------------------


def at(code: Path, base: Path | None = None) -> Installation:
    return Installation(code_dir=str(code), base_dir=str(base or code), kind="git", found_by="test")


@pytest.mark.parametrize(
    ("packages", "more", "python"),
    [
        ("ComfyUI/venv/lib/python3.11/site-packages", {"ComfyUI/venv/pyvenv.cfg": "version = 3.11.4\n"}, "3.11"),
        ("ComfyUI/.venv/lib/python3.12/site-packages", {}, "3.12"),
        ("venv/Lib/site-packages", {"venv/pyvenv.cfg": "version_info = 3.13.1.final.0\n"}, "3.13"),
        ("python_embeded/Lib/site-packages", {"python_embeded/python312._pth": ""}, "3.12"),
        ("base/.venv/Lib/site-packages", {}, None),
    ],
)
def test_the_usual_places_are_known(tmp_path: Path, packages: str, more: dict[str, str], python: str | None) -> None:
    for name, text in more.items():
        put(tmp_path / name, text)
    folder = tmp_path / packages
    put(folder / "opencv_python-4.10.0.84.dist-info" / "METADATA")
    put(folder / "old.Name-1.0-py3.11.egg-info" / "PKG-INFO")
    put(folder / "Mine-0.1.dist-info" / "top_level.txt", "my_module\n")
    put(folder / "cv2" / "__init__.py")
    put(folder / "single.py")
    (tmp_path / "ComfyUI").mkdir(exist_ok=True)
    found = find_environment(at(tmp_path / "ComfyUI", tmp_path / "base"))
    assert found is not None
    assert found.versions == {"opencv-python": "4.10.0.84", "old-name": "1.0", "mine": "0.1"}
    assert {"cv2", "single", "my_module"} <= found.modules
    assert (found.python, found.closed) == (python, True)


def test_without_an_environment_nothing_is_known(tmp_path: Path) -> None:
    assert find_environment(at(tmp_path)) is None


def test_where_the_systems_packages_are_used_too_nothing_is_lacking(tmp_path: Path) -> None:
    put(tmp_path / "venv" / "pyvenv.cfg", "include-system-site-packages = true\n")
    put(tmp_path / "venv" / "lib" / "python3.12" / "site-packages" / "x.py")
    found = find_environment(at(tmp_path))
    assert found is not None
    assert required(tmp_path / "pack", "insightface", found) == ()
