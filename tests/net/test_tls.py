"""Files over https: the hubs speak nothing else."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from comfyfixer.errors import DownloadError
from comfyfixer.net.client import make_client
from comfyfixer.settings import Endpoints, Settings
from tests.net.loopback import Given, Loopback

BODY = bytes(range(256)) * 4096


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Loopback]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Loopback(lambda seen: Given(body=BODY), tls=context) as server:
        yield server


def _brought(url: str, size: int) -> bytes:
    data, buffer = bytearray(), memoryview(bytearray(size))
    with make_client(
        Settings(workdir="/", endpoints=Endpoints(github=url)), lambda action, **details: None, cache_path=None
    ) as client:
        for _ in range(2):
            with client.open(f"{url}/x", origin_trusted=True) as transfer:
                data.clear()
                while count := transfer.read_into(buffer):
                    data += buffer[:count]
    return bytes(data)


@pytest.mark.parametrize("size", [1000, 16_384, 50_000, 1 << 20])
def test_a_file_comes_whole_and_the_connection_is_used_again(
    authority: trustme.CA, secure: Loopback, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    assert _brought(secure.url, size) == BODY
    assert (len(secure.seen), secure.connections) == (2, 1)


def test_a_certificate_of_an_unknown_authority_is_refused(
    secure: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    with pytest.raises(DownloadError) as caught:
        _brought(secure.url, 1000)
    assert (caught.value.code, caught.value.retryable) == ("hub-tls", False)
    assert secure.seen == []
