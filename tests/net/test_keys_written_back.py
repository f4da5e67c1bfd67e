"""A hub or mirror that writes the key back: it leaves no trace."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.errors import ComfyFixerError
from comfyfixer.model.secret import Secret
from comfyfixer.net.client import Client, Timing, make_client
from comfyfixer.redact import Secrets, redact
from comfyfixer.settings import Endpoints, Settings
from tests.net.loopback import FakeTime, Given, Loopback, Seen, json

KEY = "civ+0123456789/abcdef"
FORMS = (
    KEY,
    KEY.upper(),
    quote(KEY, safe=""),
    b64encode(KEY.encode()).decode(),
    b64encode(f"user:{KEY}".encode()).decode(),
)
ESCAPED = "".join(f"\\u{ord(sign):04x}" for sign in KEY)


class Echo:
    """A server that answers `body` in all places, and what the client told about it."""

    def __init__(self, folder: Path) -> None:
        self.status, self.form, self.file = 200, KEY, folder / "cache.sqlite"
        self.told: list[Any] = []
        self.server = Loopback(self._answer)

    def _answer(self, seen: Seen) -> Given:
        headers = (("X-Error-Message", f"bad {self.form}"), ("ETag", f'"{self.form}"'), ("X-Echo", self.form))
        if self.status == 302:
            return Given(status=302, headers=(*headers, ("Location", f"https://{self.form}.invalid/{self.form}")))
        return json(f'{{"error": "bad {self.form}", "{self.form}": ["{self.form}"]}}', self.status, *headers)

    def client(self) -> Client:
        settings = Settings(
            workdir="/", endpoints=Endpoints(civitai=self.server.url), civitai_key=Secret(KEY), timeout_seconds=5
        )
        time = FakeTime()
        timing = Timing(wall=time.read, clock=time.read, sleep=time.sleep, chance=lambda: 1.0)
        return make_client(
            settings, lambda *words, **more: self.told.append((words, more)), cache_path=self.file, timing=timing
        )

    def ask(self, client: Client) -> None:
        for ask in (client.get, lambda url, **_: client.post(url, body=b"", content_type="text/plain")):
            try:
                answer = ask(f"{self.server.url}/a", max_age_s=3600)
                self.told.append((answer.json(Any), dict(answer.headers), answer.url, answer.body))
            except ComfyFixerError as error:
                self.told.append((error.message, error.hint, str(error), repr(error)))

    def fetch(self, client: Client) -> None:
        try:
            with client.open(f"{self.server.url}/file", origin_trusted=True) as transfer:
                self.told.append((dict(transfer.headers), transfer.url, transfer.error_body()))
        except ComfyFixerError as error:
            self.told.append((error.message, error.hint, str(error)))


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    echo = Echo(tmp_path)
    with echo.server:
        yield echo


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("form", FORMS)
def test_a_key_that_comes_back_is_in_no_message_no_answer_and_no_file(echo: Echo, status: int, form: str) -> None:
    echo.status, echo.form = status, form
    with echo.client() as client:
        echo.ask(client)
        echo.ask(client)
        echo.fetch(client)
    assert echo.told
    traces = repr(echo.told).lower().encode() + echo.file.read_bytes().lower()
    assert KEY.lower().encode() not in traces
    assert form.lower().encode() not in traces


def test_a_key_in_escapes_is_no_key_any_more_when_the_answer_is_read(echo: Echo) -> None:
    echo.form = ESCAPED
    with echo.client() as client:
        answer = client.get(f"{echo.server.url}/a", max_age_s=3600)
    assert KEY not in str(answer.json(Any))
    assert ESCAPED.encode() not in echo.file.read_bytes()


def test_an_answer_that_held_a_key_is_asked_once_in_a_run_and_again_in_the_next(echo: Echo) -> None:
    for runs in (1, 2):
        with echo.client() as client:
            for _ in range(3):
                assert client.get(f"{echo.server.url}/a", max_age_s=3600).json(dict[str, Any])["error"] == "bad ***"
        assert len(echo.server.seen) == runs


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_key_inside_a_longer_text_in_base64_is_found(before: bytes, after: bytes) -> None:
    text = b64encode(before + KEY.encode() + after)
    assert Secrets([KEY]).are_in(text)
    assert "***" in Secrets([KEY]).hidden(text.decode())


def test_what_is_too_short_to_be_a_key_hides_nothing() -> None:
    assert Secrets(["a"]).hidden("a banana") == "a banana"
    assert not Secrets([]).are_in(b"")


@pytest.mark.parametrize(
    "name", ["pw", "pwd", "pass", "access_key", "accesskey", "Access-Key", "session", "session_id", "jsessionid"]
)
def test_further_names_of_secrets_in_addresses(name: str) -> None:
    assert redact(f"https://x.example/a?b=1&{name}=s3cret&c=2") == f"https://x.example/a?b=1&{name}=***&c=2"


@pytest.mark.parametrize("name", ["bypass", "compass", "pwdx"])
def test_names_that_only_resemble(name: str) -> None:
    assert redact(f"https://x.example/a?{name}=1") == f"https://x.example/a?{name}=1"


def test_a_secret_behind_the_number_sign_is_one_too() -> None:
    assert redact("https://x.example/a#access_token=s3cret&b=1") == "https://x.example/a#access_token=***&b=1"
