"""A wrong file is worse than none: what may mean two files of a workflow is evidence for neither."""

import time
from typing import Any

import pytest

from comfyfixer.scan.namesakes import is_generic
from tests.scan.builders import UUID, Json, link_object, node, only, read, socket, ui, with_subgraphs

GENERIC = "diffusion_pytorch_model.safetensors"
AT = "https://huggingface.co/acme/demo/resolve/main"
HASH = "ab" * 32


def entry(name: str, url: str | None = None, **more: Any) -> Json:
    return {"name": name, "url": url or f"{AT}/{name}", "directory": "controlnet", **more}


def controlnet(node_id: int, value: str, *entries: Json, **more: Any) -> Json:
    return node(node_id, "ControlNetLoader", [value], properties={"models": list(entries)}, **more)


def note(text: str) -> Json:
    return node(90, "MarkdownNote", [text])


def urls(document: Json) -> dict[str, tuple[str, ...]]:
    """By node id."""
    return {found.node_id: found.urls for found in read(document).models}


def test_an_entry_of_one_node_is_no_evidence_for_a_namesake_in_another_sub_folder() -> None:
    declared = entry(GENERIC, f"{AT}/{GENERIC}", hash=HASH)
    found = read(ui([controlnet(1, f"depth/{GENERIC}", declared), controlnet(2, f"canny/{GENERIC}")])).models

    assert [(one.urls, one.hashes) for one in found] == [((), {}), ((), {})]
    assert {one.folder for one in found} == {"controlnet"}


def test_an_entry_whose_address_ends_with_the_whole_value_is_evidence_for_that_one() -> None:
    declared = entry(GENERIC, f"{AT}/depth/{GENERIC}?download=true", hash=HASH)
    found = read(ui([controlnet(1, f"depth\\{GENERIC}", declared), controlnet(2, f"canny/{GENERIC}")])).models

    assert [bool(one.urls) for one in found] == [True, False]
    assert [one.hashes for one in found] == [{"sha256": HASH}, {}]


def test_an_entry_with_a_sub_folder_means_that_path_alone() -> None:
    declared = entry("depth\\net.safetensors", f"{AT}/net.safetensors")

    assert only(ui([controlnet(1, "depth/net.safetensors", declared)])).urls
    assert only(ui([controlnet(1, "canny/net.safetensors", declared)])).urls == ()
    assert only(ui([controlnet(1, "net.safetensors", declared)])).urls == ()


def test_a_node_that_wants_two_namesakes_has_to_say_which_one_it_declares() -> None:
    values = ["depth/net.safetensors", "canny/net.safetensors"]

    def of_two(declared: Json) -> list[bool]:
        return [
            bool(one.urls) for one in read(ui([node(1, "Mystery", values, properties={"models": [declared]})])).models
        ]

    assert of_two(entry("net.safetensors")) == [False, False]
    assert of_two(entry("depth/net.safetensors")) == [True, False]
    assert of_two(entry("net.safetensors", f"{AT}/canny/net.safetensors")) == [False, True]


def test_the_whole_value_on_the_node_itself_is_plain_beside_a_namesake_elsewhere() -> None:
    nodes = [controlnet(1, "net.safetensors", entry("net.safetensors")), controlnet(2, "old/net.safetensors")]

    assert urls(ui(nodes)) == {"1": (f"{AT}/net.safetensors",), "2": ()}


def test_two_instances_of_one_node_that_want_namesakes_share_no_entry() -> None:
    inner = controlnet(
        1, "net.safetensors", entry("net.safetensors"), inputs=[socket("control_net_name", 1, widget=True)]
    )
    definition = {
        "id": UUID, "name": "SG", "inputs": [{"name": "control_net_name", "type": "COMBO", "linkIds": [1]}],
        "outputs": [], "nodes": [inner], "links": [link_object(1, (-10, 0), (1, 0))],
    }  # fmt: skip
    nodes = [node(5, UUID, ["depth/net.safetensors"]), node(6, UUID, ["canny/net.safetensors"])]

    assert urls(with_subgraphs(nodes, definition)) == {"5:1": (), "6:1": ()}


@pytest.mark.parametrize("where", ["node", "top"])
def test_another_s_entry_counts_only_for_a_name_that_one_file_has(where: str) -> None:
    def read_with(declared: Json, *values: str) -> list[bool]:
        nodes = [controlnet(number, value) for number, value in enumerate(values, 1)]
        holder = [node(80, "Reroute", properties={"models": [declared]})] if where == "node" else []
        top = {"models": [declared]} if where == "top" else {}
        return [bool(one.urls) for one in read(ui([*nodes, *holder], **top)).models]

    plain, whole = entry("net.safetensors"), entry("depth/net.safetensors")
    assert read_with(plain, "net.safetensors", "net.safetensors") == [True, True]
    assert read_with(plain, "depth/net.safetensors") == [True]
    assert read_with(plain, "depth/net.safetensors", "canny/net.safetensors") == [False, False]
    assert read_with(plain, "net.safetensors", "canny/net.safetensors") == [False, False]
    assert read_with(whole, "depth/net.safetensors", "canny/net.safetensors") == [True, False]
    assert read_with(whole, "canny/net.safetensors") == [False]
    assert read_with(entry(GENERIC), GENERIC) == [False]


def test_a_folder_s_entry_is_clear_beside_a_namesake_of_another_folder() -> None:
    nodes = [controlnet(1, "net.safetensors"), node(2, "VAELoader", ["old/net.safetensors"])]

    assert urls(ui(nodes, models=[entry("net.safetensors")])) == {"1": (f"{AT}/net.safetensors",), "2": ()}


def test_a_muted_namesake_may_be_the_one_that_is_meant() -> None:
    nodes = [controlnet(1, "depth/net.safetensors"), controlnet(2, "canny/net.safetensors", mode=2)]

    assert urls(ui([*nodes, note(f"{AT}/net.safetensors")])) == {"1": (), "2": ()}


def test_a_link_counts_only_for_a_name_that_one_file_has() -> None:
    def linked(text: str, *values: str) -> list[bool]:
        nodes = [controlnet(number, value) for number, value in enumerate(values, 1)]
        return [bool(one.urls) for one in read(ui([*nodes, note(text)])).models]

    both = ("depth/net.safetensors", "canny/net.safetensors")
    assert linked(f"{AT}/net.safetensors", "depth/net.safetensors") == [True]
    assert linked(f"{AT}/net.safetensors", *both) == [False, False]
    assert linked(f"{AT}/depth/net.safetensors", *both) == [True, False]
    assert linked(f"{AT}/net.safetensors", "net.safetensors", "canny/net.safetensors") == [False, False]
    assert linked(f"{AT}/x/canny/net.safetensors", "canny/net.safetensors", "x/canny/net.safetensors") == [False, True]
    assert linked("[net.safetensors](https://civitai.com/models/1)", *both) == [False, False]
    assert linked("[canny/net.safetensors](https://civitai.com/models/1)", *both) == [False, True]
    assert linked("[canny/net.safetensors](https://civitai.com/models/1)", "depth/net.safetensors") == [False]


def test_a_link_is_no_evidence_where_two_folders_want_that_name() -> None:
    nodes = [controlnet(1, "net.safetensors"), node(2, "VAELoader", ["net.safetensors"])]

    assert urls(ui([*nodes, note(f"{AT}/net.safetensors")])) == {"1": (), "2": ()}


@pytest.mark.parametrize(
    "text",
    [
        "[other-net.safetensors](https://civitai.com/models/1)",
        "[my net.safetensors](https://civitai.com/models/1)",
        "https://example.com/other.safetensors?like=/net.safetensors",
    ],
)
def test_a_link_to_a_longer_name_is_none(text: str) -> None:
    assert only(ui([controlnet(1, "net.safetensors"), note(text)])).urls == ()


def test_a_decorated_name_is_the_name() -> None:
    text = "[**`net.safetensors`** ](https://civitai.com/models/1)"

    assert only(ui([controlnet(1, "net.safetensors"), note(text)])).urls == ("https://civitai.com/models/1",)


@pytest.mark.parametrize("name", [GENERIC, "model.safetensors", "ip-adapter.bin", "pytorch_lora_weights.safetensors"])
def test_a_generic_name_is_proven_by_its_own_node_alone(name: str) -> None:
    elsewhere = ui([controlnet(1, f"a/{name}"), note(f"{AT}/a/{name}")], models=[entry(f"a/{name}")])

    assert only(elsewhere).urls == ()
    assert only(ui([controlnet(1, name, entry(name))])).urls == (f"{AT}/{name}",)


def test_variants_of_generic_names_are_generic() -> None:
    for name in (GENERIC, "model.fp16.safetensors", "Model-00001-of-00002.safetensors", "unet_fp16.bin", "vae.pt"):
        assert is_generic(name), name
    for name in ("flux1-dev.safetensors", "my_model.safetensors", "sdxl_vae.safetensors", "a.b.c.d.e.vae.pt"):
        assert not is_generic(name), name


def test_a_prompt_of_namesakes_is_read() -> None:
    prompt = {
        str(number): {"class_type": "ControlNetLoader", "inputs": {"control_net_name": f"{number}/net.safetensors"}}
        for number in range(3)
    }

    assert [found.urls for found in read(prompt).models] == [(), (), ()]


def test_thousands_of_namesakes_cost_no_more_than_their_number() -> None:
    nodes = [controlnet(n, f"{n}/net.safetensors", entry("net.safetensors")) for n in range(4_000)]
    start = time.process_time()
    found = read(ui([*nodes, note(f"{AT}/1/net.safetensors\n" * 100)])).models

    assert not any(one.urls for one in found)
    assert time.process_time() - start < 5
