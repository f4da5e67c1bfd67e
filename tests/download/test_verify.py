import hashlib
import json
import struct
import sys
import types
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer import digests as hashing
from comfyfixer.content import safetensors as container
from comfyfixer.content.containers import container_fault
from comfyfixer.content.first_bytes import page_kind
from comfyfixer.digests import DIGITS, Digests
from comfyfixer.download.expected import Expected, expected_of
from comfyfixer.download.verify import Proof, prove
from comfyfixer.errors import DownloadError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from tests.download.conftest import safetensors

GOOD = safetensors(5000)
SHA256 = hashlib.sha256(GOOD).hexdigest()
HEADER_LENGTH = struct.unpack("<Q", GOOD[:8])[0]
AUTOV3 = hashlib.sha256(GOOD[8 + HEADER_LENGTH :]).hexdigest()[:12]
GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
CRC32 = f"{zlib.crc32(GOOD):08x}"


def _prove(folder: Path, data: bytes = GOOD, name: str = "x.safetensors", **promise: object) -> Proof:
    path = folder / name
    path.write_bytes(data)
    values = {"filename": name, "suffix": path.suffix, **promise}
    expected = Expected(**values)  # type: ignore[arg-type]
    digests = Digests(expected.hashes)
    for start in range(0, len(data), 7):
        digests.update(data[start : start + 7])
    return prove(path, digests, expected)


def _code(folder: Path, data: bytes = GOOD, name: str = "x.safetensors", **promise: object) -> str:
    with pytest.raises(DownloadError) as caught:
        _prove(folder, data, name, **promise)
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "digest", "verified"),
    [("sha256", SHA256, True), ("autov2", SHA256[:10], True), ("autov3", AUTOV3, True), ("crc32", CRC32, False)],
)
def test_each_hash_that_can_be_computed_is_compared(tmp_path: Path, kind: str, digest: str, verified: bool) -> None:
    assert _prove(tmp_path, hashes={kind: digest}).verified is verified
    wrong = ("0" if digest[0] != "0" else "1") + digest[1:]
    assert _code(tmp_path, hashes={kind: wrong}) == "hash-mismatch"


@pytest.mark.parametrize("kind", ["autov2", "autov3", "crc32"])
def test_a_hash_that_differs_is_no_match_though_the_sha256_agrees(tmp_path: Path, kind: str) -> None:
    assert _code(tmp_path, hashes={"sha256": SHA256, kind: "0" * DIGITS[kind]}) == "hash-mismatch"
    assert _code(tmp_path, hashes={kind: "0" * DIGITS[kind], "sha256": SHA256}) == "hash-mismatch"


def test_a_crc32_is_known_in_either_order_of_its_bytes(tmp_path: Path) -> None:
    data = b"hello world"
    for written in ("0d4a1185", "85114a0d"):
        assert not _prove(tmp_path, data, name="x.onnx", hashes={"crc32": written}).verified
    assert _code(tmp_path, data, name="x.onnx", hashes={"crc32": "8511a40d"}) == "hash-mismatch"


def test_a_hash_that_cannot_be_computed_leaves_the_weaker_ones_unproven(tmp_path: Path) -> None:
    short = {"autov2": SHA256[:10]}
    assert _prove(tmp_path, hashes=short).verified
    assert not _prove(tmp_path, hashes=short, unchecked=("blake3",)).verified
    assert _prove(tmp_path, hashes={"sha256": SHA256}, unchecked=("blake3",)).verified


def test_a_blake3_is_computed_where_its_package_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is stood in for by another hash of its size: what matters here is that it is asked for, and fed."""
    monkeypatch.setitem(sys.modules, "blake3", types.SimpleNamespace(blake3=hashlib.blake2s))
    monkeypatch.setattr(hashing, "_has_blake3", lambda: True)
    digests = Digests(["blake3"])
    digests.update(GOOD)
    assert hashing.computable("blake3", ".safetensors")
    assert digests.get("blake3") == hashlib.blake2s(GOOD).hexdigest()


def test_without_its_package_a_blake3_cannot_be_computed_nor_an_autov3_of_another_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing, "_has_blake3", lambda: False)
    expected = _promised("x.PT", {"blake3": "ab" * 32, "autov3": AUTOV3, "autov1": "12345678", "crc32": CRC32})
    assert expected.hashes == {"crc32": CRC32}
    assert expected.unchecked == ("autov3", "blake3", "autov1")


def test_nothing_promised_is_nothing_verified(tmp_path: Path) -> None:
    proof = _prove(tmp_path)
    assert (proof.verified, proof.sha256, proof.size_bytes) == (False, SHA256, len(GOOD))


@pytest.mark.parametrize(
    "data",
    [
        GOOD[:-1],
        GOOD + b"x",
        GOOD[:7],
        struct.pack("<Q", 1 << 40) + GOOD[8:],
        struct.pack("<Q", 5) + b"{abc}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 11) + b'{"a":{"b":1}',
        struct.pack("<Q", 33) + b'{"a":{"data_offsets":[0,"twelve"]}}'[:33],
        b"PK\x03\x04" * 20,
        b"\x00" * 64,
    ],
)
def test_a_broken_safetensors_file_is_refused_where_no_hash_proves_it(tmp_path: Path, data: bytes) -> None:
    assert _code(tmp_path, data) == "not-a-model-file"
    assert _code(tmp_path, data, name="x.sft") == "not-a-model-file"


def test_a_broken_container_that_the_hub_itself_promises_is_the_file_and_that_is_said(tmp_path: Path) -> None:
    proof = _prove(tmp_path, GOOD[:-1], hashes={"sha256": hashlib.sha256(GOOD[:-1]).hexdigest()})
    assert proof.verified
    assert "tensors" in str(proof.fault)
    proof = _prove(tmp_path, GGUF[:-1], name="x.gguf", hashes={"sha256": hashlib.sha256(GGUF[:-1]).hexdigest()})
    assert "header" in str(proof.fault)


def test_a_safetensors_file_without_tensors_is_one(tmp_path: Path) -> None:
    text = json.dumps({"__metadata__": {"format": "pt"}}).encode()
    assert _prove(tmp_path, struct.pack("<Q", len(text)) + text).fault is None


def test_other_containers_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    assert _prove(tmp_path, GGUF, name="x.gguf").fault is None
    assert _code(tmp_path, GGUF[:-1], name="x.gguf") == "not-a-model-file"
    assert _code(tmp_path, b"GGML\x03\x00", name="x.gguf") == "not-a-model-file"
    assert _code(tmp_path, b"Rar!\x03\x00", name="x.zip") == "not-a-model-file"
    assert _prove(tmp_path, b"\x08\x07\x12\x07pytorch", name="x.onnx").fault is None


def test_a_wrong_size_is_told_with_both(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"{len(GOOD) + 1} bytes, and has {len(GOOD)}"):
        _prove(tmp_path, size_bytes=len(GOOD) + 1)


def test_a_safetensors_header_that_begins_like_json_is_no_page() -> None:
    header = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'.ljust(0x7B)
    assert struct.pack("<Q", len(header))[:1] == b"{"
    assert page_kind(struct.pack("<Q", len(header)) + header, ".safetensors") is None


@given(st.binary(max_size=600), st.sampled_from([".safetensors", ".gguf", ".zip", ".json", ".onnx", ""]))
def test_any_bytes_are_looked_at_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    page_kind(data, suffix)
    container_fault(path, suffix)


@given(st.binary(max_size=64), st.integers(0, 200))
def test_a_file_is_safetensors_only_when_its_lengths_fit(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, length: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(struct.pack("<Q", length) + data)
    if container.read(path).fault is None:
        assert length <= len(data)
        assert isinstance(json.loads(data[:length]), dict)


@pytest.mark.parametrize("data", [b"PK\x03\x04" * 20, b"\x80\x02}q\x00(X\x05\x00\x00\x00" * 9, GOOD[:7]])
def test_a_container_that_contradicts_its_suffix_is_refused_though_the_hub_promises_it(
    tmp_path: Path, data: bytes
) -> None:
    hashes = {"sha256": hashlib.sha256(data).hexdigest()}
    for name in ("x.safetensors", "x.sft", "x.gguf"):
        assert _code(tmp_path, data, name=name, hashes=hashes) == "not-a-model-file"
    assert _code(tmp_path, GOOD, name="x.gguf", hashes={"sha256": SHA256}) == "not-a-model-file"


def _promised(filename: str, *hashes: dict[str, str]) -> Expected:
    """What the first of several candidates with these hashes promises."""
    candidates = tuple(
        Candidate(source="url", filename="x", download_url=str(number), hashes=one) for number, one in enumerate(hashes)
    )
    request = FetchRequest(filename=filename, target="/m/x", root="/m", candidates=candidates, folder="f")
    return expected_of(request, candidates[0], verify_hashes=True)


def test_digests_that_are_none_are_not_compared() -> None:
    def promised(*hashes: dict[str, str]) -> dict[str, str]:
        return _promised("x.safetensors", *hashes).hashes

    assert promised({"sha256": "abc", "autov2": "", "crc32": "xyzxyzxy"}) == {}
    assert promised({"sha256": SHA256.upper()}) == {"sha256": SHA256}
    assert promised({"autov3": AUTOV3 + "0123"}) == {"autov3": AUTOV3}
    assert promised({"sha256": "bad"}, {"sha256": SHA256}) == {"sha256": SHA256}
