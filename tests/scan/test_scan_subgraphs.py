import pytest

from comfyfixer.errors import WorkflowError
from tests.scan.builders import (
    OUTER,
    UUID,
    active,
    checkpoint_and_lora,
    link,
    link_object,
    models,
    node,
    read,
    socket,
    ui,
    with_subgraphs,
)

LORA = ("inner_lora.safetensors", "loras")


def instance(node_id: int, values: object = None, **more: object) -> dict[str, object]:
    return node(node_id, UUID, values, **{"inputs": [socket("ckpt_name", widget=True)], **more})


def test_two_instances_give_two_values_to_the_same_loader() -> None:
    document = with_subgraphs([instance(5, ["A.safetensors"]), instance(6, ["B.safetensors"])], checkpoint_and_lora())

    assert models(document) == [
        ("5:1", "A.safetensors", "checkpoints", True),
        ("5:2", *LORA, True),
        ("6:1", "B.safetensors", "checkpoints", True),
        ("6:2", *LORA, True),
    ]


def test_an_instance_without_values_leaves_the_inner_ones() -> None:
    assert active(with_subgraphs([instance(5)], checkpoint_and_lora())) == {
        ("inner.safetensors", "checkpoints"),
        LORA,
    }


def test_null_from_the_instance_is_null_and_no_file() -> None:
    assert active(with_subgraphs([instance(5, [None])], checkpoint_and_lora())) == {LORA}


def test_old_proxies_take_values_by_their_own_order() -> None:
    old = instance(
        5,
        ["P_lora.safetensors", "P.safetensors"],
        properties={"proxyWidgets": [["2", "lora_name"], ["1", "ckpt_name"]]},
    )

    assert active(with_subgraphs([old], checkpoint_and_lora())) == {
        ("P.safetensors", "checkpoints"),
        ("P_lora.safetensors", "loras"),
    }


def test_an_old_proxy_to_minus_one_means_the_definition_s_own_input() -> None:
    old = instance(5, ["M.safetensors"], properties={"proxyWidgets": [["-1", "ckpt_name"]]})

    assert active(with_subgraphs([old], checkpoint_and_lora())) == {("M.safetensors", "checkpoints"), LORA}


def test_a_preview_proxy_takes_a_place_and_gives_nothing() -> None:
    proxies = [["2", "$$canvas"], ["1", "1: ckpt_name"]]
    old = instance(5, ["", "P.safetensors"], properties={"proxyWidgets": proxies})

    assert active(with_subgraphs([old], checkpoint_and_lora())) == {("P.safetensors", "checkpoints"), LORA}


def test_old_proxies_without_values_leave_the_inner_ones() -> None:
    old = instance(5, [], properties={"proxyWidgets": [["1", "ckpt_name"]]})

    assert active(with_subgraphs([old], checkpoint_and_lora())) == {("inner.safetensors", "checkpoints"), LORA}


def test_a_renamed_input_is_found_by_its_link() -> None:
    renamed = instance(5, ["R.safetensors"], inputs=[socket("my_model", widget=True)])

    assert active(with_subgraphs([renamed], checkpoint_and_lora("my_model"))) == {
        ("R.safetensors", "checkpoints"),
        LORA,
    }


def test_plain_sockets_do_not_count_among_the_values() -> None:
    definition = checkpoint_and_lora(
        inputs=[{"name": "model"}, {"name": "ckpt_name"}],
        links=[link_object(1, (-10, 1), (1, 0)), link_object(2, (-10, 0), (2, 0), "MODEL")],
    )
    definition["nodes"][1]["inputs"] = [socket("model", 2, kind="MODEL")]

    assert active(with_subgraphs([instance(5, ["A.safetensors"])], definition)) == {
        ("A.safetensors", "checkpoints"),
        LORA,
    }


def test_a_widget_of_an_unknown_class_counts_among_the_values() -> None:
    """The frontend miscounts here, and gives the loader the number."""
    definition = checkpoint_and_lora(
        inputs=[{"name": "size"}, {"name": "ckpt_name"}],
        links=[link_object(1, (-10, 1), (1, 0)), link_object(2, (-10, 0), (3, 0), "INT")],
    )
    definition["nodes"].append(node(3, "UnknownNode", [64], inputs=[socket("size", 2, widget=True)]))

    assert active(with_subgraphs([instance(5, [4096, "A.safetensors"])], definition)) == {
        ("A.safetensors", "checkpoints"),
        LORA,
    }


def outer(inner: dict[str, object], *, promoted: bool) -> dict[str, object]:
    return {
        "id": OUTER,
        "inputs": [{"name": "ckpt_name"}] if promoted else [],
        "nodes": [inner],
        "links": [link_object(1, (-10, 0), (3, 0))] if promoted else [],
    }


def test_a_value_reaches_a_loader_through_two_levels() -> None:
    inner = node(3, UUID, ["middle.safetensors"], inputs=[socket("ckpt_name", 1, widget=True)])
    document = with_subgraphs([node(5, OUTER, ["top.safetensors"])], outer(inner, promoted=True), checkpoint_and_lora())

    assert models(document)[0] == ("5:3:1", "top.safetensors", "checkpoints", True)


def test_an_inner_instance_s_own_value_stands_where_it_is_not_promoted() -> None:
    inner = node(3, UUID, ["middle.safetensors"], inputs=[socket("ckpt_name", widget=True)])
    document = with_subgraphs([node(5, OUTER)], outer(inner, promoted=False), checkpoint_and_lora())

    assert models(document)[0] == ("5:3:1", "middle.safetensors", "checkpoints", True)


def test_definitions_inside_definitions_are_found() -> None:
    inner = node(3, UUID, ["middle.safetensors"], inputs=[socket("ckpt_name", widget=True)])
    nesting = {**outer(inner, promoted=False), "definitions": {"subgraphs": [checkpoint_and_lora()]}}

    assert models(with_subgraphs([node(5, OUTER)], nesting))[0][1] == "middle.safetensors"


@pytest.mark.parametrize("mode", [2, 4])
def test_a_muted_or_bypassed_instance_takes_its_inner_nodes_out(mode: int) -> None:
    document = with_subgraphs([instance(5, ["A.safetensors"], mode=mode)], checkpoint_and_lora())

    assert models(document) == [("5:1", "A.safetensors", "checkpoints", False), ("5:2", *LORA, False)]


def test_a_bypassed_inner_node_is_inactive_alone() -> None:
    definition = checkpoint_and_lora()
    definition["nodes"][1]["mode"] = 4

    assert active(with_subgraphs([instance(5, ["A.safetensors"])], definition)) == {("A.safetensors", "checkpoints")}


def test_an_instance_s_input_that_another_node_feeds_has_no_known_value() -> None:
    fed = instance(5, ["stale.safetensors"], inputs=[socket("ckpt_name", 9, widget=True)])
    document = with_subgraphs(
        [fed, node(7, "SomePicker", ["picked.safetensors"])], checkpoint_and_lora(), links=[link(9, (7, 0), (5, 0))]
    )

    assert {value for value, _ in active(document)} == {"picked.safetensors", "inner_lora.safetensors"}


def test_a_primitive_does_not_reach_into_an_instance() -> None:
    fed = instance(5, inputs=[socket("ckpt_name", 9, widget=True)])
    document = with_subgraphs(
        [fed, node(7, "PrimitiveNode", ["outside.safetensors", "fixed"])],
        checkpoint_and_lora(),
        links=[link(9, (7, 0), (5, 0))],
    )

    assert active(document) == {("inner.safetensors", "checkpoints"), LORA}


def test_a_definition_without_an_instance_needs_nothing() -> None:
    assert models(with_subgraphs([node(7, "PreviewAny")], checkpoint_and_lora())) == []


def test_a_definition_that_holds_itself_ends() -> None:
    definition = checkpoint_and_lora()
    definition["nodes"].append(node(3, UUID, ["again.safetensors"]))

    assert active(with_subgraphs([instance(5, ["A.safetensors"])], definition)) == {
        ("A.safetensors", "checkpoints"),
        LORA,
    }


def test_nested_subgraphs_that_unfold_without_bounds_are_refused() -> None:
    def level(number: int) -> dict[str, object]:
        return {
            "id": f"level-{number}",
            "inputs": [],
            "nodes": [node(index, f"level-{number + 1}") for index in range(10)],
            "links": [],
        }

    document = with_subgraphs([node(1, "level-0")], *(level(number) for number in range(12)))

    with pytest.raises(WorkflowError) as refusal:
        read(document)
    assert refusal.value.code == "workflow-invalid"


@pytest.mark.parametrize("separator", [">", "/"])
def test_a_group_node_s_values_follow_one_another_and_win(separator: str) -> None:
    group = {
        "nodes": [
            node(None, "CheckpointLoaderSimple", ["defined.safetensors"]),
            node(None, "LoraLoader", ["defined_lora.safetensors", 1, 1]),
        ],
        "links": [[0, 0, 1, 0, 1, "MODEL"]],
    }
    placed = node(4, f"workflow{separator}Both", ["placed.safetensors", "placed_lora.safetensors", 1, 1])

    assert models(ui([placed], extra={"groupNodes": {"Both": group}})) == [
        ("4:0", "placed.safetensors", "checkpoints", True),
        ("4:1", "placed_lora.safetensors", "loras", True),
    ]


def test_a_group_node_with_hidden_widgets_is_matched_by_its_model_names() -> None:
    group = {
        "nodes": [
            node(None, "KSampler", [1, "fixed", 20]),
            node(None, "UNETLoader", ["defined.safetensors", "default"]),
        ]
    }
    placed = node(4, "workflow>G", [20, "placed.safetensors"], mode=2)

    assert models(ui([placed], extra={"groupNodes": {"G": group}})) == [
        ("4:1", "placed.safetensors", "diffusion_models", False)
    ]
