"""Whatever a hub answers, a search gives candidates or says that no answer came."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyfixer.errors import CODES, NotThere, SourceError
from comfyfixer.sources.source import Source
from tests.net.loopback import Given, Loopback, Seen
from tests.sources.bench import linked, searched, sources_at, wanted

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


@settings(max_examples=60)
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


CLOUDFLARE = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"
NAME = "harbor_rain.safetensors"


def _asked(status: int, body: bytes = b"{}", headers: tuple[tuple[str, str], ...] = ()) -> list[SourceError | None]:
    """How Civitai's and Hugging Face's searches end where every answer is the same."""
    given = Given(status=status, body=body, headers=headers)
    with Loopback(lambda seen: given) as server, sources_at(server.url, server.url) as sources:
        return [searched(source, wanted(NAME))[1] for source in _searching(sources)]


def _searching(sources: tuple[Source, ...]) -> list[Source]:
    return [source for source in sources if source.name in ("civitai", "huggingface")]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 405, 408, 418, 429, 451, 500, 501, 502, 503, 504, 520, 530])
def test_every_status_that_is_no_answer_has_a_code_and_a_hint(status: int) -> None:
    for error in _asked(status):
        assert error is not None
        assert not isinstance(error, NotThere)
        assert error.code in CODES
        assert error.hint
        assert "\n" not in error.message


@pytest.mark.parametrize("status", [404, 410])
def test_not_there_is_an_answer(status: int) -> None:
    assert _asked(status) == [None, None]


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_protection_page_is_no_answer(status: int) -> None:
    for error in _asked(status, CLOUDFLARE, (("Content-Type", "text/html"),)):
        assert error is not None
        assert error.code in ("hub-bad-answer", "hub-refused", "hub-error")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"0", b'"x"', b"[" * 5000, b'{"items":[{"id":1,', b"\xff\xfe"]
)
def test_what_is_not_the_hubs_form_is_no_answer_or_nothing(body: bytes) -> None:
    for error in _asked(200, body):
        assert error is None or error.code == "hub-bad-answer"


def test_cursors_that_lead_in_a_circle_end() -> None:
    page = {"items": [{"id": number, "name": "Harbor Rain", "modelVersions": []} for number in range(30)]}
    rows = [{"id": f"maker/harbor-rain-{number}", "siblings": [{"rfilename": "a.safetensors"}]} for number in range(50)]

    def answer(seen: Seen) -> Given:
        if seen.target.startswith("/api/v1/models"):
            return Given(body=json.dumps({**page, "metadata": {"nextCursor": "7"}}).encode())
        if seen.target.startswith("/api/models"):
            link = f'<https://huggingface.co/api/models?cursor=7&{seen.target}>; rel="next"'
            return Given(body=json.dumps(rows).encode(), headers=(("Link", link),))
        return Given(body=b'{"hits": []}')

    with Loopback(answer) as server, sources_at(server.url, server.url) as sources:
        ends = [searched(source, wanted(NAME))[1] for source in _searching(sources)]
        assert len(server.seen) < 40
        assert len({seen.target for seen in server.seen}) == len(server.seen)
    assert all(error is not None and error.code == "hub-bad-answer" for error in ends), "more may be there"


@pytest.mark.parametrize(
    "name",
    [
        f"../../{NAME}", f"..\\..\\{NAME}", f"/etc/{NAME}", f"C:\\{NAME}", "CON", "NUL.safetensors", f"{NAME}\x00",
        f"\u202e{NAME}", f"a/./{NAME}", f"a//{NAME}",
        f"\x1b[31m{NAME}", f"{NAME}\n", "x" * 5000 + ".safetensors", "", ".", "..", f"{NAME}/", f"{NAME} ",
    ],
)  # fmt: skip
def test_a_hostile_name_is_never_the_wanted_file(name: str) -> None:
    file = {"id": 3, "name": name, "sizeKB": 1.5, "hashes": {"SHA256": "A" * 64}}
    item = {"id": 1, "name": "Harbor Rain", "type": "LORA", "modelVersions": [{"id": 2, "name": name, "files": [file]}]}
    repo = {"id": "maker/harbor-rain", "siblings": [{"rfilename": name, "size": 9, "lfs": {"sha256": "a" * 64}}]}

    def answer(seen: Seen) -> Given:
        body = {"items": [item]} if "/v1/" in seen.target else repo if "harbor-rain?" in seen.target else [repo]
        return Given(body=json.dumps({"hits": []} if "full-text" in seen.target else body).encode())

    with Loopback(answer) as server, sources_at(server.url, server.url) as sources:
        found = [candidate for source in _searching(sources) for candidate in searched(source, wanted(NAME))[0]]
    for candidate in found:
        assert candidate.filename.isprintable()
        assert len(candidate.filename) <= 255
        assert candidate.filename != NAME
        assert ".." not in (candidate.repo_path or "").split("/")


@pytest.mark.parametrize(
    ("endpoint", "codes"),
    [
        ("https://nowhere.invalid", {"hub-unreachable"}),
        ("http://127.0.0.1:9", {"hub-unreachable"}),
        ("tls", {"hub-tls", "hub-unreachable"}),
    ],
)
def test_a_hub_that_cannot_be_reached_is_no_answer(endpoint: str, codes: set[str]) -> None:
    with Loopback(lambda seen: Given()) as server:
        place = server.url.replace("http:", "https:") if endpoint == "tls" else endpoint
        with sources_at(place, place) as sources:
            for source in _searching(sources):
                error = searched(source, wanted(NAME))[1]
                assert error is not None
                assert error.code in codes
                assert error.hint
