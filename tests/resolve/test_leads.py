"""Indexes read out of their documents."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.lead import Lead
from comfyfixer.resolve.leads import Leads, of_manager, of_pack, of_workflow

SITE = "https://huggingface.co/o/r/resolve/main"


def row(name: str = "rain.safetensors", **more: Any) -> dict[str, Any]:
    return {"name": name, "url": f"{SITE}/{name}", "directory": "loras", **more}


def manager(**changes: Any) -> bytes:
    known = {
        "filename": "rain.pth",
        "url": f"{SITE}/rain.pth",
        "type": "lora",
        "save_path": "loras/rainy",
        "size": "1GB",
    }
    return json.dumps({"models": [{**known, **changes}]}).encode()


def test_a_template_names_files_in_nodes_in_subgraphs_and_at_its_top() -> None:
    inner = {"nodes": [{"properties": {"models": [row("deep.safetensors")]}}]}
    document = {
        "nodes": [{"properties": {"models": [row("node.safetensors")]}}],
        "definitions": {"subgraphs": [inner]},
        "models": [row("top.safetensors")],
    }
    found = of_workflow(json.dumps(document).encode(), "The official template `x`")
    assert {lead.filename for lead in found} == {"node.safetensors", "deep.safetensors", "top.safetensors"}
    assert {(lead.index, lead.folder, lead.named_by) for lead in found} == {
        ("templates", "loras", "The official template `x`")
    }


@pytest.mark.parametrize(
    ("more", "sha256"),
    [
        ({"hash": "AB" * 32, "hash_type": "SHA256"}, "ab" * 32),
        ({"hash": "ab" * 32, "hash_type": "md5"}, None),
        ({"hash": "short", "hash_type": "SHA256"}, None),
        ({"hash": 7, "hash_type": "SHA256"}, None),
    ],
)
def test_only_a_whole_sha256_counts(more: dict[str, Any], sha256: str | None) -> None:
    (lead,) = of_workflow(json.dumps({"models": [row(**more)]}).encode(), "x")
    assert lead.sha256 == sha256


@pytest.mark.parametrize(
    ("changes", "folder"),
    [
        ({}, "loras"),
        ({"save_path": "default", "type": "upscale"}, "upscale_models"),
        ({"save_path": "default", "type": "VAE"}, "vae"),
        ({"save_path": "default", "type": "unheard of"}, None),
        ({"save_path": "custom_nodes/some-pack/models"}, None),
        ({"save_path": 7}, None),
    ],
)
def test_the_managers_place_or_else_its_type_gives_the_folder(changes: dict[str, Any], folder: str | None) -> None:
    (lead,) = of_manager(manager(**changes), "The list")
    assert (lead.filename, lead.folder, lead.index) == ("rain.pth", folder, "manager")


def test_a_row_that_stands_for_a_whole_repository_names_no_file() -> None:
    assert of_manager(manager(filename="<huggingface>", url="o/r"), "x") == []


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("models/checkpoints/a.safetensors", ("checkpoints", "a.safetensors")),
        ("/checkpoints/a.safetensors", ("checkpoints", "a.safetensors")),
        ("loras\\sub\\a.safetensors", ("loras", "a.safetensors")),
        ("a.safetensors", (None, "a.safetensors")),
    ],
)
def test_a_pack_names_a_file_by_its_place(location: str, expected: tuple[str | None, str]) -> None:
    project = {"tool": {"comfy": {"Models": [{"location": location, "model_url": f"{SITE}/a.safetensors"}]}}}
    (lead,) = of_pack(project, "The node pack `p`")
    assert (lead.folder, lead.filename) == expected


def test_the_same_file_at_the_same_address_counts_once_for_the_most_trusted_index() -> None:
    leads = [
        Lead(filename="a.pth", url=f"{SITE}/a.pth", folder="loras", index="manager", named_by="M"),
        Lead(
            filename="a.pth",
            url=f"{SITE.replace('resolve', 'blob')}/a.pth?download=true",
            folder="loras",
            index="templates",
            named_by="T",
        ),
    ]
    (kept,) = Leads(leads).named("a.pth")
    assert kept.named_by == "T"
    assert Leads(leads).named("A.pth") == Leads(leads).named("xa.pth") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["models", "name", "url", "directory", "hash", "hash_type", "filename", "save_path", "type", "tool",
                 "comfy", "Models", "location", "model_url"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)  # fmt: skip


@given(JSON)
def test_whatever_a_document_holds_a_lead_is_a_plain_name_with_an_address(value: Any) -> None:
    document = json.dumps(value).encode()
    for lead in (*of_workflow(document, "x"), *of_manager(document, "x"), *of_pack(value, "x")):
        assert lead.filename.isprintable()
        assert lead.filename
        assert not set("/\\") & set(lead.filename)
        assert lead.folder is None or lead.folder.isprintable()


@pytest.mark.parametrize("document", [b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"models": 7}'])
def test_what_is_no_document_names_nothing(document: bytes) -> None:
    assert of_workflow(document, "x") == of_manager(document, "x") == []
