"""Needed files are examined once, others never; what is broken or surely of another kind counts as missing."""

import os
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.content.examine import examine_bytes
from comfyfixer.model.content import Content
from comfyfixer.model.inventory import Installation, InstalledModel, Inventory, ModelFolder
from comfyfixer.model.reference import ModelReference, Workflow
from comfyfixer.pipeline import contents
from comfyfixer.pipeline.contents import RememberingExaminer
from comfyfixer.pipeline.examining import examined
from comfyfixer.pipeline.session import Session
from comfyfixer.resolve.gathering import gathered
from comfyfixer.resolve.missing import find_missing_models
from comfyfixer.settings import Settings
from tests.content.files import safetensors

LORA = safetensors(["lora_te2_x.lora_up.weight", "lora_te2_x.lora_down.weight"])


class Bench:
    """An installation's model files, and workflows that need some of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[dict[str, Any]] = []
        self.models: list[InstalledModel] = []
        self.references: list[ModelReference] = []

    def put(self, folder: str, name: str, data: bytes) -> Path:
        path = self.folder / "models" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.models.append(InstalledModel(folder=folder, name=name, path=str(path), size_bytes=len(data), mtime_ns=0))
        return path

    def need(self, folder: str | None, value: str, **more: Any) -> None:
        known = {"folder_known_by": "builtin", "origin": "widget", **more}
        self.references.append(
            ModelReference(
                value=value, filename=value.rpartition("/")[2], folder=folder, expected_type="x", node_id="1",
                node_type="Loader", input="name", **known,
            )
        )  # fmt: skip

    def examined(self) -> Inventory:
        self.told.clear()
        session = Session(Settings(workdir=str(self.folder / "work")), self._emit, lambda: False)
        workflow = Workflow(path="w.json", format="ui", models=tuple(self.references))
        self.inventory = examined(session, gathered([workflow]).files, self._inventory())
        return self.inventory

    def missing(self) -> dict[str, list[tuple[str, str | None]]]:
        """Each missing file with what is here instead, and why."""
        workflow = Workflow(path="w.json", format="ui", models=tuple(self.references))
        rows = find_missing_models(gathered([workflow]).files, self.examined())
        return {row.value: [(match.why, match.detail) for match in row.local_matches] for row in rows}

    def _inventory(self) -> Inventory:
        place = Installation(code_dir=None, base_dir=str(self.folder), kind="data", found_by="a test")
        loras = ModelFolder(name="loras", roots=(str(self.folder / "models/loras"),), extensions=frozenset())
        return Inventory(installation=place, folders={"loras": loras}, models=tuple(self.models))

    def _emit(self, action: str, **details: Any) -> None:
        if action == "problem.found":
            self.told.append(details)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_broken_file_counts_as_missing_and_says_why(bench: Bench) -> None:
    path = bench.put("checkpoints", "sub/x.safetensors", b"")
    bench.need("checkpoints", "sub/x.safetensors")
    assert bench.missing() == {"sub/x.safetensors": [("broken", "What is here is broken: 0 bytes")]}
    assert [(told["code"], told["where"]) for told in bench.told] == [("model-broken", str(path))]


def test_a_lora_among_the_checkpoints_counts_as_missing_and_is_named(bench: Bench) -> None:
    bench.put("checkpoints", "x.safetensors", LORA)
    bench.need("checkpoints", "x.safetensors")
    ((why, detail),) = bench.missing()["x.safetensors"]
    assert why == "wrong-kind"
    assert "a LoRA (SDXL) in `checkpoints`" in str(detail)
    assert [told["code"] for told in bench.told] == ["model-wrong-kind"]


@pytest.mark.parametrize("known_by", ["input-name", "node-name", "node-outputs"])
def test_where_the_folder_is_a_guess_the_kind_proves_nothing(bench: Bench, known_by: str) -> None:
    bench.put("checkpoints", "x.safetensors", LORA)
    bench.need("checkpoints", "x.safetensors", folder_known_by=known_by)
    assert bench.missing() == {}
    assert bench.told == []


def test_sound_files_of_the_right_kind_are_there(bench: Bench) -> None:
    bench.put("loras", "x.safetensors", LORA)
    bench.put("vae", "y.ckpt", b"\x80\x02}.")
    bench.need("loras", "x.safetensors")
    bench.need("vae", "y.ckpt")
    assert bench.missing() == {}
    assert bench.inventory.models == tuple(bench.models)


def test_only_needed_files_are_opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def noting(path: str) -> Content:
        opened.append(path)
        return examine_bytes(path)

    monkeypatch.setattr(contents, "_read", noting)
    bench.put("loras", "other.safetensors", b"")
    bench.put("checkpoints", "x.safetensors", b"")
    needed = bench.put("loras", "x.safetensors", LORA)
    bench.need("loras", "x.safetensors")
    bench.need("loras", "other.safetensors", active=False)
    assert bench.missing() == {}
    assert opened == [str(needed)]


@pytest.mark.parametrize(("origin", "folder"), [("embedding", "embeddings"), ("lora-tag", "loras")])
def test_what_a_text_tag_names_is_examined_too(bench: Bench, origin: str, folder: str) -> None:
    bench.put(folder, "sub/x.safetensors", b"")
    bench.put(folder, "y.safetensors", b"")
    bench.need(folder, "x", origin=origin)
    assert [why for why, _ in bench.missing()["x"]] == ["broken"]
    assert len(bench.told) == 1


def test_a_file_of_which_no_folder_is_known_is_sound_in_one_place_at_least(bench: Bench) -> None:
    bench.put("a", "x.safetensors", b"")
    bench.need(None, "x.safetensors")
    assert bench.missing().keys() == {"x.safetensors"}
    bench.put("b", "x.safetensors", LORA)
    assert bench.missing() == {}


def test_one_file_below_two_folder_names_is_told_once(bench: Bench) -> None:
    bench.put("loras", "x.safetensors", b"")
    bench.put("loras", "x.safetensors", b"")
    bench.models[1] = InstalledModel(**{**_fields(bench.models[1]), "folder": "more_loras"})
    bench.need("loras", "x.safetensors")
    bench.need("more_loras", "x.safetensors")
    assert len(bench.examined().faulty) == 2
    assert len(bench.told) == 1


@pytest.mark.parametrize("ending", [".part", ".crdownload"])
def test_an_unfinished_download_of_a_missing_file_is_told(bench: Bench, ending: str) -> None:
    path = bench.put("loras", f"sub/x.safetensors{ending}", b"half")
    bench.models.clear()
    bench.need("loras", "sub/x.safetensors")
    bench.need("loras", "../../../etc/passwd")
    missing = bench.missing()
    assert missing["sub/x.safetensors"] == [("broken", f"What is here is an unfinished download, `{path.name}`")]
    assert missing["../../../etc/passwd"] == []
    assert [(told["code"], told["where"]) for told in bench.told] == [("model-broken", str(path))]


def _fields(model: InstalledModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in model.__struct_fields__}


# --- between runs ---


def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had been changed long ago: a test can't set the time of an entry's own change."""
    monkeypatch.setattr(contents, "_SETTLED_NS", -(10**15))


def _told(cache: Path, path: Path) -> str | None:
    examiner = RememberingExaminer(cache)
    content = examiner.examine(str(path))
    examiner.save()
    return content.fault_code


def test_a_file_that_did_not_change_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settled(monkeypatch)
    file, cache = tmp_path / "x.safetensors", tmp_path / "cache"
    file.write_bytes(LORA[:-1])
    first = _told(cache, file)

    def never(path: str) -> None:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(contents, "_read", never)
    assert _told(cache, file) == first == "truncated"


def test_a_file_that_changed_is_examined_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settled(monkeypatch)
    file, cache = tmp_path / "x.safetensors", tmp_path / "cache"
    file.write_bytes(LORA)
    assert _told(cache, file) is None
    before = file.stat()
    file.write_bytes(bytes(len(LORA)))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _told(cache, file) == "unreadable"


def test_a_file_that_changed_just_now_is_not_remembered(tmp_path: Path) -> None:
    file, cache = tmp_path / "x.safetensors", tmp_path / "cache"
    file.write_bytes(LORA)
    assert _told(cache, file) is None
    assert not cache.exists()


def test_what_is_left_beside_a_file_is_looked_at_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settled(monkeypatch)
    file, mark, cache = tmp_path / "x.safetensors", tmp_path / "x.safetensors.aria2", tmp_path / "cache"
    file.write_bytes(LORA)
    mark.write_bytes(b"?")
    assert _told(cache, file) == "left-over"
    mark.unlink()
    assert _told(cache, file) is None


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x92\xa1x\x80"])
def test_a_damaged_cache_costs_time_only(tmp_path: Path, damage: bytes) -> None:
    file, cache = tmp_path / "x.safetensors", tmp_path / "cache"
    file.write_bytes(b"")
    cache.write_bytes(damage)
    assert _told(cache, file) == "empty"
