import pytest

from tests.scan.builders import active, link, link_object, models, node, only, read, socket, ui

CHECKPOINT = "CheckpointLoaderSimple"


def test_a_loader_names_its_file_with_folder_and_place() -> None:
    found = only(ui([node(4, CHECKPOINT, ["base.safetensors"])]))

    assert (found.value, found.filename, found.folder) == ("base.safetensors", "base.safetensors", "checkpoints")
    assert (found.expected_type, found.folder_known_by, found.origin) == ("checkpoint", "builtin", "widget")
    assert (found.node_id, found.node_type, found.input, found.active) == ("4", CHECKPOINT, "ckpt_name", True)


def test_a_windows_path_keeps_its_value_and_gives_its_base_name() -> None:
    found = only(ui([node(4, CHECKPOINT, ["sub\\win.safetensors"])]))

    assert (found.value, found.filename) == ("sub\\win.safetensors", "win.safetensors")


@pytest.mark.parametrize("mode", [2, 4])
def test_a_muted_or_bypassed_loader_is_known_and_inactive(mode: int) -> None:
    assert models(ui([node(4, CHECKPOINT, ["a.safetensors"], mode=mode)])) == [
        ("4", "a.safetensors", "checkpoints", False)
    ]


def test_a_loader_that_nothing_is_connected_to_is_still_a_need() -> None:
    assert active(ui([node(4, CHECKPOINT, ["a.ckpt"]), node(5, "EmptyImage", [16, 16, 1, 0])])) == {
        ("a.ckpt", "checkpoints")
    }


def test_a_built_in_loader_s_value_needs_no_extension() -> None:
    assert active(ui([node(4, CHECKPOINT, ["noext"])])) == {("noext", "checkpoints")}


def test_values_by_name_are_read_by_name() -> None:
    values = {"strength_model": 0.5, "lora_name": "named.safetensors"}

    assert active(ui([node(4, "LoraLoaderModelOnly", values)])) == {("named.safetensors", "loras")}


def test_values_that_are_saved_only_by_name_are_defaults_to_comfyui() -> None:
    saved = node(4, CHECKPOINT)
    del saved["widgets_values"]
    saved["widgets_values_named"] = {"ckpt_name": "named_only.safetensors"}

    assert models(ui([saved])) == []


def test_the_list_wins_over_values_by_name() -> None:
    saved = node(4, CHECKPOINT, ["list.safetensors"], widgets_values_named={"ckpt_name": "named.safetensors"})

    assert active(ui([saved])) == {("list.safetensors", "checkpoints")}


def test_links_as_objects_in_schema_1_are_followed() -> None:
    primitive = node(3, "PrimitiveNode", ["given.safetensors", "fixed"])
    loader = node(4, CHECKPOINT, ["own.safetensors"], inputs=[socket("ckpt_name", 1, widget=True)])
    document = {"version": 1, "nodes": [primitive, loader], "links": [link_object(1, (3, 0), (4, 0))], "state": {}}

    assert active(document) == {("given.safetensors", "checkpoints")}


def test_ids_and_slots_may_be_texts() -> None:
    primitive = node("3", "PrimitiveNode", ["given.safetensors", "fixed"])
    loader = node("4", CHECKPOINT, ["own.safetensors"], inputs=[socket("ckpt_name", "1", widget=True)])

    assert models(ui([primitive, loader], [[1, "3", "0", "4", "0", "COMBO"]])) == [
        ("4", "given.safetensors", "checkpoints", True)
    ]


def test_a_primitive_reaches_its_loader_through_a_reroute() -> None:
    nodes = [
        node(3, "PrimitiveNode", ["given.safetensors", "fixed"]),
        node(6, "Reroute", inputs=[socket("", 1, kind="*")]),
        node(4, CHECKPOINT, ["own.safetensors"], inputs=[socket("ckpt_name", 2, widget=True)]),
    ]

    assert active(ui(nodes, [link(1, (3, 0), (6, 0)), link(2, (6, 0), (4, 0))])) == {
        ("given.safetensors", "checkpoints")
    }


def test_a_value_that_comes_from_another_node_makes_the_widget_s_own_stale() -> None:
    nodes = [
        node(3, "SomePicker", ["picked.safetensors"]),
        node(4, CHECKPOINT, ["stale.safetensors"], inputs=[socket("ckpt_name", 1, widget=True)]),
    ]

    assert models(ui(nodes, [link(1, (3, 0), (4, 0))])) == [("3", "picked.safetensors", "checkpoints", True)]


def test_a_muted_source_gives_nothing_so_the_own_value_is_sent() -> None:
    nodes = [
        node(3, "PrimitiveNode", ["given.safetensors", "fixed"], mode=2),
        node(4, CHECKPOINT, ["own.safetensors"], inputs=[socket("ckpt_name", 1, widget=True)]),
    ]

    assert active(ui(nodes, [link(1, (3, 0), (4, 0))])) == {("own.safetensors", "checkpoints")}


def test_a_link_that_does_not_exist_is_none() -> None:
    loader = node(4, CHECKPOINT, ["own.safetensors"], inputs=[socket("ckpt_name", 7, widget=True)])

    assert active(ui([loader])) == {("own.safetensors", "checkpoints")}


def test_reroutes_in_a_circle_end() -> None:
    nodes = [
        node(5, "Reroute", inputs=[socket("", 2, kind="*")]),
        node(6, "Reroute", inputs=[socket("", 1, kind="*")]),
        node(4, CHECKPOINT, ["own.safetensors"], inputs=[socket("ckpt_name", 3, widget=True)]),
    ]
    links = [link(1, (5, 0), (6, 0)), link(2, (6, 0), (5, 0)), link(3, (6, 0), (4, 0))]

    assert models(ui(nodes, links)) == []


def test_null_where_lists_and_objects_belong_is_taken() -> None:
    bare = {"id": 4, "type": CHECKPOINT, "inputs": None, "properties": None, "widgets_values": ["a.safetensors"]}

    assert active({"nodes": [bare], "links": None, "extra": None, "config": None, "definitions": None}) == {
        ("a.safetensors", "checkpoints")
    }


def test_odd_parts_are_left_out_and_the_rest_is_read() -> None:
    document = {
        **ui([]),
        "nodes": ["text", 5, node(4, CHECKPOINT, ["a.safetensors"], inputs="odd", properties=[]), {"id": 9}],
    }

    assert active(document) == {("a.safetensors", "checkpoints")}


def test_node_types_tell_packs_from_comfyui_and_the_browser() -> None:
    saved = {"cnr_id": "some-pack", "aux_id": "owner/some-pack", "ver": "1.2.3"}
    workflow = read(
        ui(
            [
                node(1, CHECKPOINT, ["a.safetensors"]),
                node(2, "Reroute"),
                node(3, "Note", ["text"]),
                node(4, "ImageBatch"),
                node(5, "Pack Node", properties=saved, mode=4),
                node(6, "FutureNode", properties={"cnr_id": "comfy-core", "ver": "9.9.9"}),
                node(7, "0000000b-0000-4000-8000-000000000000"),
                node(8, "workflow>Gone"),
            ]
        )
    )

    assert workflow.format == "ui"
    assert workflow.node_types == (CHECKPOINT, "FutureNode", "ImageBatch", "Pack Node")
    pack, future = workflow.custom_nodes
    assert (pack.node_type, pack.node_id, pack.active) == ("Pack Node", "5", False)
    assert (pack.cnr_id, pack.aux_id, pack.version) == ("some-pack", "owner/some-pack", "1.2.3")
    assert (future.node_type, future.cnr_id, future.version) == ("FutureNode", None, None)


@pytest.mark.parametrize("mode", [2, 4])
def test_a_type_is_inactive_where_each_of_its_nodes_is(mode: int) -> None:
    inside = {"id": "s", "name": "S", "nodes": [node(1, "ImageInvert")], "links": [], "inputs": [], "outputs": []}
    nodes = [
        node(1, "ImageBatch", mode=mode),
        node(2, "ImageScale", mode=mode),
        node(3, "ImageScale"),
        node(4, "s", mode=mode),
        node(5, "Pack Node", mode=mode),
    ]
    workflow = read(ui(nodes, definitions={"subgraphs": [inside]}))

    assert workflow.node_types == ("ImageBatch", "ImageInvert", "ImageScale", "Pack Node")
    assert workflow.inactive_types == ("ImageBatch", "ImageInvert", "Pack Node")
