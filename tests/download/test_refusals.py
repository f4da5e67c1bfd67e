"""Statuses and pages instead of a file: told apart, each with the page to click."""

import pytest

from comfyfixer.download.refusals import refusal
from comfyfixer.model.candidate import Candidate
from tests.download.conftest import Bench
from tests.download.origin import Answer, redirect, serve, status

LOGIN = b'{"error":"Unauthorized","message":"The creator of this asset requires you to be logged in to download it"}'
DISABLED = b'{"error":"Unauthorized","message":"The creator of this asset has disabled downloads on this file"}'
EARLY = b'{"error":"Early Access","deadline":"2026-12-24T00:00:00Z","message":"Buy access"}'
REGION = b'{"error":"Not available","code":"REGION_BLOCKED"}'
HTML = b"<!DOCTYPE html><html><head><title>Sign in | Civitai</title></head><body>...</body></html>"


def _hf(code: int, error_code: str, message: str = "") -> Answer:
    return status(code, headers={"X-Error-Code": error_code, "X-Error-Message": message})


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (status(401, LOGIN), "hub-key-refused", "requires you to be logged in"),
        (status(401, DISABLED), "download-disabled", "disabled downloads"),
        (status(401), "hub-key-refused", "key"),
        (_hf(401, "GatedRepo", "Access to model X is restricted."), "gated", "restricted"),
        (_hf(403, "GatedRepo", "not in the authorized list"), "gated", "authorized list"),
        (_hf(401, "RepoNotFound", "Invalid username or password."), "file-not-found", "private"),
        (_hf(401, "", "Invalid credentials in Authorization header"), "hub-key-refused", "refused the key"),
        (status(403, EARLY), "early-access", "2026-12-24"),
        (_hf(403, "", "Access to this resource is disabled."), "download-disabled", "disabled"),
        (status(403, b"error code: 1010"), "hub-refused", "refused"),
        (status(404, b'{"error":"File not found"}'), "file-not-found", "File not found"),
        (_hf(404, "EntryNotFound", "Entry not found"), "file-not-found", "Entry not found"),
        (status(410, b"Model archived, not available for download"), "file-archived", "archived"),
        (status(451, REGION), "hub-region-blocked", "region"),
        (status(400, b"Missing x-amz-content-sha256"), "hub-refused", "HTTP 400"),
    ],
)
def test_a_refusal_is_told_with_its_reason_and_where_to_go(bench: Bench, answer: Answer, code: str, said: str) -> None:
    bench.hub.script = [answer]
    problem = bench.fails(code)
    assert said in problem.message
    assert problem.hint
    page = "civitai.com/user/account" if code == "hub-key-refused" else "civitai.example/page"
    assert code == "hub-region-blocked" or page in problem.hint
    assert len(bench.hub.requests) == 1
    assert bench.names() == []


@pytest.mark.parametrize("body", [LOGIN, b""])
def test_without_a_key_the_same_refusal_asks_for_one(body: bytes) -> None:
    candidate = Candidate(source="civitai", filename="x.safetensors", download_url="https://civitai.com/api/download/1")
    error = refusal(401, {}, body, candidate, key_sent=None)
    assert error.code == "login-required"
    assert "CIVITAI_API_KEY" in str(error.hint)


def test_hostile_words_of_a_hub_are_short_and_plain_in_a_message(bench: Bench) -> None:
    words = '{"message":"\\u001b[31m' + "A" * 5000 + ' https://x/?token=S3CRET"}'
    bench.hub.script = [status(404, words.encode())]
    message = bench.fails("file-not-found").message
    assert len(message) < 400
    assert message.isprintable()
    assert "S3CRET" not in message


def test_a_login_page_with_status_200_asks_for_a_key(bench: Bench) -> None:
    bench.hub.script = [serve(body=HTML, content_type="text/html; charset=utf-8")]
    problem = bench.fails("login-required")
    assert "CIVITAI_API_KEY" in str(problem.hint)
    assert bench.names() == []


def test_a_redirect_to_a_login_page_asks_for_a_key_whatever_the_page_says(bench: Bench) -> None:
    bench.hub.script = [redirect(f"{bench.hub.url}/login?returnUrl=x"), serve(body=b"<html>", content_type="text/html")]
    bench.fails("login-required")


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"<html><title>Oops</title>" * 99, "text/html", "web page"),
        (b"\n\n <!doctype HTML><title>Oops", "application/octet-stream", "web page"),
        (b'{"error":"no"}', "application/octet-stream", "JSON"),
        (b"\xef\xbb\xbf[1, 2]", "binary/octet-stream", "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "text/plain", "LFS"),
        (b"", "application/octet-stream", "0 bytes"),
    ],
)
@pytest.mark.parametrize("promised", ["hash", "nothing"])
def test_what_is_no_file_of_weights_never_gets_the_name(
    bench: Bench, body: bytes, content_type: str, said: str, promised: str
) -> None:
    """Not even when a hub promises exactly these bytes."""
    bench.hub.script = [serve(body=body, content_type=content_type) for _ in range(4)]
    candidate = bench.candidate(body=body) if promised == "hash" else bench.candidate(size_bytes=None, hashes={})
    problem = bench.fails("not-a-model-file", candidate)
    assert said in problem.message
    assert bench.names() == []


def test_a_page_that_came_once_is_asked_for_again(bench: Bench) -> None:
    bench.hub.script = [serve(body=b"<html>down for a moment</html>", content_type="text/html")]
    assert bench.fetch().success


def test_a_file_of_text_may_be_json(bench: Bench) -> None:
    bench.hub.body = b'{"a": 1}'
    bench.target = bench.root / "configs" / "a.json"
    assert bench.fetch(bench.candidate(filename="a.json")).success
    assert bench.target.read_bytes() == b'{"a": 1}'


def test_an_address_out_of_a_workflow_has_to_be_on_an_allowed_host(bench: Bench) -> None:
    problem = bench.fails("host-not-allowed", bench.candidate(source="url", download_url="https://evil.example/x"))
    assert "evil.example" in problem.message


def test_an_unreachable_hub_is_told_after_some_tries(bench: Bench) -> None:
    candidate = bench.candidate()
    bench.hub.__exit__()
    try:
        bench.fails("hub-unreachable", candidate)
    finally:
        bench.hub = bench.hub.__class__()
        bench.hub.__enter__()
    assert len(bench.told("download.retried")) == bench.pace.tries
    assert sum(bench.clock.slept) > 60
