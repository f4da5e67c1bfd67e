"""Questions to hubs over real connections: what is asked, kept, repeated, refused."""

import gzip
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.errors import CODES, DownloadError, NotThere, SourceError
from comfyfixer.model.secret import Secret
from comfyfixer.net.client import Client, Timing, make_client
from comfyfixer.settings import Endpoints, Settings
from tests.net.loopback import FakeTime, Given, Loopback, Seen, json, redirect

KEY = "civ-0123456789abcdef"


class Bench:
    """A server, a client whose Civitai end point it is, a time that can be moved, and the events."""

    def __init__(self, cache: Path | None = None) -> None:
        self.answer: Callable[[Seen], Given] = lambda seen: json("{}")
        self.time = FakeTime()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.server = Loopback(self._answer)
        self.cache = cache
        self.client = self.new_client()

    def _answer(self, seen: Seen) -> Given:
        return self.answer(seen)

    def new_client(self, **more: Any) -> Client:
        settings = Settings(
            workdir="/",
            endpoints=Endpoints(civitai=self.server.url),
            civitai_key=Secret(KEY),
            timeout_seconds=5,
            **more,
        )
        timing = Timing(wall=self.time.read, clock=self.time.read, sleep=self.time.sleep, chance=lambda: 1.0)
        return make_client(settings, self.emit, cache_path=self.cache, timing=timing)

    def emit(self, action: str, **details: Any) -> None:
        self.events.append((action, details))

    def url(self, path: str) -> str:
        return self.server.url + path

    def in_turn(self, *answers: Given) -> None:
        left = list(answers)
        self.answer = lambda seen: left.pop(0)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "cache.sqlite")
    with bench.server, bench.client:
        yield bench


def test_a_question_brings_its_parameters_the_key_and_an_honest_name(bench: Bench) -> None:
    bench.answer = lambda seen: json('{"items": [1]}')
    answer = bench.client.get(bench.url("/api/v1/models"), params=[("types", "LORA"), ("types", "VAE")])
    assert answer.json(dict[str, list[int]]) == {"items": [1]}
    seen = bench.server.seen[0]
    assert seen.target == "/api/v1/models?types=LORA&types=VAE"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["user-agent"].startswith("ComfyFixerSmart/")
    assert "mozilla" not in seen.headers["user-agent"].lower()


def test_connections_are_kept(bench: Bench) -> None:
    for number in range(5):
        bench.client.get(bench.url(f"/{number}"))
    assert bench.server.connections == 1


def test_a_compressed_answer_is_unpacked(bench: Bench) -> None:
    packed = gzip.compress(b'{"a": 1}')
    bench.answer = lambda seen: Given(headers=(("Content-Encoding", "gzip"),), body=packed)
    assert bench.client.get(bench.url("/")).json(dict[str, int]) == {"a": 1}


def test_a_compression_bomb_is_not_unpacked_whole(bench: Bench) -> None:
    packed = gzip.compress(b" " * (64 << 20), 9)
    bench.answer = lambda seen: Given(headers=(("Content-Encoding", "gzip"),), body=packed)
    assert _failure(bench).code == "hub-bad-answer"


def test_the_name_tells_version_and_project_page(bench: Bench) -> None:
    bench.client.get(bench.url("/"))
    assert re.fullmatch(r"ComfyFixerSmart/\d\S* \(\+https://\S+\)", bench.server.seen[0].headers["user-agent"])


def test_a_run_sends_no_more_requests_than_it_has_and_the_next_one_goes_on(bench: Bench) -> None:
    with bench.new_client(max_requests=2) as client:
        for path in ("/1", "/2"):
            client.get(bench.url(path), max_age_s=100)
        with pytest.raises(SourceError) as caught:
            client.get(bench.url("/3"), max_age_s=100)
        client.get(bench.url("/1"), max_age_s=100)
    assert (caught.value.code, len(bench.server.seen)) == ("hub-budget", 2)
    assert "resolve" in (caught.value.hint or "")
    with bench.new_client(max_requests=1) as client:
        for path in ("/1", "/2", "/3"):
            client.get(bench.url(path), max_age_s=100)
    assert [seen.target for seen in bench.server.seen] == ["/1", "/2", "/3"]


def test_trying_again_is_a_request_too(bench: Bench) -> None:
    bench.answer = lambda seen: json("{}", 503)
    with bench.new_client(max_requests=2) as client, pytest.raises(SourceError) as caught:
        client.get(bench.url("/"))
    assert (caught.value.code, len(bench.server.seen)) == ("hub-budget", 2)


def test_after_its_time_a_run_asks_nothing_more(bench: Bench) -> None:
    with bench.new_client(max_minutes=1.0) as client:
        client.get(bench.url("/1"))
        bench.time.now += 60
        with pytest.raises(SourceError) as caught:
            client.get(bench.url("/2"))
    assert (caught.value.code, len(bench.server.seen)) == ("hub-budget", 1)


def test_the_same_question_is_sent_once_in_a_run_even_by_several_threads(bench: Bench) -> None:
    threads = [threading.Thread(target=bench.client.get, args=(bench.url("/x"),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bench.server.seen) == 1
    assert sum(details["cached"] for action, details in bench.events if action == "request.sent") == 7


def test_a_failed_question_is_not_sent_again_in_the_same_run(bench: Bench) -> None:
    bench.answer = lambda seen: json('{"error": "bad"}', 400)
    first, second = _failure(bench), _failure(bench)
    assert (first.code, first.message) == (second.code, second.message) == ("hub-refused", first.message)
    assert len(bench.server.seen) == 1


def test_the_next_run_takes_a_young_answer_from_the_cache(bench: Bench) -> None:
    bench.client.get(bench.url("/x"), max_age_s=100)
    bench.time.now += 99
    with bench.new_client() as later:
        assert later.get(bench.url("/x"), max_age_s=100).cached
    assert len(bench.server.seen) == 1


def test_an_answer_of_the_future_is_asked_anew(bench: Bench) -> None:
    bench.client.get(bench.url("/x"), max_age_s=100)
    bench.time.now -= 1000
    with bench.new_client() as later:
        assert not later.get(bench.url("/x"), max_age_s=100).cached


def test_an_old_answer_is_asked_for_again_with_its_mark_and_kept_when_nothing_changed(bench: Bench) -> None:
    bench.in_turn(json('{"a": 1}', 200, ("ETag", '"m"')), Given(status=304, body=b""))
    bench.client.get(bench.url("/x"), max_age_s=100)
    bench.time.now += 200
    with bench.new_client() as later:
        assert later.get(bench.url("/x"), max_age_s=100).body == b'{"a": 1}'
    assert bench.server.seen[1].headers["if-none-match"] == '"m"'
    bench.time.now += 50
    with bench.new_client() as third:
        assert third.get(bench.url("/x"), max_age_s=100).cached


def test_offline_an_answer_of_any_age_is_taken_and_nobody_is_asked(bench: Bench) -> None:
    bench.in_turn(json('{"n": 1}'), Given(status=404))
    bench.client.get(bench.url("/a"))
    with pytest.raises(NotThere):
        bench.client.get(bench.url("/gone"))
    bench.client.kept("fact", lambda: b"known", max_age_s=1)
    bench.time.now += 10**6
    with bench.new_client(offline=True) as client:
        assert client.get(bench.url("/a"), max_age_s=1).body == b'{"n": 1}'
        assert client.kept("fact", lambda: b"asked", max_age_s=1) == b"known"
        with pytest.raises(NotThere):
            client.get(bench.url("/gone"), max_age_s=1)
        with pytest.raises(SourceError, match="Not asked: offline") as caught:
            client.get(bench.url("/b"))
        assert (caught.value.code, bool(caught.value.hint)) == ("hub-not-asked", True)
        with pytest.raises(DownloadError) as refused:
            client.open(bench.url("/file"), origin_trusted=True)
    assert (refused.value.code, refused.value.retryable) == ("hub-not-asked", False)
    assert len(bench.server.seen) == 2


def test_refreshing_asks_again_with_the_mark_however_young_the_answer_is_and_once_in_a_run(bench: Bench) -> None:
    bench.in_turn(json("[1]", 200, ("ETag", '"one"')), Given(status=304, body=b""), json("[2]"))
    bench.client.get(bench.url("/a"), max_age_s=9999)
    with bench.new_client(refresh=True) as client:
        assert [client.get(bench.url("/a"), max_age_s=9999).body for _ in range(2)] == [b"[1]"] * 2
    with bench.new_client(refresh=True) as client:
        assert client.get(bench.url("/a"), max_age_s=9999).body == b"[2]"
    assert [seen.headers.get("if-none-match") for seen in bench.server.seen] == [None, '"one"', '"one"']


def test_a_no_is_kept_a_sixth_of_the_time(bench: Bench) -> None:
    bench.answer = lambda seen: json('{"error":"Model not found"}', 404)
    for passed, requests in ((0, 1), (99, 1), (2, 2)):
        bench.time.now += passed
        with bench.new_client() as client, pytest.raises(NotThere, match="Model not found"):
            client.get(bench.url("/x"), max_age_s=600)
        assert len(bench.server.seen) == requests


def test_an_answer_that_came_with_a_key_is_no_answer_without_one(bench: Bench) -> None:
    bench.client.get(bench.url("/x"), max_age_s=100)
    settings = Settings(workdir="/", endpoints=Endpoints(civitai=bench.server.url))
    with make_client(settings, bench.emit, cache_path=bench.cache) as keyless:
        keyless.get(bench.url("/x"), max_age_s=100)
    assert ["authorization" in seen.headers for seen in bench.server.seen] == [True, False]


def test_no_key_is_in_the_cache_or_an_event(bench: Bench) -> None:
    assert bench.cache is not None
    bench.client.get(bench.url("/x?token=abc123secret&author=Kijai"))
    assert KEY.encode() not in bench.cache.read_bytes()
    assert b"abc123secret" not in bench.cache.read_bytes()
    assert KEY not in str(bench.events)
    assert "abc123secret" not in str(bench.events)
    assert "author=Kijai" in str(bench.events)


def test_a_damaged_cache_is_replaced_and_told(bench: Bench, tmp_path: Path) -> None:
    bench.cache = tmp_path / "broken.sqlite"
    bench.cache.write_bytes(b"SQLite format 3\0" + b"garbage" * 500)
    with bench.new_client() as client:
        client.get(bench.url("/x"), max_age_s=100)
    with bench.new_client() as later:
        assert later.get(bench.url("/x"), max_age_s=100).cached
    problems = [details for action, details in bench.events if action == "problem.found"]
    assert [problem["code"] for problem in problems] == ["state-unreadable"]


def test_a_cache_that_cannot_be_made_costs_nothing_but_memory(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    bench.cache = tmp_path / "file" / "cache.sqlite"
    with bench.new_client() as client:
        assert not client.get(bench.url("/x")).cached
        assert client.get(bench.url("/x")).cached


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (json("{}", 401), "hub-key-refused"),
        (json("{}", 403), "hub-key-refused"),
        (json('{"error":"x","code":"REGION_BLOCKED"}', 451), "hub-region-blocked"),
        (json("{}", 404), "hub-not-found"),
        (json("{}", 410), "hub-not-found"),
        (json('{"error":"Access to this resource is disabled."}', 403), "hub-not-found"),
        (json("{}", 400), "hub-refused"),
        (Given(status=403, body=b"error code: 1010"), "hub-refused"),
        (Given(body=b"<!DOCTYPE html><title>Just a moment...</title>"), "hub-bad-answer"),
        (Given(body=b'{"items": [{"id": 1'), "hub-bad-answer"),
        (Given(body=b""), "hub-bad-answer"),
        (Given(body=b"[" * 100_000), "hub-bad-answer"),
        (Given(body=b" " * (33 << 20)), "hub-bad-answer"),
        (json("{}", 502), "hub-error"),
        (json("{}", 429), "hub-rate-limited"),
        (redirect("ftp://elsewhere/x"), "host-not-allowed"),
        (redirect("http://public.example/x"), "host-not-allowed"),
        (redirect("/again"), "too-many-redirects"),
    ],
)
def test_each_bad_answer_has_its_code_a_sentence_and_a_hint(bench: Bench, given: Given, code: str) -> None:
    bench.answer = lambda seen: given
    failure = _failure(bench)
    assert failure.code == code
    assert code in CODES
    assert len(failure.message) > 10
    assert failure.hint or isinstance(failure, NotThere)


def test_the_hubs_own_words_are_told_short_and_without_tricks(bench: Bench) -> None:
    bench.answer = lambda seen: json('{"error": "bad \\u202e\\u001b[31m ' + "x" * 5000 + '"}', 400)
    message = _failure(bench).message
    assert "bad" in message
    assert len(message) < 400
    assert message.isprintable()


def test_cloudflare_is_named(bench: Bench) -> None:
    bench.answer = lambda seen: Given(body=b"<html><title>Just a moment...</title></html>")
    assert "Cloudflare" in _failure(bench).message


def test_a_repository_that_is_not_there_is_a_no_although_the_status_says_log_in(bench: Bench) -> None:
    bench.answer = lambda seen: json("{}", 401, ("X-Error-Code", "RepoNotFound"))
    settings = Settings(workdir="/", endpoints=Endpoints(huggingface=bench.server.url))
    with make_client(settings, bench.emit, cache_path=None) as keyless, pytest.raises(NotThere):
        keyless.get(bench.url("/api/models/a/b"))


def test_a_refused_key_is_not_shown_again(bench: Bench) -> None:
    bench.answer = lambda seen: json("{}", 401)
    for number in range(3):
        assert _failure(bench, f"/{number}").code == "hub-key-refused"
    assert len(bench.server.seen) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 520])
def test_a_fault_of_the_hub_is_tried_four_times_with_growing_pauses(bench: Bench, status: int) -> None:
    bench.in_turn(*[json("{}", status)] * 3, json('{"a": 1}'))
    assert bench.client.get(bench.url("/x")).body == b'{"a": 1}'
    assert bench.time.slept == [1.0, 2.0, 4.0]


def test_a_hub_that_asks_for_silence_gets_it(bench: Bench) -> None:
    bench.in_turn(json("{}", 429, ("Retry-After", "17")), json("{}"))
    bench.client.get(bench.url("/x"))
    assert bench.time.slept == [17.0]
    waiting = [details for action, details in bench.events if action == "host.waiting"]
    assert [details["seconds"] for details in waiting] == [17.0]


def test_a_date_to_wait_for_is_understood(bench: Bench) -> None:
    bench.time.now = 784111777.0
    bench.in_turn(json("{}", 503, ("Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT")), json("{}"))
    bench.client.get(bench.url("/x"))
    assert bench.time.slept == [10.0]


def test_hugging_faces_window_is_waited_for(bench: Bench) -> None:
    bench.in_turn(json("{}", 429, ("RateLimit", '"api";r=0;t=60')), json("{}"))
    bench.client.get(bench.url("/x"))
    assert bench.time.slept == [61.0]


def test_a_window_that_is_used_up_is_waited_for_before_the_next_question(bench: Bench) -> None:
    bench.in_turn(json("{}", 200, ("RateLimit", '"api";r=1;t=60')), json("{}"), json("{}"))
    bench.client.get(bench.url("/1"))
    bench.client.get(bench.url("/2"))
    assert bench.time.slept == []
    bench.client.get(bench.url("/3"))
    assert sum(bench.time.slept) == 61.0


def test_too_many_pages_is_no_rate_limit(bench: Bench) -> None:
    bench.answer = lambda seen: json('{"error":"You\'ve requested too many pages, please use cursors instead"}', 429)
    assert _failure(bench).code == "hub-refused"
    assert len(bench.server.seen) == 1


def test_a_silence_beyond_the_budget_is_an_error_at_once_for_every_question(bench: Bench) -> None:
    bench.answer = lambda seen: json("{}", 429, ("Retry-After", "600"))
    for number in range(5):
        assert _failure(bench, f"/{number}").code == "hub-rate-limited"
    assert bench.time.slept == []
    assert len(bench.server.seen) == 1


def test_waiting_for_a_broken_hub_ends_with_the_budget(bench: Bench) -> None:
    bench.answer = lambda seen: json("{}", 500)
    for number in range(100):
        assert _failure(bench, f"/{number}").code == "hub-error"
    assert sum(bench.time.slept) <= 120


def test_a_cut_connection_is_tried_again(bench: Bench) -> None:
    bench.in_turn(Given(body=b'{"a"', promised=100), json('{"a": 1}'))
    assert bench.client.get(bench.url("/x")).body == b'{"a": 1}'


def test_a_hub_that_is_not_there_is_asked_a_few_times_and_then_no_more(bench: Bench) -> None:
    with Loopback(lambda seen: json("{}")) as gone:
        url = gone.url
    settings = Settings(workdir="/", endpoints=Endpoints(civitai=url))
    timing = Timing(wall=bench.time.read, clock=bench.time.read, sleep=bench.time.sleep)
    with make_client(settings, bench.emit, cache_path=None, timing=timing) as client:
        for number in range(10):
            with pytest.raises(SourceError) as caught:
                client.get(f"{url}/{number}")
            assert caught.value.code == "hub-unreachable"
    tries = [
        details for action, details in bench.events if action == "request.failed" and "again" not in details["message"]
    ]
    assert 3 <= len(tries) <= 6


def test_a_stopped_client_waits_for_nobody(tmp_path: Path) -> None:
    from comfyfixer.errors import Interrupted

    events: list[str] = []
    with Loopback(lambda seen: json("{}", 429, ("Retry-After", "100"))) as server:
        settings = Settings(workdir="/", endpoints=Endpoints(civitai=server.url))
        with make_client(settings, lambda action, **details: events.append(action), cache_path=None) as client:
            client.stop()
            with pytest.raises(Interrupted):
                client.get(f"{server.url}/x")


def test_a_moved_question_keeps_its_body_and_gets_no_key_elsewhere(bench: Bench) -> None:
    with Loopback(lambda seen: json("[]")) as other:
        bench.answer = lambda seen: redirect(f"{other.url}/there", 307)
        bench.client.post(bench.url("/x"), body=b"paths=a", content_type="application/x-www-form-urlencoded")
        seen = other.seen[0]
    assert (seen.method, seen.body) == ("POST", b"paths=a")
    assert "authorization" in bench.server.seen[0].headers
    assert "authorization" not in seen.headers


def test_at_most_four_questions_are_under_way_at_once(bench: Bench) -> None:
    lock, now, most = threading.Lock(), [0], [0]
    full = threading.Event()

    def answer(seen: Seen) -> Given:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] == 4:
                full.set()
        full.wait(5)
        with lock:
            now[0] -= 1
        return json("{}")

    bench.answer = answer
    threads = [threading.Thread(target=bench.client.get, args=(bench.url(f"/{number}"),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 4


def _failure(bench: Bench, path: str = "/x") -> SourceError:
    with pytest.raises(SourceError) as caught:
        bench.client.get(bench.url(path))
    return caught.value


def test_a_fact_is_made_once_and_kept_between_runs_for_its_time(bench: Bench) -> None:
    made: list[bytes] = []

    def make() -> bytes:
        made.append(b"fact %d" % len(made))
        return made[-1]

    assert [bench.client.kept("a", make, max_age_s=60) for _ in range(2)] == [b"fact 0"] * 2
    with bench.new_client() as later:
        assert later.kept("a", make, max_age_s=60) == b"fact 0"
        bench.time.now += 61
        assert later.kept("a", make, max_age_s=60) == b"fact 1"
        assert later.kept("b", KEY.encode, max_age_s=60) == KEY.encode()
        assert later.kept("b", make, max_age_s=60) == b"fact 2"
