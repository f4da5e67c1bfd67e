"""Lists of models as they lie in an installation."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.inventory.model_lists import environments_of_comfyui, read_leads
from comfyfixer.model.lead import Lead

SITE = "https://huggingface.co/o/r/resolve/main"


def template(folder: Path, name: str, *files: str) -> Path:
    rows = [{"name": file, "url": f"{SITE}/{file}", "directory": "vae"} for file in files]
    place = folder / "templates" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"nodes": [{"properties": {"models": rows}}]}), "utf-8")
    return place


def read(place: Path, cache: Path | None = None) -> list[Lead]:
    return read_leads(str(place), [str(place / "custom_nodes")], [str(place / "site-packages")], cache)


def names(leads: list[Lead]) -> set[str]:
    return {lead.filename for lead in leads}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    packages, nodes = tmp_path / "site-packages", tmp_path / "custom_nodes"
    template(packages / "comfyui_workflow_templates_json", "one.json", "a.safetensors")
    template(packages / "comfyui_workflow_templates_media_image", "two.json", "b.safetensors")
    template(packages / "another_package", "three.json", "c.safetensors")
    (nodes / "some-pack").mkdir(parents=True)
    row = f'{{location = "vae/d.safetensors", model_url = "{SITE}/d.safetensors"}}'
    models = f"[tool.comfy]\nModels = [{row}]\n"
    (nodes / "some-pack" / "pyproject.toml").write_text(models, "utf-8")
    (nodes / "off.disabled").mkdir()
    (nodes / "off.disabled" / "pyproject.toml").write_text(models.replace("/d.", "/off."), "utf-8")
    rows: list[dict[str, Any]] = [{"filename": "e.safetensors", "url": f"{SITE}/e.safetensors", "save_path": "vae"}]
    (packages / "comfyui_manager").mkdir()
    (packages / "comfyui_manager" / "model-list.json").write_text(json.dumps({"models": rows}), "utf-8")
    return tmp_path


def test_templates_of_all_distributions_packs_and_the_managers_list_are_read(installed: Path) -> None:
    found = {lead.filename: (lead.index, lead.named_by) for lead in read(installed)}
    assert found == {
        "a.safetensors": ("templates", "The official template `one`"),
        "b.safetensors": ("templates", "The official template `two`"),
        "d.safetensors": ("pack", "The node pack `some-pack`"),
        "e.safetensors": ("manager", "ComfyUI-Manager's model list"),
    }


def test_what_did_not_change_is_not_read_again(installed: Path, tmp_path: Path) -> None:
    cache = tmp_path / "state" / "lists.msgpack"
    first = read(installed, cache)
    one = installed / "site-packages" / "comfyui_workflow_templates_json" / "templates" / "one.json"
    before = one.stat()
    one.write_bytes(b" " * before.st_size)
    os.utime(one, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read(installed, cache) == first
    template(one.parents[1], "new.json", "n.safetensors")
    assert names(read(installed, cache)) == names(first) - {"a.safetensors"} | {"n.safetensors"}


@pytest.mark.parametrize("content", [b"", b"\x81\xff", b"{}"])
def test_a_damaged_cache_costs_only_time(installed: Path, tmp_path: Path, content: bytes) -> None:
    cache = tmp_path / "lists.msgpack"
    cache.write_bytes(content)
    assert names(read(installed, cache)) == names(read(installed))


def test_what_can_not_be_read_names_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    packages, nodes = tmp_path / "site-packages", tmp_path / "custom_nodes"
    template(packages / "comfyui_workflow_templates", "broken.json").write_bytes(b'{"models": [')
    template(packages / "comfyui_workflow_templates", "folder.json").unlink()
    (packages / "comfyui_workflow_templates" / "templates" / "folder.json").mkdir()
    (nodes / "p").mkdir(parents=True)
    (nodes / "p" / "pyproject.toml").write_bytes(b"[tool.comfy]\nModels = [[[\xff")
    assert read(tmp_path) == []


def test_an_environment_counts_only_where_comfyui_runs_in_it(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.12" / "site-packages"
    packages.mkdir(parents=True)
    active = {"VIRTUAL_ENV": str(tmp_path)}
    assert str(packages) not in environments_of_comfyui(active)
    (packages / "comfyui_frontend_package").mkdir()
    assert str(packages) in environments_of_comfyui(active)
