import pytest

from comfyfixer.model.reference import LoaderInput
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.read import read_workflow
from comfyfixer.scan.text_tags import embeddings, lora_tags
from tests.scan.builders import active, link, models, node, only, read, socket, ui


@pytest.mark.parametrize("value", ["None", "", "[None]", "Baked VAE", "none", "pixel_space"])
def test_entries_that_stand_for_no_file_are_no_need(value: str) -> None:
    assert models(ui([node(1, "VAELoader", [value])])) == []


def test_a_tiny_autoencoder_needs_two_files() -> None:
    found = read(ui([node(1, "VAELoader", ["taesd"])])).models

    assert [(one.value, one.filename, one.folder) for one in found] == [
        ("taesd", "taesd_encoder", "vae_approx"),
        ("taesd", "taesd_decoder", "vae_approx"),
    ]


def test_a_tiny_video_autoencoder_lies_in_its_own_folder() -> None:
    assert active(ui([node(1, "VAELoader", ["taehv.safetensors"])])) == {("taehv.safetensors", "vae_approx")}


def test_outputs_pictures_and_enumerations_are_no_models() -> None:
    nodes = [
        node(1, "SaveImage", ["out/model.safetensors"]),
        node(2, "LoadImage", ["picture.bin", "image"]),
        node(3, "CheckpointSave", ["checkpoints/ComfyUI.safetensors"]),
        node(4, "My Saver", ["result.safetensors"]),
        node(5, "ShowText|pysssss", ["found model.safetensors"]),
        node(6, "easy showAnything", ["shown.safetensors"]),
        node(7, "Note", ["use model.safetensors"]),
        node(8, "CheckpointLoader", ["v1-inference.yaml", "real.ckpt"]),
    ]

    assert active(ui(nodes)) == {("real.ckpt", "checkpoints")}


def test_nodes_that_fetch_their_own_files_need_none_placed() -> None:
    nodes = [
        node(1, "DWPreprocessor", ["enable", "enable", "enable", 512, "yolox_l.onnx", "dw-ll.onnx"]),
        node(2, "DownloadAndLoadSAM2Model", ["sam2.1.safetensors"]),
        node(3, "BizyAir_VAELoader", ["ae.safetensors"]),
        node(4, "DWPreprocessor_Provider_for_SEGS //Inspire", [True, True, True, 512, "yolox_l.onnx"]),
    ]

    assert models(ui(nodes)) == []


def test_a_file_in_a_node_nobody_knows_is_found_with_the_folder_its_input_names() -> None:
    inputs = [socket("seed", widget=True), socket("lora_name", widget=True)]
    found = only(ui([node(1, "Mystery", [7, "randomize", "x\\l.safetensors"], inputs=inputs)]))

    assert (found.value, found.folder, found.folder_known_by) == ("x\\l.safetensors", "loras", "input-name")
    assert found.input == "lora_name"


def test_a_file_without_any_hint_has_no_folder() -> None:
    found = only(ui([node(1, "Mystery", ["thing.gguf"])]))

    assert (found.folder, found.folder_known_by, found.expected_type) == (None, None, "unknown")
    assert found.input == "widget 0"


def test_a_loader_s_name_tells_the_folder_when_nothing_else_does() -> None:
    found = only(ui([node(1, "FancyVAELoader", ["v.safetensors"])]))

    assert (found.folder, found.folder_known_by) == ("vae", "node-name")


@pytest.mark.parametrize(
    ("inputs", "outputs", "folder"),
    [
        ([], ["MODEL", "CLIP", "VAE"], "checkpoints"),
        ([], ["CONTROL_NET"], "controlnet"),
        ([], ["MODEL", "STRING"], None),
        (["MODEL"], ["MODEL"], None),
        (["MODEL"], ["MODEL", "VAE"], "vae"),
    ],
)
def test_what_comes_out_of_a_node_and_did_not_go_in_tells_the_folder(
    inputs: list[str], outputs: list[str], folder: str | None
) -> None:
    sockets = [socket("x", kind=kind) for kind in inputs]
    mystery = node(1, "Mystery", ["m.safetensors"], inputs=sockets, outputs=[{"type": kind} for kind in outputs])

    assert only(ui([mystery])).folder == folder


def test_a_popular_pack_s_loader_is_known_without_the_pack() -> None:
    found = only(ui([node(1, "UltralyticsDetectorProvider", ["bbox/face.pt"])]))

    assert (found.folder, found.folder_known_by, found.input) == ("ultralytics", "popular", "model_name")


def test_a_prompt_that_ends_in_an_embedding_is_no_file_itself() -> None:
    assert active(ui([node(1, "Mystery", ["bad, embedding:worse.pt"])])) == {("worse.pt", "embeddings")}


@pytest.mark.parametrize("node_type", ["Shiny LoRA", "AllLoras"])
def test_a_class_that_is_called_a_lora_loads_one(node_type: str) -> None:
    assert active(ui([node(1, node_type, ["l.safetensors"])])) == {("l.safetensors", "loras")}


@pytest.mark.parametrize(
    ("upscale_type", "use_controlnet", "needed"),
    [
        ("latent", False, {"hires.safetensors"}),
        ("pixel", True, {"4x.pth", "cn.safetensors"}),
        ("both", "_", {"hires.safetensors", "4x.pth"}),
    ],
)
def test_what_the_mode_of_a_script_leaves_out_is_inactive(
    upscale_type: str, use_controlnet: object, needed: set[str]
) -> None:
    upscaling = [upscale_type, "hires.safetensors", "nearest", "4x.pth", 1.25, True]
    values = [*upscaling, 7, None, 12, 0.5, 1, use_controlnet, "cn.safetensors", 1]
    found = read(ui([node(1, "HighRes-Fix Script", values)])).models

    assert {(one.filename, one.folder) for one in found} == {
        ("hires.safetensors", "checkpoints"),
        ("4x.pth", "upscale_models"),
        ("cn.safetensors", "controlnet"),
    }
    assert {one.filename for one in found if one.active} == needed


def test_rows_of_two_kinds_are_told_apart_and_those_above_the_count_are_inactive() -> None:
    rows = ["a.ckpt", -1, "Baked VAE", "b.ckpt", -1, "v.pt", "c.ckpt", -1, "w.pt"]
    values = ["Base", "Ckpt Names", "", False, "ascending", -1, 2, *rows]
    found = read(ui([node(1, "XY Input: Checkpoint", values)])).models

    assert sorted((one.value, one.folder, one.active) for one in found) == [
        ("a.ckpt", "checkpoints", True),
        ("b.ckpt", "checkpoints", True),
        ("c.ckpt", "checkpoints", False),
        ("v.pt", "vae", True),
        ("w.pt", "vae", False),
    ]


def test_a_popular_loader_s_value_is_stale_where_its_widget_is_fed() -> None:
    nodes = [
        node(1, "Something", []),
        node(2, "ttN pipeLoader_v2", ["stale.ckpt", "Default", "v.pt"], inputs=[socket("ckpt_name", 5, widget=True)]),
    ]

    assert active(ui(nodes, [link(5, (1, 0), (2, 0))])) == {("v.pt", "vae")}


def test_the_source_of_an_installed_pack_beats_the_popular_table() -> None:
    own = {"UltralyticsDetectorProvider": {"model_name": LoaderInput(folders=("my_detectors",))}}
    data = b'{"nodes":[{"id":1,"type":"UltralyticsDetectorProvider","widgets_values":["bbox/f.pt"]}],"links":[]}'
    workflow = read_workflow(data, "w", builtin_knowledge().with_packs(own))

    assert workflow is not None
    assert [(found.folder, found.folder_known_by) for found in workflow.models] == [("my_detectors", "pack")]


def test_a_pack_does_not_override_a_class_of_comfyui() -> None:
    knowledge = builtin_knowledge().with_packs({"VAELoader": {"vae_name": LoaderInput(folders=("elsewhere",))}})

    assert knowledge.slots["VAELoader"] == builtin_knowledge().slots["VAELoader"]


def test_a_stale_value_without_a_name_is_no_need_when_its_widget_is_fed() -> None:
    nodes = [
        node(1, "SomePicker", ["picked.safetensors"]),
        node(2, "MysteryLoader", ["stale.safetensors", 1.0], inputs=[socket("lora_name", 5, widget=True)]),
    ]

    assert active(ui(nodes, [link(5, (1, 0), (2, 0))])) == {("picked.safetensors", None)}


def test_rows_of_a_power_lora_loader_have_their_own_switches() -> None:
    values = [
        {},
        {"type": "PowerLoraLoaderHeaderWidget"},
        {"on": True, "lora": "a/on.safetensors", "strength": 1, "strengthTwo": None},
        {"on": False, "lora": "off.safetensors", "strength": 1},
        {"on": True, "lora": "None", "strength": 1},
        "",
    ]
    found = read(ui([node(1, "Power Lora Loader (rgthree)", values)])).models

    assert [(one.value, one.folder, one.active, one.origin) for one in found] == [
        ("a/on.safetensors", "loras", True, "nested"),
        ("off.safetensors", "loras", False, "nested"),
    ]


def test_names_without_extension_beside_a_strength_are_loras() -> None:
    values = [
        "<lora:one:1>",
        [{"name": "one", "strength": 1, "active": True}, {"name": "two", "strength": 1, "active": False}],
    ]

    assert ("1", "two", "loras", False) in models(ui([node(1, "Lora Stacker (LoraManager)", values)]))


def test_json_inside_a_text_is_read() -> None:
    text = '[{"on": true, "lora": "deep.safetensors"}]'

    assert active(ui([node(1, "Mystery", [text])])) == {("deep.safetensors", "loras")}


def test_a_choice_wrapped_with_its_picture_is_read() -> None:
    values = [{"content": "wrapped.safetensors", "image": None}, 1, 1]

    assert active(ui([node(1, "LoraLoader|pysssss", values)])) == {("wrapped.safetensors", "loras")}


def test_rows_of_a_stack_that_are_switched_off_are_inactive() -> None:
    values = ["Off", "off.safetensors", 1, 1, "On", "on.safetensors", 1, 1, "Off", "None", 1, 1]

    assert models(ui([node(1, "CR LoRA Stack", values)])) == [
        ("1", "off.safetensors", "loras", False),
        ("1", "on.safetensors", "loras", True),
    ]


def test_rows_behind_the_count_of_a_stack_are_inactive() -> None:
    values = ["simple", 1, "used.safetensors", 1, 1, 1, "unused.safetensors", 1, 1, 1]

    assert models(ui([node(1, "LoRA Stacker", values)])) == [
        ("1", "used.safetensors", "loras", True),
        ("1", "unused.safetensors", "loras", False),
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("embedding:easynegative, blurry", ["easynegative"]),
        ("bad, embedding:sub/neg.pt", ["sub/neg.pt"]),
        ("(embedding:neg:1.2), (embedding:two)", ["neg", "two"]),
        ("a (b embedding:neg:0.8)", ["neg"]),
        ("embedding:a\nembedding:b[x]", ["a", "b"]),
        ("notembedding:x", []),
        ("embedding:esc\\(ape\\)", ["esc(ape)"]),
        ("embedding:same embedding:same", ["same"]),
        ("embedding: spaced", []),
    ],
)
def test_embeddings_in_text(text: str, names: list[str]) -> None:
    assert list(embeddings(text)) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("<lora:one:0.8> and <lora:sub/two:1:0.5>", ["one", "sub/two"]),
        ("<LORA:upper:1>", ["upper"]),
        ("<lora:unfinished", []),
        ("<lora::1>", []),
        ("<lora:$VARIABLE:1>", []),
    ],
)
def test_lora_tags_in_text(text: str, names: list[str]) -> None:
    assert list(lora_tags(text)) == names


def test_text_that_reaches_a_prompt_names_embeddings() -> None:
    nodes = [
        node(1, "PrimitiveNode", ["embedding:given", "fixed"]),
        node(2, "CLIPTextEncode", ["embedding:stale"], inputs=[socket("text", 5, widget=True, kind="STRING")]),
        node(3, "Some Text Box", ["embedding:boxed"]),
        node(4, "MarkdownNote", ["embedding:noted"]),
    ]
    found = read(ui(nodes, [link(5, (1, 0), (2, 0))])).models

    assert [(one.value, one.folder, one.origin) for one in found] == [
        ("given", "embeddings", "embedding"),
        ("boxed", "embeddings", "embedding"),
    ]


def test_lora_tags_count_only_where_the_class_loads_them() -> None:
    nodes = [node(1, "CLIPTextEncode", ["<lora:no:1>"]), node(2, "ImpactWildcardEncode", ["<lora:yes:1>"])]
    found = read(ui(nodes)).models

    assert [(one.value, one.folder, one.origin) for one in found] == [("yes", "loras", "lora-tag")]
