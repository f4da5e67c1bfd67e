"""Cuts, ranges and lengths: whatever the server does, the bytes are right or absent."""

import hashlib
import json
import os
import threading
import time
from typing import Any

import msgspec
import pytest

from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.download.other_hand import fetched_beside
from comfyfixer.download.pace import Pace
from comfyfixer.errors import Interrupted
from tests.download.conftest import Bench, safetensors
from tests.download.origin import Answer, Exchange, redirect, serve, status

CUT = 1_500_000


def _leave_part(bench: Bench, **candidate: Any) -> bytes:
    """An earlier run that was cut off for good after `CUT` bytes; gives the bytes that it left."""
    patient, bench.pace = bench.pace, _impatient(bench)
    bench.hub.script = [serve(cut_after=CUT)]
    assert not bench.fetch(bench.candidate(**candidate)).success
    bench.pace = patient
    bench.hub.requests.clear()
    bench.events.clear()
    return bench.part.read_bytes()


def _impatient(bench: Bench) -> Pace:
    return Pace(clock=bench.clock.read, sleep=bench.clock.sleep, tries=0)


def _succeeds(bench: Bench, **candidate: Any) -> None:
    outcome = bench.fetch(bench.candidate(**candidate))
    assert outcome.success, outcome.error
    assert bench.target.read_bytes() == bench.hub.body
    assert bench.names() == ["x.safetensors"]


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 513, 100_000, 2_999_999])
def test_a_cut_at_any_byte_goes_on_behind_it(bench: Bench, cut: int) -> None:
    bench.hub.script = [serve(cut_after=cut)]
    _succeeds(bench)
    assert bench.hub.ranges == [None, f"bytes={cut}-" if cut else None]
    assert len(bench.told("download.retried")) == 1


def test_many_cuts_never_use_up_the_budget_while_bytes_arrive(bench: Bench) -> None:
    bench.hub.body = safetensors(30_000_000)
    bench.hub.script = [serve(cut_after=1_100_000) for _ in range(20)]
    _succeeds(bench)
    assert len(bench.hub.requests) == 21


def test_a_server_that_always_cuts_at_the_same_byte_is_given_up(bench: Bench) -> None:
    """It ignores ranges, so each try brings bytes that were here before: that is no progress."""
    bench.hub.script = [serve(cut_after=2_000_000, ranges=False) for _ in range(50)]
    outcome = bench.fetch()
    assert outcome.error is not None
    assert outcome.error.code == "download-interrupted"
    assert len(bench.hub.requests) < 12
    assert bench.part.stat().st_size == 2_000_000


def test_another_run_goes_on_with_the_part_and_fetches_only_what_is_missing(bench: Bench) -> None:
    _leave_part(bench)
    assert bench.names() == [f".x.safetensors.comfyfixer.{end}" for end in ("json", "lock", "part")]
    _succeeds(bench)
    assert bench.hub.ranges == [f"bytes={CUT}-"]
    assert bench.told("download.resumed") == [{"filename": "x.safetensors", "bytes_done": CUT}]


def test_bytes_that_changed_on_the_disk_are_noticed_and_fetched_anew(bench: Bench) -> None:
    left = bytearray(_leave_part(bench))
    left[700_000] ^= 1
    bench.part.write_bytes(bytes(left))
    _succeeds(bench)
    assert bench.hub.ranges == [f"bytes={CUT}-", None]


def test_a_part_of_another_version_of_this_tool_starts_over(bench: Bench) -> None:
    _leave_part(bench)
    bench.record.write_bytes(b'{"schema_version":2,"candidate":"x","url":"y"}')
    _succeeds(bench)
    assert bench.hub.ranges == [None]


@pytest.mark.parametrize("hashes", [None, {}], ids=["hash", "no hash"])
@pytest.mark.parametrize(
    "changes",
    [
        {"front": -5}, {"front": -5, "ahead": [[2000, 3000]]}, {"front": 1 << 70}, {"bytes_flushed": -9},
        {"front": 10, "ahead": [[50, 20], [-50, 20], [-5, -3]]}, {"front": 10, "ahead": [[1 << 61, 1 << 62]]},
        {"front": 1000, "ahead": [[2000, 3000], [2500, 4000], [0, 10]], "ahead_flushed": [[9, 1]]},
        {"etag": '"a\r\nX: y"'}, {"etag": '"\u20ac"'},
    ],
)  # fmt: skip
def test_a_journal_that_says_what_can_not_be_costs_no_more_than_the_part(
    bench: Bench, changes: dict[str, Any], hashes: dict[str, str] | None
) -> None:
    known = {} if hashes is None else {"hashes": hashes}
    _leave_part(bench, **known)
    bench.record.write_text(json.dumps(json.loads(bench.record.read_bytes().split(b"\n")[0]) | changes))
    _succeeds(bench, **known)


@pytest.mark.parametrize("journal", [b"", b"{", b"[1]", b'{"mine":1}', None])
def test_a_part_without_a_readable_journal_is_left_and_told(bench: Bench, journal: bytes | None) -> None:
    left = _leave_part(bench)
    bench.record.unlink()
    if journal is not None:
        bench.record.write_bytes(journal)
    problem = bench.fails("target-unwritable")
    assert "was not touched" in problem.message
    assert bench.part.read_bytes() == left
    assert journal is None or bench.record.read_bytes() == journal
    assert bench.hub.requests == []


def test_a_part_of_another_file_starts_over(bench: Bench) -> None:
    _leave_part(bench)
    bench.hub.body = safetensors(seed=2)
    _succeeds(bench)
    assert bench.hub.ranges == [None]


def test_the_same_bytes_from_another_hub_go_on_with_the_part(bench: Bench) -> None:
    _leave_part(bench)
    assert bench.fetch(bench.candidate("huggingface")).success
    assert bench.storage.ranges == [f"bytes={CUT}-"]
    assert bench.target.read_bytes() == bench.hub.body


def test_a_hub_that_now_refuses_keeps_the_part_for_later(bench: Bench) -> None:
    left = _leave_part(bench)
    bench.hub.script = [status(401, b'{"message":"requires you to be logged in"}')]
    outcome = bench.fetch()
    assert outcome.error is not None
    assert outcome.error.code == "hub-key-refused"
    assert bench.part.read_bytes() == left


def test_a_complete_part_is_verified_without_a_request(bench: Bench) -> None:
    _leave_part(bench)
    bench.part.write_bytes(bench.hub.body)
    _succeeds(bench)
    assert bench.hub.requests == []


def test_a_part_that_is_longer_than_the_file_is_cut_and_proven(bench: Bench) -> None:
    _leave_part(bench)
    bench.part.write_bytes(bench.hub.body + b"more")
    _succeeds(bench)


def test_a_complete_part_of_unknown_size_is_told_by_416(bench: Bench) -> None:
    _leave_part(bench, size_bytes=None)
    bench.part.write_bytes(bench.hub.body)
    _succeeds(bench, size_bytes=None)
    assert bench.hub.ranges == [f"bytes={len(bench.hub.body)}-"]


def test_416_on_an_incomplete_part_starts_over(bench: Bench) -> None:
    _leave_part(bench)
    bench.hub.script = [status(416)]
    _succeeds(bench)
    assert bench.hub.ranges == [f"bytes={CUT}-", None]


@pytest.mark.parametrize(
    ("answer", "requests"),
    [(serve(ranges=False), 1), (serve(shift=7), 2), (serve(shift=-7), 2), (status(206), 2)],
    ids=["ignored", "further", "before", "206 without a range"],
)
def test_a_range_that_is_not_what_was_asked_starts_over(bench: Bench, answer: Answer, requests: int) -> None:
    _leave_part(bench)
    bench.hub.script = [answer]
    _succeeds(bench)
    assert len(bench.hub.requests) == requests


@pytest.mark.parametrize("length", [None, 1_000_000, 2_999_000])
def test_a_missing_or_too_short_length_is_survived(bench: Bench, length: int | None) -> None:
    bench.hub.script = [serve(length=length)]
    _succeeds(bench)


def test_a_length_that_claims_too_much_is_survived(bench: Bench) -> None:
    bench.hub.script = [serve(length=9_000_000)]
    _succeeds(bench)


def test_a_file_of_another_size_is_refused_before_it_is_fetched(bench: Bench) -> None:
    outcome = bench.fetch(bench.candidate(size_bytes=1234))
    assert outcome.error is not None
    assert outcome.error.code == "size-mismatch"
    assert "1234" in outcome.error.message
    assert bench.hub.ranges == [None, "bytes=0-0"] * 2
    assert bench.names() == []


def test_more_bytes_than_promised_are_refused_where_no_hash_could_tell(bench: Bench) -> None:
    bench.hub.script = [serve(length=None), serve(length=None)]
    outcome = bench.fetch(bench.candidate(size_bytes=len(bench.hub.body) - 5, hashes={}))
    assert outcome.error is not None
    assert outcome.error.code == "size-mismatch"


def test_without_a_hash_if_range_guards_the_rest(bench: Bench) -> None:
    _leave_part(bench, hashes={})
    _succeeds(bench, hashes={})
    assert bench.hub.requests[0]["if-range"] == '"v1"'
    assert bench.hub.ranges == [f"bytes={CUT}-"]


def test_without_a_hash_a_changed_file_starts_over(bench: Bench) -> None:
    _leave_part(bench, hashes={})
    bench.hub.body, bench.hub.etag = safetensors(seed=2), '"v2"'
    _succeeds(bench, hashes={})


def test_without_a_hash_a_changed_etag_is_believed_also_from_a_server_that_ignores_if_range(bench: Bench) -> None:
    _leave_part(bench, hashes={})
    bench.hub.body = safetensors(seed=2)

    def ignorant(exchange: Exchange) -> None:
        bench.hub.etag = '"v2"'
        del exchange.headers["If-Range"]
        serve()(exchange)

    bench.hub.script = [ignorant]
    _succeeds(bench, hashes={})
    assert bench.hub.ranges == [f"bytes={CUT}-", None]


def test_without_hash_and_strong_etag_nothing_is_resumed(bench: Bench) -> None:
    bench.hub.etag = 'W/"weak"'
    _leave_part(bench, hashes={})
    _succeeds(bench, hashes={})
    assert bench.hub.ranges == [None]


@pytest.mark.parametrize(
    ("first", "then", "goes_on"),
    [('W/"1"', 'W/"1"', True), ('W/"1"', 'W/"2"', False), ('W/"1"', None, False), (None, None, False)],
)
def test_without_a_hash_a_cut_file_goes_on_only_where_the_server_says_that_it_is_the_same(
    bench: Bench, first: str | None, then: str | None, goes_on: bool
) -> None:
    old, bench.hub.etag = bench.hub.body, first
    new = old if goes_on else safetensors(seed=2)

    def later(exchange: Exchange) -> None:
        bench.hub.body, bench.hub.etag = new, then
        serve()(exchange)

    bench.hub.script = [serve(cut_after=CUT), later]
    outcome = bench.fetch(bench.candidate(hashes={}))
    assert outcome.success, outcome.error
    assert bench.target.read_bytes() == new
    assert bench.hub.ranges == [None, f"bytes={CUT}-", *([] if goes_on else [None])]


def test_without_a_hash_only_bytes_that_reached_the_disk_are_taken_over(bench: Bench) -> None:
    _leave_part(bench, hashes={})
    record = msgspec.json.decode(bench.record.read_bytes(), type=PartRecord)
    bench.record.write_bytes(msgspec.json.encode(msgspec.structs.replace(record, bytes_flushed=1000)))
    _succeeds(bench, hashes={})
    assert bench.hub.ranges == ["bytes=1000-"]


def test_of_unknown_size_a_new_size_on_the_server_starts_over(bench: Bench) -> None:
    """Between two connections of one run the file was replaced; its new hash is the promised one."""
    new = safetensors(4_000_000, seed=2)
    promised = bench.candidate(body=new, size_bytes=None)
    bench.hub.script = [serve(cut_after=CUT)]

    def replaced(exchange: Exchange) -> None:
        bench.hub.body = new
        serve()(exchange)

    bench.hub.script.append(replaced)
    assert bench.fetch(promised).success
    assert bench.target.read_bytes() == new
    assert bench.hub.ranges == [None, f"bytes={CUT}-", None]


@pytest.mark.parametrize(
    "expired",
    [
        status(401, b'{"code":"expired_auth_token","message":"Authorization token has expired","status":401}'),
        status(
            403, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        ),
    ],
    ids=["b2", "r2"],
)
def test_an_expired_signature_asks_the_hub_anew_and_goes_on(bench: Bench, expired: Answer) -> None:
    old, new = redirect(f"{bench.storage.url}/old"), redirect(f"{bench.storage.url}/new")
    bench.hub.script = [old, old, new]
    bench.storage.script = [serve(cut_after=CUT), expired]
    _succeeds(bench)
    assert [request["path"] for request in bench.storage.requests] == ["/old", "/old", "/new"]
    assert bench.storage.ranges == [None, f"bytes={CUT}-", f"bytes={CUT}-"]


def test_the_journal_names_the_file_and_never_a_signed_address(bench: Bench) -> None:
    bench.hub.script = [redirect(f"{bench.storage.url}/f?X-Amz-Signature=abc")]
    bench.storage.script = [serve(cut_after=CUT)]
    bench.pace = _impatient(bench)
    bench.fetch(bench.candidate(download_url=f"{bench.hub.url}/api/download/models/3?fileId=5&token=S3CRET"))
    record = json.loads(bench.record.read_bytes())
    assert record["candidate"] == "civitai:1@3+5"
    assert record["url"].endswith("/api/download/models/3?fileId=5&token=***")
    assert record["etag"] == '"v1"'
    assert record["bytes_flushed"] == CUT
    assert "abc" not in bench.record.read_text()


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_waited_out(bench: Bench, code: int) -> None:
    bench.hub.script = [status(code, b"<html>busy</html>"), status(code)]
    _succeeds(bench)
    assert len(bench.hub.requests) == 3


def test_a_server_that_asks_for_time_gets_it(bench: Bench) -> None:
    bench.hub.script = [status(429, headers={"Retry-After": "77"})]
    before = bench.clock.now
    _succeeds(bench)
    assert 77 <= bench.clock.now - before < 90


def test_a_server_that_asks_for_too_much_time_is_told(bench: Bench) -> None:
    bench.hub.script = [status(429, headers={"Retry-After": "100000"})]
    outcome = bench.fetch()
    assert outcome.error is not None
    assert outcome.error.code == "hub-rate-limited"


def test_faults_without_end_are_told_after_some_tries(bench: Bench) -> None:
    bench.hub.script = [status(503) for _ in range(40)]
    outcome = bench.fetch()
    assert outcome.error is not None
    assert outcome.error.code == "hub-error"
    assert len(bench.hub.requests) == bench.pace.tries + 1
    assert bench.names() == []


def test_a_stop_keeps_what_has_arrived_and_the_next_run_goes_on(bench: Bench) -> None:
    bench.cancelled = lambda: bench.part.exists() and bench.part.stat().st_size > 1_000_000
    released = threading.Event()
    bench.hub.script = [serve(hold_at=2_000_000, until=released)]
    try:
        with pytest.raises(Interrupted):
            bench.fetch()
    finally:
        released.set()
    assert 1_000_000 < bench.part.stat().st_size < len(bench.hub.body)
    assert json.loads(bench.record.read_bytes())["bytes_flushed"] == bench.part.stat().st_size
    bench.cancelled = lambda: False
    _succeeds(bench)
    assert bench.hub.requests[1]["range"].startswith("bytes=1")


def test_a_connection_that_a_stop_ended_is_not_tried_again(bench: Bench) -> None:
    def ended(exchange: Exchange) -> None:
        exchange.head(200, Content_Length=len(bench.hub.body))
        exchange.wfile.write(bench.hub.body[:1_000_000])
        exchange.wfile.flush()
        while not bench.part.exists() or bench.part.stat().st_size < 1_000_000:
            time.sleep(0.001)
        bench.stop = True
        exchange.hang_up()

    bench.hub.script = [ended]
    with pytest.raises(Interrupted):
        bench.fetch()
    assert bench.told("download.retried") == []
    assert len(bench.hub.requests) == 1


def test_a_stop_while_waiting_ends_the_wait(bench: Bench) -> None:
    bench.hub.script = [status(503) for _ in range(9)]
    real = bench.clock.sleep

    def sleep(seconds: float) -> None:
        real(seconds)
        bench.stop = True

    bench.pace = Pace(clock=bench.clock.read, sleep=sleep)
    with pytest.raises(Interrupted):
        bench.fetch()
    assert len(bench.hub.requests) == 1
    assert bench.names() == []


def test_a_storage_that_says_no_in_other_words_is_given_a_new_address(bench: Bench) -> None:
    bench.hub.script = [redirect(f"{bench.storage.url}/signed?a=1"), redirect(f"{bench.storage.url}/signed?a=2")]
    bench.storage.script = [status(403, b"Signature too old, honestly")]
    _succeeds(bench)
    assert [request["path"] for request in bench.storage.requests] == ["/signed?a=1", "/signed?a=2"]


def test_a_storage_that_goes_on_saying_no_is_believed(bench: Bench) -> None:
    bench.hub.script = [redirect(f"{bench.storage.url}/signed") for _ in range(9)]
    bench.storage.script = [status(403, b"no") for _ in range(9)]
    bench.fails("hub-refused")
    assert len(bench.storage.requests) == 3


def test_a_part_that_is_somebody_s_file_as_well_is_left_to_them(bench: Bench) -> None:
    """A run was killed while it placed the file, and the user moved what it had placed."""
    _leave_part(bench, hashes={})
    mine = bench.root.parent / "mine.safetensors"
    os.link(bench.part, mine)
    before = mine.read_bytes()
    bench.hub.body, bench.hub.etag = safetensors(seed=2), '"v2"'
    _succeeds(bench, hashes={})
    assert mine.read_bytes() == before
    assert os.stat(mine).st_nlink == 1


def test_a_journal_is_not_written_through_a_link(bench: Bench) -> None:
    victim = bench.root.parent / "victim.txt"
    victim.write_bytes(b"precious")
    bench.target.parent.mkdir(parents=True)
    PartPaths(bench.target).next_journal.symlink_to(victim)
    _succeeds(bench)
    assert victim.read_bytes() == b"precious"


def test_a_second_opinion_about_the_size_is_asked_when_the_first_answer_has_ended(bench: Bench) -> None:
    """No two connections at once, where a host is to see one."""
    at_once: list[int] = []
    open_now = 0

    def counted(answer: Answer) -> Answer:
        def count(exchange: Exchange) -> None:
            nonlocal open_now
            until_s = time.monotonic() + 2
            while open_now and time.monotonic() < until_s:  # one that has ended may not have noticed it yet
                time.sleep(0.001)
            open_now += 1
            at_once.append(open_now)
            try:
                answer(exchange)
                exchange.connection.settimeout(10)
                exchange.rfile.read(1)  # until the other side hangs up or asks again
            finally:
                open_now -= 1
                exchange.close_connection = True

        return count

    def lying(exchange: Exchange) -> None:
        exchange.head(200, Content_Length=len(bench.hub.body) - 1)
        exchange.wfile.write(bench.hub.body[:-1])
        exchange.wfile.flush()

    bench.hub.script = [counted(lying), counted(serve())]
    _succeeds(bench)
    assert max(at_once) == 1


def test_what_another_program_left_goes_when_the_file_has_come(bench: Bench) -> None:
    bench.target.parent.mkdir(parents=True)
    left = fetched_beside(PartPaths(bench.target).part)
    for path in (left, left.with_name(f"{left.name}.aria2")):
        path.write_bytes(b"half")
    _succeeds(bench)
    assert bench.names() == ["x.safetensors"]


@pytest.mark.parametrize("odd", ["whole", "no such range", "elsewhere"])
def test_one_odd_answer_costs_none_of_the_bytes_that_lie_behind_a_gap(bench: Bench, odd: str) -> None:
    half = len(bench.hub.body) // 2
    bench.target.parent.mkdir(parents=True)
    paths = PartPaths(bench.target)
    paths.part.write_bytes(bytes(half) + bench.hub.body[half:])
    sha256 = hashlib.sha256(bench.hub.body).hexdigest()
    record = PartRecord(
        candidate=bench.candidate().id, url=bench.candidate().download_url, size_bytes=len(bench.hub.body),
        sha256=sha256, front=0, ahead=((half, len(bench.hub.body)),),
    )  # fmt: skip
    paths.journal.write_bytes(msgspec.json.encode(record))
    answers = {"whole": serve(ranges=False), "no such range": status(416), "elsewhere": serve(shift=7)}
    bench.hub.script = [answers[odd]]
    _succeeds(bench)
    asked = [asked for asked in bench.hub.ranges[1:] if asked]
    assert asked
    assert all(int(one.partition("-")[2]) < half for one in asked)
