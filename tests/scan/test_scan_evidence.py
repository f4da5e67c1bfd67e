import sys

import pytest

from tests.scan.builders import node, only, read, ui

URL = "https://huggingface.co/acme/demo/resolve/main/demo.safetensors"
HEX = "AB" * 32
NAME = "demo.safetensors"


def loader(value: str = "demo.safetensors", **declared: object) -> dict[str, object]:
    entry = {"name": "demo.safetensors", "url": URL, "directory": "checkpoints", **declared}
    return node(4, "CheckpointLoaderSimple", [value], properties={"models": [entry]})


def test_the_node_s_own_declaration_gives_url_and_hash() -> None:
    found = only(ui([loader(hash=HEX, hash_type="SHA256")]))

    assert (found.urls, found.url_origins) == ((URL,), {URL: "properties"})
    assert found.hashes == {"sha256": HEX.lower()}


def test_a_declaration_of_another_file_is_stale() -> None:
    found = only(ui([loader("changed.safetensors")]))

    assert (found.value, found.urls, found.hashes) == ("changed.safetensors", (), {})


def test_a_declaration_names_the_file_in_a_sub_folder_too() -> None:
    assert only(ui([loader("SDXL\\demo.safetensors")])).urls == (URL,)


def test_declarations_at_the_top_level_come_after_the_node_s_own() -> None:
    other = "https://civitai.com/api/download/models/1"
    document = ui([loader()], models=[{"name": "demo.safetensors", "url": other, "directory": "checkpoints"}])
    found = only(document)

    assert found.urls == (URL, other)
    assert found.url_origins == {URL: "properties", other: "models"}


def test_a_declaration_for_another_folder_is_another_file() -> None:
    other = {"name": "demo.safetensors", "url": URL, "directory": "loras"}

    assert only(ui([node(4, "CheckpointLoaderSimple", ["demo.safetensors"])], models=[other])).urls == ()


def test_a_declaration_tells_the_folder_of_a_node_nobody_knows() -> None:
    entry = {"name": "odd.safetensors", "url": URL, "directory": "clip"}
    found = only(ui([node(4, "Mystery", ["odd.safetensors"], properties={"models": [entry]})]))

    assert (found.folder, found.folder_known_by, found.expected_type) == ("text_encoders", "properties", "clip")


def test_a_link_in_a_note_to_a_file_of_that_name_is_evidence() -> None:
    text = (
        f"Get it [here]({URL}?download=true).\n"
        "Not https://example.com/other.safetensors, nor https://example.com/xdemo.safetensors\n"
        "but [demo.safetensors](https://civitai.com/models/1?modelVersionId=2)"
    )
    document = ui([node(1, "MarkdownNote", [text]), node(4, "CheckpointLoaderSimple", ["demo.safetensors"])])
    found = only(document)

    assert found.urls == (f"{URL}?download=true", "https://civitai.com/models/1?modelVersionId=2")
    assert set(found.url_origins.values()) == {"note"}


@pytest.mark.parametrize(
    "air", ["urn:air:sdxl:checkpoint:civitai:1@2", "air:sdxl:checkpoint:civitai:1@2+3", "urn:air:::civitai:1@2.ckpt"]
)
def test_an_air_behind_the_files_name_in_a_note_is_a_link_to_it(air: str) -> None:
    nodes = [node(1, "Note", [f"Get [`demo.safetensors`]({air})."]), node(4, "CheckpointLoaderSimple", [NAME])]

    assert only(ui(nodes)).urls == (air,)
    assert only(ui(nodes)).url_origins == {air: "note"}


@pytest.mark.parametrize(
    "text",
    [
        "demo.safetensors and urn:air:sdxl:checkpoint:civitai:1@2",
        "[other.safetensors](urn:air:sdxl:checkpoint:civitai:1@2)",
        "[the demo.safetensors](urn:air:sdxl:checkpoint:civitai:1@2)",
        "[demo.safetensors](urn:air:sdxl:checkpoint:civitai:1)",
        "[demo.safetensors](urn:air:sdxl:checkpoint:civitai:1@1234567890123)",
        "[demo.safetensors](urn:air:sdxl:checkpoint:huggingface:1@2)",
        "urn:air:sdxl:checkpoint:civitai:1@2 (",
    ],
)
def test_an_air_in_a_note_that_names_no_version_or_not_that_file_is_no_evidence(text: str) -> None:
    assert only(ui([node(1, "Note", [text]), node(4, "CheckpointLoaderSimple", [NAME])])).urls == ()


def test_an_air_as_a_loaders_own_value_is_no_address() -> None:
    found = read(ui([node(4, "CheckpointLoaderSimple", ["urn:air:sdxl:checkpoint:civitai:1@2"])]))

    assert all(model.urls == () for model in found.models)


def test_a_name_with_spaces_is_found_in_a_quoted_link() -> None:
    nodes = [
        node(1, "Note", ["https://example.com/my%20model.safetensors"]),
        node(4, "CheckpointLoaderSimple", ["my model.safetensors"]),
    ]

    assert only(ui(nodes)).urls == ("https://example.com/my%20model.safetensors",)


def test_an_address_ends_at_any_kind_of_space() -> None:
    spaces = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
    addresses = [f"https://example.com/{number}/demo.safetensors" for number in range(len(spaces))]
    texts = [f"{address}{space}rest" for address, space in zip(addresses, spaces, strict=True)]
    found = [only(ui([node(1, "Note", [text]), node(4, "CheckpointLoaderSimple", [NAME])])) for text in texts]

    assert [one.urls for one in found] == [(address,) for address in addresses]


def test_links_come_in_the_order_of_the_text_however_many_names_stand_between() -> None:
    text = f"https://example.com/b/{NAME}\n\n[other.safetensors](https://example.com/o) https://example.com/a/{NAME}\n{NAME}"
    nodes = [node(number, "CheckpointLoaderSimple", [name]) for number, name in ((3, "other.safetensors"), (4, NAME))]
    found = read(ui([node(1, "Note", [text]), *nodes])).models

    assert [one.urls for one in found] == [
        ("https://example.com/o",),
        (f"https://example.com/b/{NAME}", f"https://example.com/a/{NAME}"),
    ]


def test_the_node_s_own_declaration_counts_behind_hundreds_of_others() -> None:
    others = [{**loader(url=f"https://example.com/{number}/{NAME}"), "id": 100 + number} for number in range(200)]
    found = read(ui([*others, loader()])).models

    assert found[-1].urls[0] == URL


def test_what_is_no_web_address_is_no_url() -> None:
    for url in ("file:///etc/passwd", "javascript:x", 7, None, "https://a b"):
        assert only(ui([loader(url=url)])).urls == ()


def test_what_is_no_hash_is_left_out() -> None:
    for value in ("xyz", 7, None, ""):
        assert only(ui([loader(hash=value, hash_type="SHA256")])).hashes == {}


def test_odd_declarations_do_no_harm() -> None:
    for models in ("text", [1, None, {"name": 7}, {"url": URL}], {"name": "demo.safetensors"}):
        odd = node(4, "CheckpointLoaderSimple", ["demo.safetensors"], properties={"models": models})
        assert len(read(ui([odd])).models) == 1


def test_lists_that_no_program_writes_cost_no_time() -> None:
    entries = [{"name": "demo.safetensors", "url": f"https://x.org/{number}"} for number in range(2_000)]
    nodes = [node(number, "VAELoader", ["demo.safetensors"], properties={"models": entries}) for number in range(100)]
    found = read(ui(nodes)).models

    assert len(found) == 100
    assert all(1 <= len(one.urls) <= 16 for one in found)
