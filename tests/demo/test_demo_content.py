"""Files behind the hub: valid, deterministic, streamed."""

import hashlib
import json
import zlib

import pytest

from comfyfixer.demo import content
from comfyfixer.demo.content import Plain, Weights
from comfyfixer.demo.safetensors import SMALLEST_BYTES, TENSORS


def header_of(data: bytes) -> dict[str, dict[str, object]]:
    """Parse and check a safetensors header by the format's own rules."""
    length = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + length])
    table.pop("__metadata__", None)
    end = 0
    for tensor in sorted(table.values(), key=lambda tensor: tensor["data_offsets"]):
        start, stop = tensor["data_offsets"]
        assert (start, stop - start) == (end, 2 * tensor["shape"][0])
        end = stop
    assert 8 + length + end == len(data)
    assert isinstance(table, dict)
    return table


@pytest.mark.parametrize("kind", sorted(TENSORS))
@pytest.mark.parametrize("size", [SMALLEST_BYTES, 16_384, 1_500_002])
def test_weights_are_a_valid_safetensors_file_of_exactly_that_size(kind: str, size: int) -> None:
    data = content.whole(Weights(kind=kind, seed="s", size_bytes=size, metadata=(("title", "A"),)))

    assert len(data) == size
    assert set(header_of(data)) == set(TENSORS[kind])


def test_any_stretch_equals_the_same_part_of_the_whole() -> None:
    weights = Weights(kind="lora", seed="s", size_bytes=3_000_000)
    data = content.whole(weights)

    for start, length in [(0, 10), (5, 600), (500, 2_500_000), (2_999_999, 5), (1_048_000, 2000), (3_000_000, 1)]:
        assert b"".join(content.pieces(weights, start, length)) == data[start : start + length]


def test_the_hashes_are_those_of_the_bytes() -> None:
    weights = Weights(kind="vae", seed="s", size_bytes=2_000_000)
    data = content.whole(weights)
    tensors = data[8 + int.from_bytes(data[:8], "little") :]

    assert content.sha256_of(weights) == hashlib.sha256(data).hexdigest()
    assert content.autov1_of(weights) == hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8]
    assert content.autov3_of(weights) == hashlib.sha256(tensors).hexdigest()[:12]
    assert int(content.crc32_of(weights), 16) == zlib.crc32(data)
    assert content.xet_hash_of(weights) != content.sha256_of(weights)
    assert len(content.xet_hash_of(weights)) == 64


def test_autov3_survives_another_header_and_the_sha256_does_not() -> None:
    plain = Weights(kind="lora", seed="s", size_bytes=16_384)
    titled = Weights(kind="lora", seed="s", size_bytes=16_384, metadata=(("title", "B"),))

    assert content.autov3_of(plain) == content.autov3_of(titled)
    assert content.sha256_of(plain) != content.sha256_of(titled)


def test_the_git_id_is_gits_own() -> None:
    assert content.git_sha1_of(Plain(b"hello\n")) == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_another_seed_gives_other_bytes() -> None:
    assert content.sha256_of(Weights(kind="lora", seed="a")) != content.sha256_of(Weights(kind="lora", seed="b"))


def test_a_gguf_begins_with_its_magic_number() -> None:
    data = content.whole(content.gguf("s", 4096))

    assert (data[:4], len(data)) == (b"GGUF", 4096)


@pytest.mark.parametrize("size", [100, SMALLEST_BYTES + 1])
def test_a_size_that_no_file_can_have_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="can't be made"):
        content.whole(Weights(kind="lora", seed="s", size_bytes=size))
