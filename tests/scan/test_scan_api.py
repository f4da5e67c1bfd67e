import msgspec
import pytest

from tests.scan.builders import active, models, node, read, ui

PROMPT = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "api.safetensors"}, "_meta": {"title": "L"}},
    "7:1": {"class_type": "LoraLoader", "inputs": {"lora_name": "sub\\l.safetensors", "model": ["4", 0]}},
    "9": {"inputs": {"anything": 1}},
}
FOUND = [("4", "api.safetensors", "checkpoints", True), ("7:1", "sub\\l.safetensors", "loras", True)]


def test_a_prompt_is_read_by_input_name() -> None:
    assert models(PROMPT) == FOUND
    assert read(PROMPT).format == "api"


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": PROMPT, "client_id": "x"},
        {"input": {"workflow": PROMPT, "images": []}},
        {"workflow_json": msgspec.json.encode(PROMPT).decode()},
        {"items": [{"api": PROMPT}]},
    ],
)
def test_a_prompt_is_found_in_what_is_wrapped_around_it(body: object) -> None:
    assert models(body) == FOUND


def test_the_workflow_beside_a_prompt_is_the_one_answer() -> None:
    shown = ui([node(4, "CheckpointLoaderSimple", ["shown.safetensors"])])
    body = {"prompt": PROMPT, "extra_data": {"extra_pnginfo": {"workflow": shown}}}

    assert active(body) == {("shown.safetensors", "checkpoints")}
    assert read(body).format == "ui"


def test_an_input_that_is_a_link_is_no_value() -> None:
    prompt = {
        "1": {"class_type": "SomePicker", "inputs": {"file": "picked.safetensors"}},
        "2": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": ["1", 0]}},
    }

    assert models(prompt) == [("1", "picked.safetensors", "checkpoints", True)]


def test_a_text_node_of_comfyui_gives_its_text_on() -> None:
    prompt = {
        "1": {"class_type": "PrimitiveString", "inputs": {"value": "text.safetensors"}},
        "2": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": ["1", 0]}},
    }

    assert models(prompt) == [("2", "text.safetensors", "checkpoints", True)]


def test_a_wrapped_list_is_a_value() -> None:
    loras = {"__value__": [{"name": "bare", "strength": 1, "active": True}]}
    prompt = {"1": {"class_type": "Lora Loader (LoraManager)", "inputs": {"text": "", "loras": loras}}}

    assert models(prompt) == [("1", "bare", "loras", True)]
