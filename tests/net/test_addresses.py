"""What is read out of an address, what is shown of it, and which key it gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.secret import Secret
from comfyfixer.net.credentials import Credentials
from comfyfixer.net.hosts import HostRules, is_private
from comfyfixer.net.url import Url
from comfyfixer.redact import plain, redact
from comfyfixer.settings import Endpoints, Settings

SETTINGS = Settings(
    workdir="/",
    civitai_key=Secret("civ-key"),
    huggingface_key=Secret("hf-key"),
    allowed_hosts=("models.example.org", "*.cdn.example"),
)


def _url(text: str) -> Url:
    url = Url.parse(text)
    assert url is not None
    return url


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://civitai.com/api/v1/models", "civ-key"),
        ("https://www.civitai.com/x", "civ-key"),
        ("https://api.civitai.com/x", "civ-key"),
        ("https://civitai.red/x", "civ-key"),
        ("https://CIVITAI.com:443/x", "civ-key"),
        ("https://huggingface.co/x", "hf-key"),
        ("https://b2.civitai.com/file/x", None),
        ("https://civitai.com.evil.example/x", None),
        ("https://evilcivitai.com/x", None),
        ("https://civitai.com:8443/x", None),
        ("http://civitai.com/x", None),
        ("http://huggingface.co/x", None),
        ("https://cdn-lfs.huggingface.co/x", None),
        ("https://hf.co/x", None),
        ("https://civitai.com./x", None),
        ("https://x.r2.cloudflarestorage.com/x", None),
    ],
)
def test_a_key_goes_to_its_own_host_only(text: str, key: str | None) -> None:
    url = Url.parse(text)
    expected = {"Authorization": f"Bearer {key}"} if key else {}
    assert (Credentials(SETTINGS).headers(url) if url else {}) == expected


def test_a_configured_end_point_gets_the_key_at_its_own_scheme_host_and_port() -> None:
    settings = Settings(
        workdir="/", civitai_key=Secret("civ-key"), endpoints=Endpoints(civitai="https://mirror.example:8443/c")
    )
    credentials = Credentials(settings)
    assert credentials.headers(_url("https://mirror.example:8443/c/api/v1"))
    for climbing in ("/c/../x", "/c/./../x", "/c/%2e%2E/x", "/c/.%2e", "/c/..%2Fx", "/."):
        assert Url.parse(f"https://mirror.example:8443{climbing}") is None
    for other in ("http://mirror.example:8443/c/x", "https://mirror.example/c/x", "https://mirror.example:8443/cc"):
        assert credentials.headers(_url(other)) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://huggingface.co/a/b/resolve/main/c.safetensors", None),
        ("https://civitai.com/api/download/models/1", None),
        ("https://github.com/a/b/releases/download/v1/x.pth", None),
        ("https://models.example.org/x", None),
        ("https://eu.cdn.example/x", None),
        ("https://cdn.example/x", "not on the list"),
        ("https://evil.example/x", "not on the list"),
        ("http://huggingface.co/x", "not https"),
        ("https://huggingface.co:444/x", "port 444"),
        ("https://user@huggingface.co/x", "no plain"),
        ("https://192.168.1.1/x", "private"),
        ("https://printer.local/x", "private"),
        ("ftp://huggingface.co/x", "no plain"),
        ("https://huggingface.co\n/x", "no plain"),
        ("nonsense", "no plain"),
    ],
)
def test_why_a_foreign_address_is_not_fetched(text: str, reason: str | None) -> None:
    told = HostRules(SETTINGS).reason_against(Url.parse(text))
    assert (told is None) if reason is None else (told is not None and reason in told)


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("8.8.8.8", False), ("2606:4700::1111", False), ("198.18.0.7", False), ("127.0.0.1", True), ("10.1.2.3", True),
        ("172.16.0.1", True), ("192.168.0.1", True), ("169.254.169.254", True), ("100.100.100.200", True),
        ("0.0.0.0", True), ("224.0.0.1", True), ("::1", True), ("fe80::1%eth0", True), ("fd00::1", True),
        ("::ffff:10.0.0.1", True), ("64:ff9b::a00:1", True), ("64:ff9b::808:808", False), ("2002:0a00:0001::", True),
        ("::127.0.0.1", True), ("64:ff9b:1::7f00:1", True), ("::ffff:0:10.0.0.1", True), ("fec0::1", True),
        ("64:ff9b:1::808:808", False), ("nonsense", True),
    ],
)  # fmt: skip
def test_private_addresses_are_known_in_every_form(address: str, private: bool) -> None:
    assert is_private(address) is private


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x/y?token=abc&b=1", "https://x/y?token=***&b=1"),
        ("https://x/y?b=1&X-Amz-Signature=abc&X-Amz-Credential=d%2Fe", "https://x/y?b=1&X-Amz-Signature=***&X-Amz-Credential=***"),
        ("https://b2/f?Authorization=3_2026_dnld&b2ContentDisposition=a", "https://b2/f?Authorization=***&b2ContentDisposition=a"),
        ("https://cdn/f?Expires=1&Policy=p&Signature=s&Key-Pair-Id=k", "https://cdn/f?Expires=1&Policy=***&Signature=***&Key-Pair-Id=***"),
        ("https://me:pw@x/y", "https://***@x/y"),
        ("https://x/api/models?author=Kijai&full=true", "https://x/api/models?author=Kijai&full=true"),
    ],
)  # fmt: skip
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(st.text())
def test_no_text_breaks_the_reader_of_addresses(text: str) -> None:
    for candidate in (text, f"https://{text}", f"https://huggingface.co/{text}"):
        url = Url.parse(candidate)
        assert url is None or Url.parse(str(url)) == url


@given(st.text(max_size=2000))
def test_foreign_text_is_shown_short_and_on_one_line(text: str) -> None:
    shown = plain(text)
    assert len(shown) <= 200
    assert shown.isprintable()


@given(st.text(alphabet="abc.:@/\\#?[]%0123456789 ", max_size=40))
def test_what_is_allowed_is_asked_at_exactly_that_host(text: str) -> None:
    import urllib3

    url = Url.parse(f"https://{text}")
    if url is not None:
        assert urllib3.util.parse_url(str(url)).host == url.host
