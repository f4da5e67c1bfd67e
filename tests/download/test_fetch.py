import gzip
import hashlib
import json
from typing import Any

import msgspec
import pytest

from comfyfixer.digests import DIGITS, computable
from comfyfixer.download.fetch import fetch
from comfyfixer.download.pace import Pace
from tests.download.conftest import KEY, Bench, safetensors
from tests.download.origin import Answer, redirect, serve, status


def test_a_file_is_fetched_proven_and_placed_and_nothing_else_is_left(bench: Bench) -> None:
    outcome = bench.fetch()
    assert outcome.success, outcome.error
    assert bench.target.read_bytes() == bench.hub.body
    assert bench.names() == ["x.safetensors"]
    assert outcome.sha256 == hashlib.sha256(bench.hub.body).hexdigest()
    assert (outcome.verified, outcome.size_bytes, outcome.path) == (True, len(bench.hub.body), str(bench.target))
    assert outcome.source == "civitai"
    wanted = [action for action in bench.actions() if action.startswith("download.") and "progressed" not in action]
    assert wanted == ["download.started", "download.verified", "download.finished"]


def test_the_key_stays_at_its_own_host_and_out_of_all_that_is_told_or_written(bench: Bench) -> None:
    bench.hub.script = [redirect(f"{bench.storage.url}/file?Authorization=3_signed&x=1")]
    bench.storage.script = [serve(cut_after=1_500_000)]
    bench.hub.script.append(status(500, b"it broke"))
    bench.pace = Pace(clock=bench.clock.read, sleep=bench.clock.sleep, tries=1)
    outcome = bench.fetch()
    assert not outcome.success
    assert bench.hub.requests[0]["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in bench.storage.requests[0]
    written = "".join(path.read_bytes().decode("latin-1") for path in bench.root.rglob("*.json"))
    assert "bytes_flushed" in written
    for secret in (KEY, "3_signed"):
        assert secret not in json.dumps(bench.events) + written + str(outcome)


def _packed(name: str, body: bytes) -> Answer:
    return status(200, body, {"Content-Encoding": name})


def test_bytes_that_are_packed_for_the_way_are_no_file_where_nothing_tells_what_it_is(bench: Bench) -> None:
    """A mirror may pack what it gives, asked or not: without a hash the packed bytes would get the name."""
    bench.target = bench.target.with_suffix(".onnx")
    bench.hub.script = [_packed("gzip", gzip.compress(bench.hub.body))] * 2
    problem = bench.fails("not-a-model-file", bench.candidate(hashes={}, size_bytes=None))
    assert "packed for the way (gzip)" in problem.message
    assert bench.names() == []
    assert {request["accept-encoding"] for request in bench.hub.requests} == {"identity"}


@pytest.mark.parametrize(("name", "hashes"), [("aws-chunked", {}), ("gzip", None)])
def test_a_storage_that_only_says_so_is_believed_its_bytes(
    bench: Bench, name: str, hashes: dict[str, str] | None
) -> None:
    bench.hub.script = [_packed(name, bench.hub.body)]
    known: dict[str, Any] = {} if hashes is None else {"hashes": hashes}
    assert bench.fetch(bench.candidate(**known)).success
    assert bench.target.read_bytes() == bench.hub.body


def test_the_next_candidate_is_tried_when_the_first_has_gone(bench: Bench) -> None:
    bench.hub.script = [status(404, b'{"error":"File not found"}')]
    outcome = bench.fetch(bench.candidate(), bench.candidate("huggingface"))
    assert outcome.success
    assert outcome.source == "huggingface"
    assert "the next source is tried" in bench.told("download.retried")[0]["why"]


def test_all_candidates_failing_tells_the_first_ones_reason_and_the_others_codes(bench: Bench) -> None:
    bench.hub.script = [status(410)]
    bench.storage.script = [status(404)]
    outcome = bench.fetch(bench.candidate(), bench.candidate("huggingface"))
    assert outcome.error is not None
    assert outcome.error.code == "file-archived"
    assert "huggingface: file-not-found" in outcome.error.message
    assert outcome.source == "civitai"
    assert bench.names() == []
    assert bench.told("download.failed")[0]["code"] == "file-archived"


def test_no_candidate_at_all_is_a_reason_too(bench: Bench) -> None:
    request = msgspec.structs.replace(bench.request(), candidates=())
    with bench.client() as client:
        outcome = fetch(request, client, emit=bench.emit, cancelled=lambda: False, pace=bench.pace)
    assert outcome.error is not None
    assert outcome.error.code == "file-not-found"


def test_flipped_bytes_are_fetched_anew_once_and_never_placed(bench: Bench) -> None:
    flipped = bytearray(bench.hub.body)
    flipped[1_000_000] ^= 1
    bench.hub.script = [serve(body=bytes(flipped))]
    outcome = bench.fetch()
    assert outcome.success
    assert bench.target.read_bytes() == bench.hub.body
    assert bench.hub.ranges == [None, None]


def test_a_lasting_mismatch_goes_to_the_next_candidate_and_is_told_with_both_hashes(bench: Bench) -> None:
    good = bench.candidate("huggingface")
    bench.hub.body = safetensors(seed=2)
    outcome = bench.fetch(bench.candidate(body=bench.storage.body), good)
    assert outcome.success
    assert len(bench.hub.requests) == 2
    why = bench.told("download.retried")[0]["why"]
    assert hashlib.sha256(bench.storage.body).hexdigest() in why
    assert hashlib.sha256(bench.hub.body).hexdigest() in why
    assert bench.target.read_bytes() == bench.storage.body


def test_a_mismatch_everywhere_leaves_nothing_in_the_models_folder(bench: Bench) -> None:
    promised = bench.candidate()
    bench.hub.body = safetensors(seed=2)
    outcome = bench.fetch(promised)
    assert outcome.error is not None
    assert outcome.error.code == "hash-mismatch"
    assert bench.names() == []


def test_one_candidates_hash_binds_the_others_too(bench: Bench) -> None:
    known = bench.candidate()
    bench.storage.body = safetensors(seed=3)
    bench.hub.script = [status(404)]
    outcome = bench.fetch(known, bench.candidate("huggingface", hashes={}))
    assert outcome.error is not None
    assert "huggingface: hash-mismatch" in outcome.error.message
    assert bench.names() == []


def test_without_any_hash_the_file_is_placed_unverified_and_that_is_said(bench: Bench) -> None:
    outcome = bench.fetch(bench.candidate(hashes={"blake3": "ab" * 32}))
    assert outcome.success
    assert not outcome.verified
    assert bench.told("problem.found")[0]["code"] == "hash-unknown"
    assert "download.verified" not in bench.actions()


def test_hashes_are_not_compared_when_that_is_wished_and_all_else_is_checked(bench: Bench) -> None:
    outcome = bench.fetch(bench.candidate(hashes={"sha256": "00" * 32}), verify_hashes=False)
    assert outcome.success
    assert not outcome.verified
    bench.target.unlink()
    wrong = bench.fetch(bench.candidate(size_bytes=17), verify_hashes=False)
    assert wrong.error is not None
    assert wrong.error.code == "size-mismatch"


@pytest.mark.parametrize("kind", ["autov2", "autov3", "crc32"])
def test_a_declared_hash_that_contradicts_the_bytes_refuses_them_though_the_hubs_sha256_agrees(
    bench: Bench, kind: str
) -> None:
    candidate = bench.candidate()
    candidate.hashes[kind] = "0123456789ab"[: DIGITS[kind]]
    problem = bench.fails("hash-mismatch", candidate)
    assert kind in problem.message
    assert bench.names() == []


@pytest.mark.skipif(computable("blake3", ".safetensors"), reason="BLAKE3 is installed here")
@pytest.mark.parametrize("known", ["autov2", "sha256"])
def test_a_declared_hash_that_cannot_be_computed_is_told_unless_the_sha256_was_compared(
    bench: Bench, known: str
) -> None:
    sha256 = hashlib.sha256(bench.hub.body).hexdigest()
    outcome = bench.fetch(bench.candidate(hashes={known: sha256[: DIGITS[known]], "blake3": "ab" * 32}))
    assert outcome.success
    assert outcome.verified is (known == "sha256")
    told = [(problem["code"], "blake3" in problem["message"]) for problem in bench.told("problem.found")]
    assert told == ([] if outcome.verified else [("hash-unknown", True)])


def test_a_pickle_under_the_name_of_a_safetensors_file_is_refused_though_its_hash_is_right(bench: Bench) -> None:
    bench.hub.body = b"PK\x03\x04" + b"archive/data.pkl" * 100
    bench.fails("not-a-model-file", bench.candidate())
    assert bench.names() == []
