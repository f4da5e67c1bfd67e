"""Whatever the bytes are: an answer or an error of ours, in bounded time."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyfixer.errors import WorkflowError
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.read import read_workflow
from tests.scan.builders import OUTER, UUID, Json

FILES = st.sampled_from(["a.safetensors", "sub\\b.ckpt", "c", "", "None", "embedding:x", "<lora:y:1>", "{", '["d.pt"]'])
SCALARS = st.none() | st.booleans() | st.integers(-20, 20) | st.floats(allow_nan=False, allow_infinity=False) | FILES
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | FILES, inner, max_size=4),
    max_leaves=12,
)
IDS = st.integers(-10, 4) | st.sampled_from(["1", "2", "-1"])
TYPES = st.sampled_from(
    ["CheckpointLoaderSimple", "VAELoader", "LoraLoader", "PrimitiveNode", "Reroute", "Note", "Mystery", "LoRA Stacker",
     "Power Lora Loader (rgthree)", "workflow>G", "workflow/G", UUID, OUTER]
)  # fmt: skip
SOCKETS = st.fixed_dictionaries(
    {"name": st.sampled_from(["ckpt_name", "vae_name", "lora_name", "x"]), "link": st.none() | IDS},
    optional={
        "widget": st.fixed_dictionaries({"name": st.sampled_from(["ckpt_name", "lora_name", "x"])}),
        "type": FILES,
    },
)
PROXIES = st.lists(st.lists(IDS | st.sampled_from(["ckpt_name", "lora_name", "1: x", "$$y"]), max_size=3), max_size=3)
NODES = st.fixed_dictionaries(
    {"id": IDS, "type": TYPES},
    optional={
        "mode": st.sampled_from([0, 2, 4, "4", None]),
        "inputs": st.none() | st.lists(SOCKETS, max_size=3),
        "widgets_values": st.lists(SCALARS, max_size=4) | st.dictionaries(FILES, SCALARS, max_size=3) | ANYTHING,
        "widgets_values_named": ANYTHING,
        "properties": ANYTHING | st.fixed_dictionaries({"proxyWidgets": PROXIES, "models": ANYTHING}),
    },
)
LINKS = st.lists(
    st.tuples(IDS, IDS, IDS, IDS, IDS, FILES).map(list)
    | st.fixed_dictionaries({"id": IDS, "origin_id": IDS, "origin_slot": IDS, "target_id": IDS, "target_slot": IDS})
    | ANYTHING,
    max_size=4,
)
DEFINITIONS = st.fixed_dictionaries(
    {"id": st.sampled_from([UUID, OUTER]), "nodes": st.lists(NODES, max_size=4), "links": LINKS},
    optional={"inputs": st.lists(st.fixed_dictionaries({"name": st.sampled_from(["ckpt_name", "x"])}), max_size=3)},
)
WORKFLOWS = st.fixed_dictionaries(
    {"nodes": st.lists(NODES, max_size=5), "links": LINKS},
    optional={
        "definitions": st.fixed_dictionaries({"subgraphs": st.lists(DEFINITIONS, max_size=2)}) | ANYTHING,
        "extra": st.fixed_dictionaries(
            {"groupNodes": st.fixed_dictionaries({"G": st.fixed_dictionaries({"nodes": st.lists(NODES, max_size=3)})})}
        )
        | ANYTHING,
        "models": ANYTHING,
    },
)
PROMPTS = st.dictionaries(
    st.text(max_size=3), st.fixed_dictionaries({"class_type": TYPES, "inputs": st.dictionaries(FILES, ANYTHING)})
)


def outcome(data: bytes) -> object:
    try:
        return read_workflow(data, "w.json", builtin_knowledge())
    except WorkflowError as error:
        return error.code


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_end_in_an_answer_or_our_error(data: bytes) -> None:
    outcome(data)


@given(ANYTHING)
def test_any_json_ends_in_an_answer(document: object) -> None:
    assert not isinstance(outcome(msgspec.json.encode(document)), str)


@settings(max_examples=300)
@given(WORKFLOWS)
def test_any_graph_is_read_and_every_reference_is_whole(document: Json) -> None:
    found = outcome(msgspec.json.encode(document))

    for model in getattr(found, "models", ()):
        assert model.value
        assert model.filename
        assert (model.folder is None) == (model.folder_known_by is None)
        assert set(model.urls) == set(model.url_origins)


@given(PROMPTS)
def test_any_prompt_is_read(document: Json) -> None:
    assert not isinstance(outcome(msgspec.json.encode({"prompt": document})), str)


@given(WORKFLOWS, st.integers(0, 400))
def test_a_workflow_cut_anywhere_ends_in_an_answer_or_our_error(document: Json, length: int) -> None:
    outcome(msgspec.json.encode(document)[:length])
