"""What a running ComfyUI says counts: its types, the folders of its inputs, the packs that it could not import."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.errors import SourceError
from comfyfixer.inventory import running as room
from comfyfixer.inventory.as_running import as_running
from comfyfixer.inventory.running import RunningComfyUI, ask_running
from comfyfixer.model.inventory import Installation, Inventory, NodePack
from comfyfixer.model.reference import LoaderInput
from comfyfixer.net.client import Timing, make_client
from comfyfixer.settings import Settings
from tests.net.loopback import FakeTime, Given, Loopback
from tests.support.running import BUILTIN, INT, LISTS, PACK, comfyui, described


def asked(server: Loopback) -> RunningComfyUI:
    with server:
        settings = Settings(workdir="/", comfyui_url=server.url, timeout_seconds=5)
        time = FakeTime()
        timing = Timing(wall=time.read, clock=time.read, sleep=time.sleep)
        with make_client(settings, lambda action, **details: None, cache_path=None, timing=timing) as client:
            return ask_running(client, server.url)


def folders(running: RunningComfyUI, node_type: str) -> dict[str, tuple[str, int | None]]:
    return {name: (found.folders[0], found.widget_index) for name, found in running.inputs.get(node_type, {}).items()}


def test_types_are_told_apart_by_the_module_that_registers_them() -> None:
    running = asked(comfyui(BUILTIN | PACK | {"Odd": described("custom_nodes.My.Pack", {})}))
    assert running.builtin_types == BUILTIN.keys()
    assert running.pack_types == {"good": {"GoodLoader"}, "My.Pack": {"Odd"}}
    assert (running.version, running.selecting) == ("0.33.0", False)


def test_an_input_whose_options_are_one_folders_files_lists_that_folder() -> None:
    running = asked(comfyui(BUILTIN | PACK))
    assert folders(running, "GoodLoader") == {"which": ("loras", 3), "some": ("checkpoints", 4), "vae_file": ("vae", 5)}
    assert folders(running, "LTXAVTextEncoderLoader") == {"ckpt_name": ("checkpoints", 1)}
    assert running.inputs["GoodLoader"]["which"].known_by == "object_info"


@pytest.mark.parametrize(
    "options",
    [
        ["v1.safetensors", "pixel_space"],
        ["euler", "heun"],
        ["c1.safetensors", "l1.safetensors"],
        ["None"],
        [],
        ["c1.safetensors", 7],
        ["v1.yaml"],
    ],
)
def test_any_doubt_tells_no_folder(options: list[Any]) -> None:
    running = asked(comfyui({"A": described("custom_nodes.p", {"x": [options]})}))
    assert folders(running, "A") == {}


def test_files_that_two_folders_list_tell_no_folder() -> None:
    lists = {"loras": ["a.pt"], "vae": ["a.pt", "b.pt"], "clip_vision": ["c.pt"], "style_models": ["c.pt"]}
    nodes = {"A": described("custom_nodes.p", {"exact": [["a.pt"]], "same": [["c.pt"]], "part": [["b.pt"]]})}
    assert folders(asked(comfyui(nodes, lists=lists)), "A") == {"exact": ("loras", 0), "part": ("vae", 2)}


@pytest.mark.parametrize(
    ("before", "index"),
    [
        ({"seed": ["INT", {"control_after_generate": True}]}, 2),
        ({"seed": ["INT", {"control_after_generate": False}]}, 1),
        ({"x": ["STRING", {"forceInput": True}]}, 0),
        ({"x": ["LATENT"], "y": ["FLOAT"]}, 1),
        ({"x": [["a"], {"control_after_generate": True}]}, 3),
        ({"x": ["COMFY_DYNAMICCOMBO_V3", {"options": []}]}, None),
        ({"x": ["*", {"widgetType": "STRING"}]}, 1),
    ],
)
def test_the_place_among_the_widgets_counts_what_the_frontend_adds(before: dict[str, Any], index: int | None) -> None:
    nodes = {"A": described("custom_nodes.p", {**before, "file": [list(LISTS["loras"])]})}
    assert folders(asked(comfyui(nodes)), "A") == {"file": ("loras", index)}


def test_an_older_server_without_lists_still_tells_its_types() -> None:
    body = json.dumps(BUILTIN | PACK).encode()
    running = asked(Loopback(lambda seen: Given(body=body) if seen.target == "/object_info" else Given(status=404)))
    assert running.pack_types == {"good": {"GoodLoader"}}
    assert running.inputs == {}


@pytest.mark.parametrize(
    "given",
    [Given(body=b"{}"), Given(body=b"[]"), Given(body=b"<html></html>"), Given(status=500), Given(status=404)],
)
def test_what_is_no_comfyui_is_told(given: Given) -> None:
    with pytest.raises(SourceError):
        asked(Loopback(lambda seen: given))


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["input", "input_order", "python_module", "name"]), JSON), JSON)
def test_odd_descriptions_hurt_nobody(odd: dict[str, Any], inputs: Any) -> None:
    nodes = room._nodes(
        {
            "Odd": msgspec.Raw(json.dumps(odd).encode()),
            "Worse": msgspec.Raw(json.dumps({"input": {"required": inputs}, "input_order": inputs}).encode()),
            "Good": msgspec.Raw(json.dumps(PACK["GoodLoader"]).encode()),
        }
    )
    found = {name: room._inputs(node, {"loras": frozenset(LISTS["loras"])}) for name, node in nodes.items()}
    assert found["Good"] == {"which": LoaderInput(folders=("loras",), widget_index=3, known_by="object_info")}


# --- against the files -----------------------------------------------------------------------------------------------


def pack(base: Path, name: str, *types: str, **more: Any) -> NodePack:
    return NodePack(**{"name": name, "path": str(base / "custom_nodes" / name), "node_types": frozenset(types), **more})


def inventory(base: Path, *packs: NodePack) -> Inventory:
    installation = Installation(code_dir=None, base_dir=str(base), kind="data", found_by="test")
    return Inventory(installation=installation, folders={}, models=(), packs=packs, builtin_types=frozenset({"Old"}))


def test_a_pack_that_is_there_and_not_in_it_failed_to_be_imported(tmp_path: Path) -> None:
    running = asked(comfyui(BUILTIN | PACK, packs=tmp_path / "custom_nodes"))
    packs = (
        pack(tmp_path, "good", "GoodLoader", "Guessed", complete=False),
        pack(tmp_path, "broken", "BrokenNode"),
        pack(tmp_path, "unclear", complete=False),
        pack(tmp_path, "javascript only"),
        pack(tmp_path, "rgthree-comfy", "Label (rgthree)"),
        pack(tmp_path, "off", enabled=False),
    )
    found = as_running(inventory(tmp_path, *packs), running)
    by_name = {known.name: known for known in found.packs}
    assert {name for name, known in by_name.items() if known.failed} == {"broken", "unclear"}
    assert by_name["good"].node_types == {"GoodLoader"}
    assert by_name["good"].complete
    assert by_name["good"].inputs["GoodLoader"]["which"].folders == ("loras",)
    assert (found.builtin_types, found.comfyui_version) == (running.builtin_types, "0.33.0")


@pytest.mark.parametrize("argv", [["--disable-all-custom-nodes"], ["main.py", "--whitelist-custom-nodes", "x"]])
def test_packs_that_it_was_told_not_to_load_did_not_fail(tmp_path: Path, argv: list[str]) -> None:
    running = asked(comfyui(BUILTIN, packs=tmp_path / "custom_nodes", argv=argv))
    (known,) = as_running(inventory(tmp_path, pack(tmp_path, "broken", "BrokenNode")), running).packs
    assert known.failed is None
    assert known.node_types == {"BrokenNode"}


def test_packs_of_another_installation_are_not_compared_and_count(tmp_path: Path) -> None:
    running = asked(comfyui(BUILTIN | PACK, packs=tmp_path / "elsewhere"))
    here, there = as_running(inventory(tmp_path, pack(tmp_path, "p", "A")), running).packs
    assert (here.failed, there.name) == (None, "good")
    assert there.node_types == {"GoodLoader"}


def test_a_single_file_pack_is_known_without_its_extension(tmp_path: Path) -> None:
    running = asked(comfyui({"A": described("custom_nodes.single", {"x": INT})}, packs=tmp_path / "custom_nodes"))
    (known,) = as_running(inventory(tmp_path, pack(tmp_path, "single.py", "A")), running).packs
    assert known.failed is None
