"""Whatever a hub answers, a search gives candidates or says that no answer came."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyfixer.errors import SourceError
from tests.net.loopback import Given, Loopback
from tests.sources.bench import linked, sources_at

KEYS = st.sampled_from(
    ["items", "id", "name", "type", "files", "modelVersions", "modelId", "model", "hashes", "SHA256", "sizeKB", "hits",
     "rfilename", "lfs", "sha256", "size", "siblings", "repoOwner", "repoName", "gated", "paidAccess", "endsAt"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["rain.safetensors", "../rain.safetensors", "a/b", "a" * 64, "LORA", "Checkpoint"]),
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)
MISSING = linked(
    "rain.safetensors",
    "https://huggingface.co/a/b/resolve/main/rain.safetensors",
    "https://huggingface.co/a/b/resolve/v1/rain.safetensors",
    "https://civitai.com/models/1",
    "https://civitai.com/models/1?modelVersionId=2",
)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_any_json_gives_candidates_or_no_answer(value: Any) -> None:
    body = _encoded(value)
    with Loopback(lambda seen: Given(body=body)) as server, sources_at(server.url, server.url) as sources:
        for source in sources:
            try:
                found = list(source.search(msgspec.structs.replace(MISSING, hashes={"sha256": "a" * 64})))
            except SourceError:
                continue
            assert all(candidate.filename == "rain.safetensors" for candidate in found)


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
