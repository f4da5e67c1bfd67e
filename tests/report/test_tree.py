"""What a person reads of one workflow."""

from comfyfixer.errors import WorkflowError
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import ModelReference, NodeReference, Workflow
from comfyfixer.report.tree import Line, tree


def use(
    value: str, node_id: str, folder: str | None = "loras", known_by: str | None = "builtin", **more: object
) -> ModelReference:
    given = {
        "value": value, "filename": value, "folder": folder, "expected_type": "x", "folder_known_by": known_by,
        "node_id": node_id, "node_type": "Loader", "input": "name", **more,
    }  # fmt: skip
    return ModelReference(**given)  # type: ignore[arg-type]


def custom(node_type: str, node_id: str, **more: object) -> NodeReference:
    return NodeReference(node_type=node_type, node_id=node_id, **{"active": True, **more})  # type: ignore[arg-type]


def lines(*models: ModelReference, nodes: tuple[NodeReference, ...] = ()) -> list[Line]:
    return list(tree(Workflow(path="w.json", format="ui", models=models, custom_nodes=nodes)))


def test_needs_are_grouped_by_folder_and_how_it_is_known() -> None:
    found = lines(
        use("b.safetensors", "1", "vae", "pack"),
        use("a.pt", "2"),
        use("c.pt", "3", None, None),
        use("d.pt", "4", "loras", "popular"),
    )

    assert [line.text for line in found] == [
        "w.json  (ui: 4 model files)",
        "  loras  (known from ComfyUI's own nodes)",
        "    a.pt  Loader #2",
        "  loras  (known from popular packs)",
        "    d.pt  Loader #4",
        "  vae  (known from the pack's source)",
        "    b.safetensors  Loader #1",
        "  folder unknown",
        "    c.pt  Loader #3",
        "",
    ]


def test_what_does_not_run_is_dimmed_and_says_so() -> None:
    found = lines(use("a.pt", "1"), use("b.pt", "2", active=False), nodes=(custom("N", "3", active=False),))

    assert found[0].text == "w.json  (ui: 1 model file, 1 more not in use)"
    assert [line.text for line in found if line.dim] == [
        "    b.pt  Loader #2, muted or bypassed",
        "    N  #3, muted or bypassed",
    ]


def test_a_file_that_several_nodes_load_is_one_line() -> None:
    found = lines(*(use("a.pt", str(number)) for number in range(9)))

    assert found[2].text == "    a.pt  Loader #0, #1, #2, #3, #4, #5 and 3 more"


def test_the_workflow_s_own_word_is_told() -> None:
    found = lines(
        use("a.pt", "1", urls=("https://x",), hashes={"sha256": "0"}),
        use("emb", "2", "embeddings", origin="embedding"),
        use("base", "", "checkpoints", node_type="", hashes={"autov2": "0"}),
    )

    assert [line.text.strip() for line in found if "  (" not in line.text] == [
        "base  the picture's parameters, the workflow says with which hash",
        "emb  Loader #2, named in its text",
        "a.pt  Loader #1, the workflow says where from, and with which hash",
        "",
    ]


def test_custom_nodes_are_grouped_by_pack() -> None:
    commit = "0123456789abcdef" * 2 + "01234567"
    found = lines(
        nodes=(
            custom("Z", "1"),
            custom("B", "2", cnr_id="pack", version=commit),
            custom("A", "3", cnr_id="pack", version=commit),
            custom("C", "4", aux_id="owner/repo"),
        )
    )

    assert [line.text for line in found] == [
        "w.json  (ui: 4 custom-node types)",
        "  nodes of owner/repo",
        "    C  #4",
        "  nodes of pack 0123456789",
        "    A  #3",
        "    B  #2",
        "  custom nodes, of no pack that the workflow names",
        "    Z  #1",
        "",
    ]


def test_foreign_text_can_t_obey_a_terminal() -> None:
    found = lines(use("a\x1b[31m\n.pt", "\u202e1", "f\x07"), nodes=(custom("N\x1b", "1", cnr_id="p\n", version="\r"),))

    assert all(line.text.isprintable() for line in found)


def test_a_workflow_that_can_t_be_read_says_why() -> None:
    error = Problem.of(WorkflowError("It is cut off", code="workflow-invalid-json", hint="Save it again"))
    found = list(tree(Workflow(path="w.json", format="ui", ok=False, error=error)))

    assert found[0].text == "w.json  could not be read: It is cut off [workflow-invalid-json]"


def test_a_workflow_without_needs() -> None:
    assert lines() == [Line("w.json  (ui: no model files or custom nodes)"), Line("")]
