"""Each fault does what it says, to the requests it is for and to no others."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import msgspec
import pytest

from comfyfixer.demo.catalogue import CIVITAI_KEY
from comfyfixer.demo.content import whole
from comfyfixer.demo.exchange import Request
from comfyfixer.demo.faults import (
    AnyFault,
    Cut,
    Down,
    Expired,
    Faults,
    FaultState,
    FlippedByte,
    Hold,
    IgnoreRange,
    KeyRefused,
    MissingLength,
    OtherBytes,
    Reply,
    SlowDrip,
    Truncated,
    WrongLength,
    WrongOffset,
    empty_body,
    html_page,
    server_error,
    too_many,
    window_exhausted,
)
from comfyfixer.demo.hub import Hub
from tests.support.hubs import AGENT, ask, catalogue_of, civitai_model, repo, weights

CONTENT = weights("civitai 1", size_bytes=2_000_000)
DATA = whole(CONTENT)


@contextmanager
def hub_with(*rules: AnyFault) -> Iterator[tuple[Hub, Callable[[], str]]]:
    """A hub, and a function that asks for a new signed URL of the one file."""
    with Hub(catalogue_of(civitai_model(1, content=CONTENT), repo()), Faults(rules)) as hub:
        yield hub, lambda: ask(f"{hub.civitai_endpoint}/api/download/models/10").location


def read_all(url: str, headers: dict[str, str] | None = None) -> tuple[http.client.HTTPResponse, bytes, bool]:
    """Response, what came of the body, and whether it came to its declared end."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={**AGENT, **(headers or {})})
        response = connection.getresponse()
        try:
            return response, response.read(), True
        except http.client.IncompleteRead as error:
            return response, error.partial, False
    finally:
        connection.close()


def test_a_cut_ends_the_body_after_exactly_so_many_bytes_and_only_so_often() -> None:
    with hub_with(Cut(role="storage", after_bytes=70_001, times=2)) as (_, signed):
        for _ in range(2):
            assert read_all(signed())[1:] == (DATA[:70_001], False)
        assert read_all(signed())[1:] == (DATA, True)


def test_a_cut_counts_from_the_start_of_the_answer_not_of_the_file() -> None:
    with hub_with(Cut(role="storage", after_bytes=10)) as (_, signed):
        assert read_all(signed(), {"Range": "bytes=500-"})[1] == DATA[500:510]


def test_rules_apply_to_their_own_role_path_and_method_only() -> None:
    with hub_with(server_error(role="civitai", path="/api/v1/models", times=None)) as (hub, signed):
        assert ask(f"{hub.civitai_endpoint}/api/v1/models").status == 502
        assert ask(f"{hub.huggingface_endpoint}/api/models").status == 200
        assert ask(signed()).status == 200


def test_the_path_of_a_rule_may_be_in_the_query() -> None:
    with hub_with(server_error(path="fileId=100")) as (hub, _):
        assert ask(f"{hub.civitai_endpoint}/api/download/models/10").status == 307
        assert ask(f"{hub.civitai_endpoint}/api/download/models/10?fileId=100").status == 502


def test_a_range_that_is_ignored_gives_the_whole_file_with_200() -> None:
    with hub_with(IgnoreRange(role="storage")) as (_, signed):
        reply = ask(signed(), headers={"Range": "bytes=100-"})

    assert (reply.status, reply.body) == (200, DATA)


def test_a_wrong_offset_is_told_truthfully() -> None:
    with hub_with(WrongOffset(role="storage", shift_bytes=-7)) as (_, signed):
        reply = ask(signed(), headers={"Range": "bytes=100-"})

    assert (reply.status, reply.body) == (206, DATA[93:])
    assert reply.headers["content-range"].startswith("bytes 93-")


def test_a_length_that_is_too_small_hides_the_last_bytes() -> None:
    with hub_with(WrongLength(role="storage", extra_bytes=-5)) as (_, signed):
        assert read_all(signed())[1:] == (DATA[:-5], True)


def test_a_body_shorter_than_its_length_ends_with_the_connection() -> None:
    with hub_with(WrongLength(role="storage", extra_bytes=5)) as (_, signed):
        response, body, complete = read_all(signed())

    assert (response.getheader("Content-Length"), body, complete) == (str(len(DATA) + 5), DATA, False)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_missing_length(chunked: bool) -> None:
    with hub_with(MissingLength(role="storage", chunked=chunked)) as (_, signed):
        reply = ask(signed())

    assert reply.body == DATA
    assert "content-length" not in reply.headers
    assert ("transfer-encoding" in reply.headers) is chunked


def test_a_flipped_byte_is_at_its_place_in_the_file_also_in_a_range() -> None:
    with hub_with(FlippedByte(role="storage", at=1_500_000, times=None)) as (_, signed):
        whole_body = ask(signed()).body
        part = ask(signed(), headers={"Range": "bytes=1400000-"}).body
        before = ask(signed(), headers={"Range": "bytes=0-99"}).body

    assert [at for at, byte in enumerate(whole_body) if byte != DATA[at]] == [1_500_000]
    assert part == whole_body[1_400_000:]
    assert before == DATA[:100]


@pytest.mark.parametrize(
    ("rule", "status", "kind", "body"),
    [
        (html_page(role="storage"), 200, "text/html; charset=utf-8", b"<!DOCTYPE html>"),
        (too_many(role="storage", retry_after="3"), 429, "application/json", b'{"error":"Too many'),
        (server_error(role="storage", status=503), 503, "text/html", b"<html>"),
        (empty_body(role="storage"), 200, "application/octet-stream", b""),
        (Reply(role="storage", status=451, body='{"code":"REGION_BLOCKED"}'), 451, None, b'{"code"'),
    ],
)
def test_another_answer_instead_of_the_file(rule: Reply, status: int, kind: str | None, body: bytes) -> None:
    with hub_with(rule) as (_, signed):
        reply = ask(signed())
        again = ask(signed())

    assert (reply.status, reply.headers.get("content-type")) == (status, kind)
    assert reply.body.startswith(body)
    assert again.body == DATA


def test_too_many_can_say_when_to_come_back_or_not() -> None:
    with hub_with(too_many(retry_after="3"), too_many(skip=1, retry_after=None)) as (hub, _):
        url = f"{hub.civitai_endpoint}/api/v1/models"
        first, second, third = ask(url), ask(url), ask(url)

    assert (first.headers.get("retry-after"), second.headers.get("retry-after")) == ("3", None)
    assert [reply.status for reply in (first, second, third)] == [429, 429, 200]


def test_a_hub_that_is_down_closes_the_connection() -> None:
    with hub_with(Down(role="huggingface")) as (hub, _):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            ask(f"{hub.huggingface_endpoint}/api/models")
        assert ask(f"{hub.huggingface_endpoint}/api/models").status == 200
        assert [request.status for request in hub.requests] == [0, 200]


def test_truncated_json_has_a_length_that_agrees() -> None:
    with hub_with(Truncated(role="civitai", keep_bytes=30)) as (hub, _):
        reply = ask(f"{hub.civitai_endpoint}/api/v1/models/1")

    assert (reply.status, len(reply.body), reply.headers["content-length"]) == (200, 30, "30")
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(reply.body)


def test_a_key_is_refused_only_where_one_came() -> None:
    with hub_with(KeyRefused(role="civitai", times=None)) as (hub, _):
        url = f"{hub.civitai_endpoint}/api/v1/models"

        assert (ask(url).status, ask(url, key=CIVITAI_KEY).status) == (200, 401)


def test_a_signature_can_expire_in_the_middle_of_a_download() -> None:
    with hub_with(Cut(role="storage", after_bytes=1000), Expired(role="storage", skip=1)) as (_, signed):
        url = signed()
        first = read_all(url)[1]
        second = ask(url, headers={"Range": f"bytes={len(first)}-"})
        third = ask(signed(), headers={"Range": f"bytes={len(first)}-"})

    assert (second.status, b"expired" in second.body) == (403, True)
    assert first + third.body == DATA


def test_a_file_can_be_replaced_in_the_middle_of_a_download() -> None:
    with hub_with(OtherBytes(role="storage", skip=1)) as (_, signed):
        before, after = ask(signed()), ask(signed())

    assert len(before.body) == len(after.body)
    assert before.body != after.body
    assert before.headers["etag"] != after.headers["etag"]


def test_a_slow_drip_keeps_its_rate_and_ends_with_the_hub() -> None:
    with hub_with(SlowDrip(role="storage", bytes_per_second=40_000)) as (_, signed):
        parts = urlsplit(signed())
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        connection.request("GET", f"{parts.path}?{parts.query}", headers=AGENT)
        first = connection.getresponse().read(4000)
    connection.close()

    assert first == DATA[:4000]


def test_a_hold_waits_at_exactly_that_byte_until_its_gate_is_opened() -> None:
    got: list[bytes] = []
    with hub_with(Hold(role="storage", after_bytes=150_000, gate="middle")) as (hub, signed):
        parts = urlsplit(signed())
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        connection.request("GET", f"{parts.path}?{parts.query}", headers=AGENT)
        response = connection.getresponse()
        got.append(response.read(150_000))
        assert hub.gate("middle").reached.wait(10)
        reader = threading.Thread(target=lambda: got.append(response.read()))
        reader.start()
        hub.gate("middle").open()
        reader.join(10)
        connection.close()

    assert [len(part) for part in got] == [150_000, len(DATA) - 150_000]
    assert b"".join(got) == DATA


def test_a_gate_tells_how_many_transfers_it_holds() -> None:
    with hub_with(Hold(role="storage", after_bytes=10, times=None)) as (hub, signed):
        readers = [threading.Thread(target=read_all, args=(signed(),)) for _ in range(3)]
        for reader in readers:
            reader.start()
        assert hub.gate().wait_for(3)
        assert hub.gate().waiting == 3
        assert not hub.gate().wait_for(4, timeout_s=0)
        hub.gate().open()
        for reader in readers:
            reader.join(10)
        assert hub.gate().waiting == 0


def test_an_exhausted_window_tells_its_seconds_in_its_own_header() -> None:
    with hub_with(window_exhausted(seconds=2)) as (hub, _):
        reply = ask(f"{hub.huggingface_endpoint}/api/models")

    assert (reply.status, reply.headers["ratelimit"], reply.headers.get("retry-after")) == (429, '"api";r=0;t=2', None)


def test_leaving_the_hub_lets_held_transfers_go() -> None:
    with hub_with(Hold(role="storage", after_bytes=10)) as (hub, signed):
        url = signed()
        reader = threading.Thread(target=read_all, args=(url,))
        reader.start()
        assert hub.gate().reached.wait(10)
    reader.join(10)

    assert not reader.is_alive()


def test_faults_can_be_changed_while_the_hub_runs() -> None:
    with hub_with(server_error(times=None)) as (hub, _):
        url = f"{hub.civitai_endpoint}/api/v1/models"
        broken = ask(url).status
        hub.set_faults(Faults())

        assert (broken, ask(url).status) == (502, 200)


def test_faults_are_written_and_read_as_json() -> None:
    faults = Faults((Cut(role="storage", after_bytes=3), too_many(), Hold(after_bytes=1, gate="x"), Expired(skip=1)))

    assert msgspec.json.decode(msgspec.json.encode(faults), type=Faults) == faults


def test_each_matching_request_is_counted_once() -> None:
    state = FaultState(Faults((Down(role="civitai", skip=1, times=2),)))
    request = Request(role="civitai", method="GET", target="/x", path="/x")
    other = Request(role="cdn", method="GET", target="/x", path="/x")

    hit = [bool(state.active(asked)) for asked in (request, other, request, request, request)]

    assert hit == [False, False, True, True, False]


def test_a_file_of_a_gigabyte_needs_no_memory_for_its_last_bytes() -> None:
    large = weights("large", size_bytes=1 << 30)
    with Hub(catalogue_of(civitai_model(1, content=large))) as hub:
        url = ask(f"{hub.civitai_endpoint}/api/download/models/10").location
        reply = ask(url, headers={"Range": f"bytes={(1 << 30) - 1000}-"})

    assert (reply.status, len(reply.body)) == (206, 1000)
