"""Downloads over real connections: keys, redirects, addresses, cuts, proxies."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.errors import DownloadError
from comfyfixer.model.secret import Secret
from comfyfixer.net.client import Client, Timing, make_client
from comfyfixer.settings import Endpoints, Settings
from tests.net.loopback import FakeTime, Given, Loopback, json, redirect

CIVITAI_KEY, HF_KEY = "civ-0123456789abcdef", "hf_0123456789abcdef"
BODY = bytes(range(256)) * 8192


def _client(events: list[Any] | None = None, **endpoints: str) -> Client:
    settings = Settings(
        workdir="/",
        endpoints=Endpoints(**endpoints),
        civitai_key=Secret(CIVITAI_KEY),
        huggingface_key=Secret(HF_KEY),
        timeout_seconds=2,
    )
    kept = [] if events is None else events
    return make_client(settings, lambda action, **details: kept.append((action, details)), cache_path=None)


@pytest.fixture
def storage() -> Iterator[Loopback]:
    with Loopback(lambda seen: Given(body=BODY)) as server:
        yield server


def _whole(client: Client, url: str) -> bytes:
    with client.open(url, origin_trusted=True) as transfer:
        assert transfer.status == 200
        assert transfer.content_length == len(BODY)
        return b"".join(iter(lambda: transfer.read(1 << 20), b""))


def test_the_key_stays_with_its_host_when_the_file_is_elsewhere(storage: Loopback) -> None:
    with Loopback(lambda seen: redirect(f"{storage.url}/f?X-Amz-Signature=5ec2e7&x=1", 307)) as hub:
        events: list[Any] = []
        with _client(events, civitai=hub.url) as client:
            assert _whole(client, f"{hub.url}/api/download/models/1") == BODY
        assert hub.seen[0].headers["authorization"] == f"Bearer {CIVITAI_KEY}"
    assert "authorization" not in storage.seen[0].headers
    assert storage.seen[0].target == "/f?X-Amz-Signature=5ec2e7&x=1"
    assert "5ec2e7" not in str(events)
    assert CIVITAI_KEY not in str(events)


def test_a_key_that_left_its_host_does_not_come_back() -> None:
    targets: dict[str, str] = {}
    with (
        Loopback(lambda seen: redirect(f"{targets['hub']}/again")) as other,
        Loopback(lambda seen: redirect(f"{other.url}/x") if seen.target == "/first" else json("{}")) as hub,
        _client(civitai=hub.url) as client,
    ):
        targets["hub"] = hub.url
        client.open(f"{hub.url}/first", origin_trusted=True).close()
        assert ["authorization" in seen.headers for seen in hub.seen] == [True, False]
        assert ["authorization" in seen.headers for seen in other.seen] == [False]


def test_a_redirect_inside_the_host_keeps_the_key() -> None:
    with (
        Loopback(lambda seen: redirect("/two", 307) if seen.target == "/one" else json("{}")) as hub,
        _client(huggingface=hub.url) as client,
    ):
        client.open(f"{hub.url}/one", origin_trusted=True).close()
        assert [seen.headers["authorization"] for seen in hub.seen] == [f"Bearer {HF_KEY}"] * 2


def test_two_hubs_on_one_host_get_their_own_keys() -> None:
    with Loopback(lambda seen: json("{}")) as both:
        with _client(civitai=f"{both.url}/civitai", huggingface=f"{both.url}/hf") as client:
            for path in ("/civitai/x", "/hf/x", "/hfx", "/"):
                client.open(both.url + path, origin_trusted=True).close()
        keys = [seen.headers.get("authorization", "") for seen in both.seen]
        assert keys == [f"Bearer {CIVITAI_KEY}", f"Bearer {HF_KEY}", "", ""]


def test_a_callers_own_key_or_cookie_is_not_sent_and_its_range_is() -> None:
    with Loopback(lambda seen: json("{}")) as server, _client(github=server.url) as client:
        headers = {"authorization": "Bearer x", "Cookie": "a=b", "Range": "bytes=5-"}
        client.open(f"{server.url}/x", headers=headers, origin_trusted=True).close()
        sent = server.seen[0].headers
    assert sent["range"] == "bytes=5-"
    assert sent["accept-encoding"] == "identity"
    assert "authorization" not in sent
    assert "cookie" not in sent


@pytest.mark.parametrize("status", [206, 401, 404, 416, 429, 500])
def test_an_error_status_is_told_not_raised(status: int) -> None:
    with (
        Loopback(lambda seen: json('{"error": "why"}', status)) as server,
        _client(github=server.url) as client,
        client.open(f"{server.url}/x", origin_trusted=True) as transfer,
    ):
        assert transfer.status == status
        assert transfer.error_body() == b'{"error": "why"}'


def test_a_cut_connection_is_told_after_every_byte_that_came() -> None:
    given = Given(body=BODY[:70_000], promised=len(BODY))
    with Loopback(lambda seen: given) as server, _client(github=server.url) as client:
        received: list[bytes] = []
        with client.open(f"{server.url}/x", origin_trusted=True) as transfer, pytest.raises(DownloadError) as caught:
            received.extend(iter(transfer.read, b""))
    assert b"".join(received) == BODY[:70_000]
    assert (caught.value.code, caught.value.retryable) == ("download-interrupted", True)


def test_a_silent_server_is_a_stall() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(workdir="/", endpoints=Endpoints(github=url), timeout_seconds=0.1)
        with make_client(settings, lambda action, **details: None, cache_path=None) as client:
            with pytest.raises(DownloadError) as caught:
                client.open(f"{url}/x", origin_trusted=True)
            assert (caught.value.code, caught.value.retryable) == ("hub-timeout", True)
            listener.settimeout(5)
            first, _ = listener.accept()
            thread = threading.Thread(target=_answer_and_fall_silent, args=(listener,))
            thread.start()
            with client.open(f"{url}/y", origin_trusted=True) as transfer:
                thread.join()
                assert transfer.read() == b"abc"
                with pytest.raises(DownloadError) as caught:
                    transfer.read()
            assert (caught.value.code, caught.value.retryable) == ("download-stalled", True)
            first.close()
            _LEFT.pop().close()


_LEFT: list[socket.socket] = []


def _answer_and_fall_silent(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    _LEFT.append(connection)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://huggingface.co/x", "host-not-allowed"),
        ("https://evil.example/x", "host-not-allowed"),
        ("https://huggingface.co.evil.example/x", "host-not-allowed"),
        ("https://huggingface.co@evil.example/x", "host-not-allowed"),
        ("https://evil.example\\@huggingface.co/x", "host-not-allowed"),
        ("https://127.0.0.1/x", "host-not-allowed"),
        ("file:///etc/passwd", "host-not-allowed"),
        ("", "host-not-allowed"),
    ],
)
def test_a_foreign_address_that_is_not_allowed_is_not_asked(url: str, code: str) -> None:
    with _client() as client, pytest.raises(DownloadError) as caught:
        client.open(url, origin_trusted=False)
    assert (caught.value.code, caught.value.retryable) == (code, False)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:9/x", "https://localhost:9/x", "https://[::1]:9/x", "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/x", "https://[::ffff:127.0.0.1]/x", "https://2130706433/x", "https://0/x",
    ],
)  # fmt: skip
def test_a_private_address_is_refused_even_from_a_trusted_origin(url: str) -> None:
    with _client() as client, pytest.raises(DownloadError) as caught:
        client.open(url, origin_trusted=True)
    assert caught.value.code == "address-not-allowed"


def test_a_name_that_leads_to_a_private_address_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name server is replaced: nothing else tells a public name from one that points inside."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
        return real("127.0.0.1", listener.getsockname()[1], *rest, **named)

    with socket.create_server(("127.0.0.1", 0)) as listener, _client() as client:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(DownloadError) as caught:
            client.open("https://models.example/x", origin_trusted=True)
        assert caught.value.code == "address-not-allowed"
        listener.settimeout(5)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(100) == b""


def test_a_running_comfyui_is_asked_what_it_has_and_nobody_else_may_send_us_there() -> None:
    with (
        Loopback(lambda seen: json("{}")) as running,
        Loopback(lambda seen: redirect(f"{running.url}/manager/reboot")) as internet,
    ):
        settings = Settings(
            workdir="/", endpoints=Endpoints(github="http://mirror.example"), comfyui_url=running.url, timeout_seconds=2
        )
        with make_client(settings, lambda action, **details: None, cache_path=None) as client:
            assert client.get(f"{running.url}/object_info").status == 200
            assert client.allowed(f"{running.url}/manager/reboot")
            for trusted in (True, False):
                with pytest.raises(DownloadError) as caught:
                    client.open(f"{running.url}/manager/reboot", origin_trusted=trusted)
                assert caught.value.code == "host-not-allowed"
            with _through_proxy(internet.url), pytest.raises(DownloadError) as caught:
                client.open("http://mirror.example/x", origin_trusted=True)
            assert caught.value.code == "host-not-allowed"
        assert [seen.target for seen in running.seen] == ["/object_info"]


def test_a_redirect_from_the_internet_into_this_machine_is_refused() -> None:
    """The configured proxy plays the internet."""
    with (
        Loopback(lambda seen: json("{}")) as inside,
        Loopback(lambda seen: redirect(f"{inside.url}/secret")) as internet,
        _client(github="http://mirror.example") as client,
        _through_proxy(internet.url),
    ):
        with pytest.raises(DownloadError) as caught:
            client.open("http://mirror.example/x", origin_trusted=True)
        assert caught.value.code == "host-not-allowed"
        assert inside.seen == []


def test_a_proxy_of_the_environment_is_used(storage: Loopback) -> None:
    with _client(github="http://mirror.example") as client, _through_proxy(storage.url):
        assert _whole(client, "http://mirror.example/f") == BODY
    assert storage.seen[0].target == "http://mirror.example/f"
    assert storage.seen[0].headers["host"] == "mirror.example"


def test_no_proxy_is_obeyed(storage: Loopback) -> None:
    with _client(github=storage.url) as client, _through_proxy("http://127.0.0.1:9", no_proxy="127.0.0.1"):
        assert _whole(client, f"{storage.url}/f") == BODY


def test_an_https_address_is_asked_through_a_tunnel() -> None:
    with Loopback(lambda seen: json("{}")) as proxy, _client() as client, _through_proxy(proxy.url):
        with pytest.raises(DownloadError) as caught:
            client.open("https://huggingface.co/x", origin_trusted=False)
        assert (caught.value.code, caught.value.retryable) == ("hub-unreachable", True)
        assert HF_KEY not in str(proxy.seen)


def test_a_server_that_speaks_no_tls_is_not_trusted() -> None:
    with Loopback(lambda seen: json("{}")) as server:
        secure = server.url.replace("http:", "https:")
        with _client(github=secure) as client, pytest.raises(DownloadError) as caught:
            client.open(f"{secure}/x", origin_trusted=True)
    assert (caught.value.code, caught.value.retryable) == ("hub-tls", False)


def test_a_certificate_file_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "certificates.pem"
    broken.write_text("nothing")
    monkeypatch.setenv("SSL_CERT_FILE", str(broken))
    with _client(github="https://127.0.0.1:9") as client, pytest.raises(DownloadError) as caught:
        client.open("https://127.0.0.1:9/x", origin_trusted=True)
    assert caught.value.code == "hub-tls"
    assert "SSL_CERT_FILE" in (caught.value.hint or "")


def test_a_file_host_that_asks_for_silence_is_not_asked_again_before() -> None:
    time = FakeTime()
    with Loopback(lambda seen: json("{}", 429, ("Retry-After", "30"))) as server:
        settings = Settings(workdir="/", endpoints=Endpoints(github=server.url))
        timing = Timing(wall=time.read, clock=time.read, sleep=time.sleep)
        with make_client(settings, lambda action, **details: None, cache_path=None, timing=timing) as client:
            client.open(f"{server.url}/x", origin_trusted=True).close()
            assert time.slept == []
            client.open(f"{server.url}/x", origin_trusted=True).close()
            assert sum(time.slept) == 30


@contextmanager
def _through_proxy(url: str, no_proxy: str = "") -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy"):
            patch.setenv(name, url)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        patch.setenv("no_proxy", no_proxy)
        yield
