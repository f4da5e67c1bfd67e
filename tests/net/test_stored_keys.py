"""Where keys come from beside variables and the configuration, and that nobody waits for a keyring."""

import os
import time
from pathlib import Path

import msgspec
import pytest

from comfyfixer.demo.hub import Hub
from comfyfixer.model.secret import Secret
from comfyfixer.net.credentials import Credentials
from comfyfixer.net.url import Url
from comfyfixer.settings import load
from tests.support.hubs import catalogue_of, repo
from tests.support.product import Product

KEYRING = """
import os, time
def get_password(service, name):
    time.sleep(float(os.environ.get("KEYRING_WAITS", "0")))
    if os.environ.get("KEYRING_FAILS"):
        raise RuntimeError("no backend")
    return {("comfyfixer", "HF_TOKEN"): "hf_fromKeyring"}.get((service, name))
"""


def url(text: str) -> Url:
    parsed = Url.parse(text)
    assert parsed is not None
    return parsed


def with_keyring(folder: Path, **environment: str) -> Product:
    """A user whose Python has a package of that name, which answers as the real one does."""
    place = folder / "site"
    place.mkdir()
    (place / "keyring.py").write_text(KEYRING)
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(place))))
    product = Product(folder, None, root=None, **environment)
    own = product.environment
    product.environment = lambda: {**own(), "PYTHONPATH": own()["PYTHONPATH"] + os.pathsep + path}  # type: ignore[method-assign]
    return product


def shown(product: Product) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in product.json("doctor", "--no-network").data}


def test_the_token_of_the_hf_login_is_used_and_named(tmp_path: Path) -> None:
    file = tmp_path / "huggingface" / "token"
    file.parent.mkdir()
    file.write_text("hf_stored\n")
    for environ in (
        {"HF_TOKEN_PATH": str(file)},
        {"HF_HOME": str(file.parent)},
        {"XDG_CACHE_HOME": str(tmp_path)},
    ):
        settings = load({}, environ, tmp_path)
        assert settings.huggingface_key == Secret("hf_stored")
        assert settings.origins["api_keys.huggingface"] == f"login of `hf` in {file}"


def test_a_variable_weighs_more_than_the_login_and_the_login_can_be_left_alone(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_stored")
    home = {"HF_HOME": str(tmp_path)}
    assert load({}, {**home, "HF_TOKEN": "hf_own"}, tmp_path).huggingface_key == Secret("hf_own")
    assert load({}, {**home, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, tmp_path).huggingface_key is None


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe", b"a\x00b"])
def test_a_login_that_is_no_key_is_none_and_ends_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    assert load({}, {"HF_HOME": str(tmp_path)}, tmp_path).huggingface_key is None


def test_a_public_mirror_in_other_hands_gets_no_key(tmp_path: Path) -> None:
    environ = {"HF_TOKEN": "hf_own", "HF_ENDPOINT": "https://hf-mirror.com"}
    credentials = Credentials(load({}, environ, tmp_path))
    assert credentials.headers(url("https://hf-mirror.com/api/models")) == {}
    assert credentials.headers(url("https://huggingface.co/api/models")) != {}


def test_doctor_names_the_keyring_and_never_shows_the_key(tmp_path: Path) -> None:
    ran = with_keyring(tmp_path).run("doctor", "--no-network")
    assert "api_keys.huggingface: set  (keyring, service comfyfixer, user HF_TOKEN)" in ran.out
    assert "fromKeyring" not in ran.out + ran.err


def test_a_keyring_that_fails_or_is_switched_off_is_none(tmp_path: Path) -> None:
    assert shown(with_keyring(tmp_path, KEYRING_FAILS="1"))["api_keys.huggingface"]["detail"] == "not set"
    other = tmp_path / "other"
    other.mkdir()
    assert shown(with_keyring(other, COMFYFIXER_KEYRING="0"))["api_keys.huggingface"]["detail"] == "not set"


def test_nobody_waits_for_a_keyring_that_waits_for_a_person(tmp_path: Path) -> None:
    began = time.monotonic()
    assert shown(with_keyring(tmp_path, KEYRING_WAITS="600"))["api_keys.huggingface"]["detail"] == "not set"
    assert time.monotonic() - began < 30


def test_the_keyrings_key_opens_what_needs_one(tmp_path: Path) -> None:
    catalogue = catalogue_of(repo("owner/repo", gated="auto", granted=("hf_fromKeyring",)))
    with Hub(msgspec.structs.replace(catalogue, huggingface_keys=("hf_fromKeyring",))) as hub:
        product = with_keyring(tmp_path, **hub.environment())
        rows = {row["name"]: row for row in product.json("doctor").data}
    assert rows["Hugging Face"]["detail"] == "answers, the key is accepted"
