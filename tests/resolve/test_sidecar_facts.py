"""What metadata files of other programs say of a model."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.sidecar import Sidecar
from comfyfixer.resolve.sidecars import names_beside, sidecar

FILE = "rain.safetensors"
A, B = "a" * 64, "b" * 64


def told(ending: str, document: Any) -> Sidecar | None:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return sidecar(f"rain{ending}", data, FILE)


def test_the_formats_are_looked_for_under_the_models_own_name() -> None:
    assert names_beside(FILE) == (
        "rain.civitai.info",
        "rain.metadata.json",
        "rain.cm-info.json",
        "rain.sha256",
        "rain.safetensors.sha256",
    )


def test_each_format_tells_its_hash_and_version() -> None:
    files = [{"name": "x.safetensors", "hashes": {"SHA256": A.upper(), "AutoV2": "A" * 10, "Odd": "1"}}]
    assert told(".civitai.info", {"id": 7, "files": files}) == Sidecar(
        name="rain.civitai.info", hashes={"sha256": A, "autov2": "a" * 10}, version_id=7
    )
    assert told(".metadata.json", {"sha256": A, "civitai": {"id": 7}}) == Sidecar(
        name="rain.metadata.json", hashes={"sha256": A}, version_id=7
    )
    assert told(".cm-info.json", {"VersionId": 7, "Hashes": {"SHA256": A}}) == Sidecar(
        name="rain.cm-info.json", hashes={"sha256": A}, version_id=7
    )
    assert told(".sha256", f"{A}  *loras/{FILE}\n".encode()) == Sidecar(name="rain.sha256", hashes={"sha256": A})
    assert told(".sha256", A.upper().encode()) == Sidecar(name="rain.sha256", hashes={"sha256": A})


def test_of_a_versions_several_files_only_the_one_of_the_name_tells_a_hash() -> None:
    files = [{"name": "x.safetensors", "hashes": {"SHA256": A}}, {"name": "y.safetensors", "hashes": {"SHA256": B}}]
    assert told(".civitai.info", {"id": 7, "files": files}) == Sidecar(name="rain.civitai.info", version_id=7)
    files[1]["name"] = FILE
    found = told(".civitai.info", {"id": 7, "files": files})
    assert found is not None
    assert found.hashes == {"sha256": B}


@pytest.mark.parametrize("text", [f"{A}  other.safetensors", f"{A}\n{B}", f"{A} {FILE}\n{B} {FILE}", "a" * 63, ""])
def test_sums_of_other_files_or_of_several_tell_nothing(text: str) -> None:
    assert told(".sha256", text.encode()) is None


@pytest.mark.parametrize("document", [b"", b"[" * 100_000, b"\xff\xfe", b"[1]", b"null", b'{"id": true, "files": 1}'])
@pytest.mark.parametrize("ending", [".civitai.info", ".metadata.json", ".cm-info.json"])
def test_what_is_no_such_document_tells_nothing(document: bytes, ending: str) -> None:
    assert told(ending, document) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(A),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "files", "hashes", "SHA256", "sha256", "civitai", "Hashes"]), inner)
    ),
    max_leaves=10,
)


@given(document=values, ending=st.sampled_from([".civitai.info", ".metadata.json", ".cm-info.json", ".sha256"]))
def test_whatever_is_in_it_only_whole_hashes_and_ids_are_taken(document: Any, ending: str) -> None:
    found = told(ending, document)
    if found is not None:
        assert set(found.hashes.values()) <= {A}
        assert found.hashes or found.version_id
