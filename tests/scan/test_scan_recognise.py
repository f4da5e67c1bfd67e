import json

import pytest

from comfyfixer.errors import WorkflowError
from comfyfixer.scan import recognise
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.read import read_workflow
from tests.scan.builders import active, node, ui

WORKFLOW = ui([node(4, "CheckpointLoaderSimple", ["a.safetensors"], title="Zażółć")])
NEEDED = {("a.safetensors", "checkpoints")}


def refusal(data: bytes) -> str:
    with pytest.raises(WorkflowError) as raised:
        read_workflow(data, "w.json", builtin_knowledge())
    assert raised.value.hint
    return raised.value.code


@pytest.mark.parametrize(
    "document",
    [
        {"name": "package", "version": "1.0.0", "dependencies": {"a": "1"}},
        {"nodes": [{"type": "n8n-nodes-base.start", "parameters": {}}], "connections": {}},
        {"nodes": [{"id": "a", "data": {}, "type": "customNode"}], "edges": []},
        {"nodes": ["a", "b"], "links": []},
        {"nodes": [{"id": "a", "type": "person"}], "links": [{"source": "a", "target": "b"}]},
        {"nodes": [{"id": 1, "type": "math/sum", "properties": {}}], "links": [], "version": 0.4},
        {"templates": [{"name": "t", "data": json.dumps({"nodes": [node(1, "VAELoader")], "links": []})}]},
        {"weight_map": {"a": "model-00001-of-00002.safetensors"}},
        [{"class_type": "x"}],
        [],
        [{"nodes": "many"}, "text"],
        {},
        "text about nodes",
        17,
        None,
    ],
)
def test_other_json_is_passed_over(document: object) -> None:
    assert read_workflow(json.dumps(document).encode(), "x.json", builtin_knowledge()) is None


def test_a_configuration_file_with_comments_is_passed_over() -> None:
    data = b'{\n  // compiler\n  "a": "http://x", /* two */\n  "b": [1, 2,],\n  "c": [3, // last\n  ],\n  // "d": 4\n}'

    assert read_workflow(data, "tsconfig.json", builtin_knowledge()) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "workflow-empty"),
        (b" \n\t ", "workflow-empty"),
        (b"<html><body>404</body></html>", "workflow-invalid-json"),
        (json.dumps(WORKFLOW).encode()[:-20], "workflow-invalid-json"),
        (json.dumps(WORKFLOW).encode().replace(b"a.safe", b"\xff.safe"), "workflow-encoding"),
        (b"[" * 10_000, "workflow-too-deep"),
        (b'{"nodes":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "workflow-too-deep"),
        (b'{"nodes":[],"links":[],"extra":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, "workflow-too-deep"),
        (b"\xff\xfe\x00", "workflow-encoding"),
    ],
)
def test_what_should_be_a_workflow_and_can_t_be_read_is_told(data: bytes, code: str) -> None:
    assert refusal(data) == code


@pytest.mark.parametrize("start", ["{", '{"version": NaN, '])
def test_a_workflow_that_was_cut_off_is_told_in_plain_words(start: str) -> None:
    text = json.dumps(WORKFLOW, ensure_ascii=False).replace("{", start, 1).encode()
    for end in range(len(text) // 2, len(text)):
        with pytest.raises(WorkflowError) as raised:
            read_workflow(text[:end], "w.json", builtin_knowledge())
        if start == "{" or text[:end].decode(errors="ignore").encode() == text[:end]:
            assert raised.value.message == "The file ends too early (it was cut off)"
        assert raised.value.code in ("workflow-invalid-json", "workflow-encoding")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_huge_file_of_another_kind_is_passed_over_though_only_its_beginning_is_here(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognise, "MAX_BYTES", 100)
    other = json.dumps({"nodes": [{"id": 1, "x": "y" * 200}], "edges": []}).encode(encoding)
    ours = json.dumps({"widgets_values": [], **WORKFLOW}).encode(encoding)

    assert read_workflow(other[:101], "x.json", builtin_knowledge()) is None
    assert refusal(ours[:101]) == "workflow-too-large"


def test_a_workflow_above_all_sizes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "MAX_BYTES", 100)

    assert refusal(json.dumps(WORKFLOW).encode()) == "workflow-too-large"
    assert read_workflow(b'{"a": "' + b"x" * 200 + b'"}', "x.json", builtin_knowledge()) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_understood(encoding: str) -> None:
    assert active(json.dumps(WORKFLOW, ensure_ascii=False).encode(encoding)) == NEEDED


def test_bare_not_a_number_is_null_as_in_the_frontend() -> None:
    text = json.dumps(WORKFLOW).replace('"version": 0.4', '"version": NaN, "x": [-Infinity, 1e999, "NaN \\" NaN"]')

    assert active(text.encode()) == NEEDED


def test_half_a_character_does_no_harm() -> None:
    text = json.dumps(WORKFLOW).replace(
        '"version": 0.4', '"version": 0.4, "id": "\\ud83d and \\ude00 and \\ud83d\\ude00"'
    )

    assert active(text.encode()) == NEEDED


def test_a_workflow_in_a_wrapper_is_found() -> None:
    assert active({"workflow": WORKFLOW, "image": None}) == NEEDED
    assert active({"data": {"workflow": json.dumps(WORKFLOW)}}) == NEEDED


def test_a_graph_of_other_editors_types_with_one_of_ours_is_ours() -> None:
    assert active(ui([node(1, "math/sum"), *WORKFLOW["nodes"]])) == NEEDED
