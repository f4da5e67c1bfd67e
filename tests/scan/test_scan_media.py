import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyfixer.errors import WorkflowError
from comfyfixer.model.reference import Workflow
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.scan.media import source as source_room
from comfyfixer.scan.media.png import inflated
from comfyfixer.scan.media.read import read_media
from comfyfixer.scan.media.source import MAX_TEXT, Source
from tests.scan import containers as c


def read(data: bytes, path: str = "x") -> Workflow | None:
    file = io.BytesIO(data)

    def read_at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return read_media(read_at, len(data), path, builtin_knowledge())


def found(data: bytes, path: str = "x") -> tuple[str, list[str]]:
    workflow = read(data, path)
    assert workflow is not None
    return workflow.format, [model.value for model in workflow.models]


KINDS: dict[str, tuple[Callable[..., bytes], str]] = {
    "mp4": (c.mp4, "mp4"),
    "webm": (c.matroska, "webm"),
    "flac": (c.flac, "flac"),
    "ogg": (c.ogg, "ogg"),
    "mp3": (c.mp3, "mp3"),
    "glb": (c.glb, "glb"),
    "safetensors": (c.safetensors, "safetensors"),
    "exr": (c.exr, "exr"),
    "svg": (c.svg, "svg"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_workflow_is_the_one_answer_where_both_are_there(kind: str) -> None:
    build, name = KINDS[kind]

    assert found(build(c.BOTH)) == (name, ["w.safetensors"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_alone_is_read(kind: str) -> None:
    build, name = KINDS[kind]

    assert found(build({"prompt": c.PROMPT})) == (name, ["p.safetensors"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_container_without_a_workflow_gives_none(kind: str) -> None:
    build, _ = KINDS[kind]

    assert read(build({})) is None
    assert read(build({"title": b"1"})) is None


@pytest.mark.parametrize(
    "data",
    [
        c.png(c.png_text("prompt", c.PROMPT), c.png_text("workflow", c.WORKFLOW)),
        c.png(c.png_chunk(b"iTXt", b"workflow\0\0\0en\0\0" + c.WORKFLOW)),
        c.png(c.png_chunk(b"iTXt", b"workflow\0\x01\0\0\0" + zlib.compress(c.WORKFLOW))),
        c.png(c.png_chunk(b"zTXt", b"Workflow\0\0" + zlib.compress(c.WORKFLOW))),
        c.png(after=c.png_chunk(b"comf", b"workflow\0" + c.WORKFLOW)),
        c.png(behind_end=c.png_text("workflow", c.WORKFLOW)),
        c.png(c.png_chunk(b"eXIf", c.exif(c.COMFY_TAGS))),
    ],
    ids=["tEXt", "iTXt", "iTXt-packed", "zTXt", "comf", "behind-end", "eXIf"],
)
def test_png_texts_of_every_kind_and_place(data: bytes) -> None:
    assert found(data) == ("png", ["w.safetensors"])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("start", [b"", b"Exif\0\0"])
def test_exif_of_either_byte_order_in_webp_and_avif(order: str, start: bytes) -> None:
    assert found(c.webp(c.exif(c.COMFY_TAGS, order, start=start))) == ("webp", ["w.safetensors"])
    assert found(c.avif(c.exif(c.COMFY_TAGS, order))) == ("avif", ["w.safetensors"])


def test_jpeg_segments() -> None:
    unicode = b"UNICODE\0" + c.WORKFLOW.decode().encode("utf-16-le")
    comment = c.jpeg((0xE0, b"JFIF\0"), (0xFE, c.WORKFLOW))

    assert found(comment) == ("jpeg", ["w.safetensors"])
    assert found(c.jpeg((0xE1, b"Exif\0\0" + c.exif(c.COMFY_TAGS)))) == ("jpeg", ["w.safetensors"])
    assert found(c.jpeg((0xE1, b"Exif\0\0" + c.exif({0x9286: unicode}, kind=7)))) == ("jpeg", ["w.safetensors"])


@pytest.mark.parametrize("kind", [1, 2, 7], ids=["bytes", "text", "undefined"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_user_s_comment_of_each_type_and_byte_order(kind: int, order: str, encoding: str) -> None:
    comment = b"UNICODE\0" + c.WORKFLOW.decode().encode(encoding)

    assert found(c.webp(c.exif({0x9286: comment}, order, kind=kind))) == ("webp", ["w.safetensors"])


def test_a_comment_with_both_in_a_film() -> None:
    both = b'{"prompt": ' + c.PROMPT + b', "workflow": ' + c.WORKFLOW + b"}"

    assert found(c.mp4_comment(both)) == ("mp4", ["w.safetensors"])
    assert found(c.matroska({"COMMENT": both})) == ("webm", ["w.safetensors"])
    assert found(c.mp4(c.BOTH, quicktime=True)) == ("mp4", ["w.safetensors"])


def test_matroska_by_index_by_walking_and_with_open_clusters() -> None:
    for options in ({"index": True}, {"open_cluster": True}, {}):
        assert found(c.matroska({"WORKFLOW": c.WORKFLOW}, **options), "x.mkv") == ("mkv", ["w.safetensors"])


def test_mp3_texts_of_each_version_and_encoding() -> None:
    for version in (3, 4):
        for encoding in (0, 1, 3):
            assert found(c.mp3(c.BOTH, version=version, encoding=encoding)) == ("mp3", ["w.safetensors"])


def test_flac_behind_an_id3_tag() -> None:
    assert found(c.mp3({}, sound=c.flac(c.BOTH))) == ("flac", ["w.safetensors"])


def test_a_comment_packet_over_many_ogg_pages() -> None:
    long = c.WORKFLOW[:-1] + b', "extra": {"note": "' + b"x" * 200_000 + b'"}}'

    assert found(c.ogg({"workflow": long})) == ("ogg", ["w.safetensors"])


def test_a_picture_of_a_workflow_holds_it_in_its_description() -> None:
    escaped = c.WORKFLOW.replace(b'"links"', b'"x": "a &amp; &lt;b&gt;", "links"')

    assert found(b"<svg><desc>" + escaped + b"</desc></svg>") == ("svg", ["w.safetensors"])


def test_a_latent_is_told_by_its_name() -> None:
    assert found(c.safetensors(c.BOTH), "a.latent")[0] == "latent"


def test_parameters_of_other_programs_are_the_last_resort() -> None:
    text = (
        b"a cat <lora:detail:0.8>, embedding:fine\nNegative prompt: bad\nSteps: 20, Sampler: Euler, "
        b'Model hash: 0123ABCDEF, Model: dream, VAE: Automatic, Lora hashes: "detail: 0123456789ab"'
    )
    workflow = read(c.png(c.png_text("parameters", text)))

    assert workflow is not None
    assert [(m.value, m.folder, m.origin, m.hashes) for m in workflow.models] == [
        ("dream", "checkpoints", "metadata", {"autov2": "0123abcdef"}),
        ("detail", "loras", "lora-tag", {"autov3": "0123456789ab"}),
        ("fine", "embeddings", "embedding", {}),
    ]
    both = c.png(c.png_text("parameters", text), c.png_text("prompt", c.PROMPT))
    assert found(both) == ("png", ["p.safetensors"])


def test_a_broken_workflow_falls_back_to_the_prompt() -> None:
    assert found(c.flac({"workflow": c.WORKFLOW[:-9], "prompt": c.PROMPT})) == ("flac", ["p.safetensors"])


def test_a_broken_workflow_alone_is_told() -> None:
    with pytest.raises(WorkflowError) as refusal:
        read(c.flac({"workflow": c.WORKFLOW[:-9]}))
    assert refusal.value.code == "workflow-invalid-json"


def test_bare_not_a_number_in_a_prompt_is_null() -> None:
    text = c.PROMPT.replace(b'"inputs":{', b'"is_changed": [NaN], "inputs":{')

    assert found(c.png(c.png_text("prompt", text))) == ("png", ["p.safetensors"])


def test_only_the_container_of_a_long_film_is_read() -> None:
    data = c.mp4(c.BOTH, films=8)
    place = data.index(b"mdat")
    length = 4 << 30
    front, film = data[: place - 4], struct.pack(">I4sQ", 1, b"mdat", length + 16)
    back = data[place + 4 + 8 :]
    parts = {0: front + film, len(front) + 16 + length: back}
    taken = 0

    def read_at(offset: int, wanted: int) -> bytes:
        nonlocal taken
        for start, part in parts.items():
            if start <= offset < start + len(part):
                taken += wanted
                return part[offset - start : offset - start + wanted]
        return b"\0" * wanted

    workflow = read_media(read_at, len(front) + 16 + length + len(back), "film.mp4", builtin_knowledge())

    assert workflow is not None
    assert taken < 8_192


@pytest.mark.parametrize("where", ["in front", "behind the picture", "behind the end"])
def test_of_a_picture_of_20_mb_less_than_a_twentieth_is_read(where: str) -> None:
    text = c.png_text("workflow", c.WORKFLOW)
    chunks = b"".join(c.png_chunk(b"IDAT", bytes(8_192)) for _ in range(2_560))
    data = {
        "in front": c.png(text + chunks),
        "behind the picture": c.png(chunks, after=c.png_chunk(b"comf", b"workflow\0" + c.WORKFLOW)),
        "behind the end": c.png(chunks, behind_end=text),
    }[where]
    taken = 0

    def read_at(offset: int, length: int) -> bytes:
        nonlocal taken
        taken += length
        return data[offset : offset + length]

    workflow = read_media(read_at, len(data), "a.png", builtin_knowledge())

    assert workflow is not None
    assert [model.value for model in workflow.models] == ["w.safetensors"]
    assert len(data) > 20_000_000
    assert taken < len(data) / 20


def test_a_text_that_unpacks_without_bounds_is_cut() -> None:
    assert len(inflated(zlib.compress(b" " * (MAX_TEXT + 1_000)), MAX_TEXT)) == MAX_TEXT


HEADS = [
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"\x1a\x45\xdf\xa3", b"OggS", b"glTF", b"\x76\x2f\x31\x01", b"fLaC",
    b"RIFF\0\0\0\0WEBP", b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypisom", b"ID3\x04\0\0", b"<svg", b"\x20\0\0\0\0\0\0\0{",
]  # fmt: skip
WHOLE = [
    c.png(c.png_text("workflow", c.WORKFLOW), c.png_chunk(b"eXIf", c.exif(c.COMFY_TAGS))),
    c.webp(c.exif(c.COMFY_TAGS)),
    c.jpeg((0xE1, b"Exif\0\0" + c.exif(c.COMFY_TAGS))),
    c.avif(c.exif(c.COMFY_TAGS)),
    *(build(c.BOTH) for build, _ in KINDS.values()),
    c.matroska(c.BOTH, index=True),
]


def outcome(data: bytes) -> None:
    try:
        read(data)
    except WorkflowError:
        return


@given(st.sampled_from(HEADS), st.binary(max_size=300))
def test_any_bytes_behind_any_head_end_in_an_answer_or_our_error(head: bytes, data: bytes) -> None:
    outcome(head + data)


@settings(max_examples=400)
@given(
    st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 2_000), st.binary(min_size=1, max_size=8)), max_size=6)
)
def test_damaged_containers_end_in_an_answer_or_our_error(data: bytes, damage: list[tuple[int, bytes]]) -> None:
    broken = bytearray(data)
    for place, piece in damage:
        broken[place % len(broken) : place % len(broken) + len(piece)] = piece
    outcome(bytes(broken))


@given(st.sampled_from(WHOLE), st.integers(0, 2_000))
def test_containers_cut_anywhere_end_in_an_answer_or_our_error(data: bytes, length: int) -> None:
    outcome(data[:length])


def test_a_file_is_read_only_so_often_and_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Source(lambda _offset, length: b"\0" * length, 1 << 60)
    monkeypatch.setattr(source_room, "MAX_TOTAL", 1_000)
    monkeypatch.setattr(source_room, "MAX_READS", 20)

    assert sum(len(endless.at(place, 100)) for place in range(50)) == 1_000
    assert endless.at(0, 1) == b""
