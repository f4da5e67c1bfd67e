"""Files made to make the reader work or hold without bounds: each of them would take minutes or gigabytes."""

import contextlib
import io
import itertools
import struct
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from comfyfixer.errors import WorkflowError
from comfyfixer.model.reference import Workflow
from comfyfixer.scan import graph as graph_room
from comfyfixer.scan import recognise as recognise_room
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.media.boxes import still_texts
from comfyfixer.scan.media.exif import exif_texts
from comfyfixer.scan.media.png import png_texts
from comfyfixer.scan.media.source import MAX_TEXT, Source
from comfyfixer.scan.media.structured import svg_texts
from comfyfixer.scan.needs import MAX_NEEDS
from comfyfixer.scan.read import read_workflow
from tests.scan import containers as c
from tests.scan.builders import OUTER, UUID, Json, node, socket, ui

MANY = 400_000


def read(document: Json | bytes) -> Workflow | None:
    data = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return read_workflow(data, "w.json", builtin_knowledge())


def refusal(document: Json | bytes) -> str:
    with pytest.raises(WorkflowError) as refused:
        read(document)
    return refused.value.message


def source(data: bytes) -> Source:
    file = io.BytesIO(data)

    def read_at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return Source(read_at, len(data))


def definition(uuid: str, nodes: list[Json], **more: Any) -> Json:
    return {"id": uuid, "nodes": nodes, "links": [], "inputs": [], "outputs": [], **more}


def test_subgraphs_that_double_at_each_depth_are_refused() -> None:
    uuids = [f"{depth:08x}-0000-4000-8000-000000000000" for depth in range(40)]
    doubling = [definition(uuid, [node(1, inner), node(2, inner)]) for uuid, inner in itertools.pairwise(uuids)]
    last = definition(uuids[-1], [node(1, "CheckpointLoaderSimple", ["a.safetensors"])])

    message = refusal(ui([node(1, uuids[0])], definitions={"subgraphs": [*doubling, last]}))

    assert "unfold" in message


def test_a_heavy_definition_with_many_instances_is_refused() -> None:
    heavy = definition(UUID, [node(1, "Mystery", ["embedding:x " * 100_000])])
    instances = [node(number, UUID) for number in range(2_000)]

    assert "unfold" in refusal(ui(instances, definitions={"subgraphs": [heavy]}))


def test_long_ids_around_many_nodes_are_refused() -> None:
    wide = definition(UUID, [node(number, "VAELoader", ["a.pt"]) for number in range(2_000)])

    assert "unfold" in refusal(ui([node("x" * 1_000_000, UUID)], definitions={"subgraphs": [wide]}))


def test_a_heavy_group_with_many_instances_is_refused() -> None:
    group = {"nodes": [node(0, "Mystery", ["embedding:x " * 100_000])], "links": []}
    instances = [node(number, "workflow>G") for number in range(2_000)]

    assert "unfold" in refusal(ui(instances, extra={"groupNodes": {"G": group}}))


def test_few_instances_of_a_heavy_definition_are_read() -> None:
    heavy = definition(UUID, [node(1, "Mystery", ["x" * 1_000_000]), node(2, "VAELoader", ["a.pt"])])

    found = read(ui([node(1, UUID), node(2, UUID)], definitions={"subgraphs": [heavy]}))

    assert found is not None
    assert [model.node_id for model in found.models] == ["1:2", "2:2"]


def test_definitions_that_hold_each_other_end() -> None:
    rounds = [definition(UUID, [node(1, OUTER)]), definition(OUTER, [node(1, UUID), node(2, "VAELoader", ["a.pt"])])]

    found = read(ui([node(1, UUID)], definitions={"subgraphs": rounds}))

    assert found is not None
    assert [model.node_id for model in found.models] == ["1:1:2"]


def test_more_needs_than_any_workflow_has_are_refused() -> None:
    assert str(MAX_NEEDS) in refusal(ui([node(1, "Mystery", ["a.pt"] * (MAX_NEEDS + 1))]))
    nested = [node(number, "Mystery", [["a.pt"] * 20_000]) for number in range(6)]
    assert str(MAX_NEEDS) in refusal(ui(nested))


def test_a_file_of_countless_small_values_is_refused_before_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise_room, "MAX_PARTS", 1_000)

    assert "1000 values" in refusal(b'{"links":[],"widgets_values":0,"nodes":[' + b"{}," * 2_000 + b"{}]}")
    assert read(b'{"some": "index", "of": [' + b"{}," * 2_000 + b"{}]}") is None


def test_names_of_any_length_cost_no_more_than_they_are() -> None:
    long = "x" * 1_000_000
    names = {f"{long}{number}": "a.safetensors" for number in range(4)}
    found = read(ui([node(long, "Mystery", {"w": names}, properties={"cnr_id": long}), node(2, long, ["b.pt"])]))

    assert found is not None
    assert max(len(text) for model in found.models for text in (model.input, model.node_id)) == graph_room.LONGEST_NAME
    assert len(msgspec.json.encode(found)) < 10_000


@pytest.mark.parametrize(
    "values",
    [
        {f"lora_{number}": "a.safetensors" for number in range(20_000)},
        {f"switch_{number}": False for number in range(20_000)} | {"lora_1": "a.safetensors"},
        [False, "a.safetensors"] * 20_000,
    ],
    ids=["names", "switches", "list"],
)
def test_long_rows_are_looked_at_once(values: Any) -> None:
    sockets = [socket(f"w{number}", widget=True) for number in range(20_000)]

    found = read(ui([node(1, "LoRA Stacker", values, inputs=sockets)]))

    assert found is not None
    assert found.models


def test_a_definition_with_many_inputs_is_looked_through_once() -> None:
    names = [f"i{number}" for number in range(30_000)]
    values = dict.fromkeys(names, "a.pt")
    wide = definition(UUID, [], inputs=[{"name": name} for name in names])

    found = read(ui([node(1, UUID, values)], definitions={"subgraphs": [wide]}))

    assert found is not None


TEXTS: dict[str, Callable[[], Json | bytes]] = {
    "an embedding's endless weight": lambda: ui([node(1, "CLIPTextEncode", ["embedding:a:" + "1" * MANY + "x"])]),
    "embeddings without end": lambda: ui([node(1, "CLIPTextEncode", ["embedding:" * MANY])]),
    "tags without end": lambda: ui([node(1, "CLIPTextEncode", ["embedding:a <lora:" + "<lora:a" * MANY])]),
    "a class full of parentheses": lambda: ui([node(1, "(" * MANY, ["a.pt"])]),
    "an input full of parts": lambda: ui([node(1, "Mystery", {".a" * MANY: "a.pt"})]),
    "a note of links": lambda: ui([node(1, "Note", ["[](http://a" * MANY]), node(2, "VAELoader", ["a.pt"])]),
    "comments that never close": lambda: b'{"a": 1, ' + b"/*" * MANY + b"}",
    "quotes that never close": lambda: b'{"a": 1, "' + rb"\"" * MANY,
    "commas before nothing": lambda: b'{"a": 1, ' + b", " * MANY + b"x",
    "halves of characters": lambda: b'{"nodes": ["' + rb"\ud800" * MANY + b'"], "class_type": NaN, ]',
    "lists in lists": lambda: b'{"nodes": ' + b"[" * MANY,
    "lists in texts": lambda: ui([node(1, "Mystery", ['["a.pt", ' * MANY])]),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("build", TEXTS.values(), ids=TEXTS)
def test_texts_are_looked_through_a_fixed_number_of_times(build: Callable[[], Json | bytes]) -> None:
    with contextlib.suppress(WorkflowError):
        read(build())


@pytest.mark.timeout(20)
@pytest.mark.parametrize("part", [b"<metadata>", b"<desc ", b"<metadata><![CDATA[", b"<desc></metadata>", b"<"])
def test_a_picture_of_tags_that_never_close_is_looked_through_once(part: bytes) -> None:
    assert svg_texts(source(b"<svg>" + part * MANY)) == []


def test_entries_that_share_their_bytes_are_not_multiplied() -> None:
    text = b"{" + b"x" * 200_000
    start = 8 + 2 + 12 * 500 + 4
    entries = b"".join(struct.pack("<HHII", tag, 2, len(text), start) for tag in range(500))
    data = b"II" + struct.pack("<HIH", 42, 8, 500) + entries + b"\0" * 4 + text

    assert sum(len(found) for _, found in exif_texts(data)) <= len(data)


def test_texts_that_unpack_without_bounds_share_one_bound() -> None:
    packed = zlib.compress(b"{" * MAX_TEXT)
    data = c.png(*(c.png_chunk(b"zTXt", b"workflow\0\0" + packed) for _ in range(5)))

    assert sum(len(text) for _, text in png_texts(source(data))) == MAX_TEXT


@pytest.mark.timeout(20)
def test_a_picture_s_places_without_length_are_not_counted_without_end() -> None:
    extents = b"\0\7" + b"\0\0" + b"\xff\xff"
    iloc = c.box(b"iloc", b"\0" * 4, b"\0\0", b"\xff\xff", extents * 10_000)
    data = c.box(b"ftyp", b"avif\0\0\0\0") + c.box(b"meta", b"\0" * 4, iloc)

    assert still_texts(source(data)) == []
