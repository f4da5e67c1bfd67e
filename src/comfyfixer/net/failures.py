"""The one place where the HTTP library's exceptions and a hub's status codes become our errors."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from comfyfixer.errors import ComfyFixerError, DownloadError, NotThere, SourceError
from comfyfixer.redact import plain

_AGAIN: Final = "Check the network, then run the same command again"
_NEEDS_KEY: Final = "A key may be needed (CIVITAI_API_KEY, HF_TOKEN), and its account's access to the page"
_DISABLED: Final = "resource is disabled"
_NOT_THERE_CODES: Final = frozenset({"RepoNotFound", "EntryNotFound", "RevisionNotFound"})
_CLOUDFLARE: Final = re.compile(rb"(?i)just a moment|cf-chl|cloudflare|error code: 1\d{3}")


class NoAnswer(SourceError):
    """No HTTP answer came.

    Attributes:
        retryable: The next try may succeed.
        connected: False where not even a connection was made.
    """

    def __init__(self, message: str, *, code: str, hint: str, retryable: bool = True, connected: bool = True) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retryable = retryable
        self.connected = connected


class Refused(ComfyFixerError):
    """We ourselves do not send this request: the host, its address or the scheme is not allowed."""

    code = "host-not-allowed"


def network_errors() -> tuple[type[Exception], ...]:
    """What the HTTP library raises; for an `except`, which asks only when something was raised."""
    from http.client import HTTPException

    from urllib3.exceptions import HTTPError

    return HTTPError, HTTPException, OSError


def translated(error: Exception, where: str) -> NoAnswer:
    """Our error for one of the library's; `where` is a host or a redacted address."""
    from urllib3 import exceptions as raised

    if isinstance(error, raised.NameResolutionError):
        return _unreachable(f"The name of {where} could not be resolved")
    if isinstance(error, raised.NewConnectionError):
        return _unreachable(f"{where} could not be reached")
    if isinstance(error, raised.ProxyError):
        return _unreachable(f"The proxy on the way to {where} gave no connection")
    if isinstance(error, raised.SSLError):
        return _untrusted(error, where)
    if isinstance(error, (raised.TimeoutError, TimeoutError)):
        connected = not isinstance(error, raised.ConnectTimeoutError)
        return NoAnswer(f"{where} did not answer in time", code="hub-timeout", hint=_AGAIN, connected=connected)
    if isinstance(error, raised.DecodeError):
        hint = "Try again later"
        return NoAnswer(f"{where} sent damaged data", code="hub-bad-answer", hint=hint)
    return NoAnswer(f"The connection to {where} broke off", code="hub-unreachable", hint=_AGAIN)


def _unreachable(message: str) -> NoAnswer:
    hint = "Check the network and the proxy settings (HTTPS_PROXY, NO_PROXY), then run the same command again"
    return NoAnswer(message, code="hub-unreachable", hint=hint, connected=False)


def _untrusted(error: Exception, where: str) -> NoAnswer:
    hint = "Set SSL_CERT_FILE to the certificates of your network, or check the clock of this machine"
    message = f"The connection to {where} is not trustworthy: {plain(str(error))}"
    return NoAnswer(message, code="hub-tls", hint=hint, retryable=False)


def as_download_error(error: SourceError | Refused) -> DownloadError:
    """The same failure as the download room tells it."""
    retryable = isinstance(error, NoAnswer) and error.retryable
    return DownloadError(error.message, code=error.code, hint=error.hint, retryable=retryable)


def as_source_error(error: Refused) -> SourceError:
    """The same refusal as the sources tell it."""
    return SourceError(error.message, code=error.code, hint=error.hint)


def status_error(
    status: int, headers: Mapping[str, str], body: bytes, *, host: str, key_name: str | None
) -> SourceError:
    """The error for an answer that is no success.

    Args:
        body: Its beginning, for the hub's own words.
        key_name: Environment variable of the key that was sent, None where none was.
    """
    hub_code = headers.get("x-error-code", "")
    words = _hub_words(headers, body)
    if status in (404, 410) or (hub_code in _NOT_THERE_CODES and key_name is None):
        return NotThere(f"{host} has no such thing{words}", status=status)
    if status == 403 and _DISABLED in words:
        return NotThere(f"{host} has disabled it{words}", status=status)
    code, message, hint = _told(status, hub_code, is_cloudflare(headers, body), key_name)
    return SourceError(f"{host} {message} (HTTP {status}{words})", code=code, hint=hint, status=status)


def _told(status: int, hub_code: str, cloudflare: bool, key_name: str | None) -> tuple[str, str, str]:
    """Code, message and hint of a status."""
    if status == 451:
        return "hub-region-blocked", "does not serve this region", "Another source may have the file"
    if status == 429:
        return "hub-rate-limited", "asks for fewer requests", "Wait some minutes, then run the same command again"
    if status >= 500:
        return "hub-error", "has a fault of its own", "Run the same command again later"
    if cloudflare:
        hint = "Wait a while, or try another network; another program's protection page is in the way"
        return "hub-refused", "is behind Cloudflare, which turned the request away", hint
    if hub_code == "GatedRepo":
        return "gated", "asks for the licence to be accepted on the page first", _NEEDS_KEY
    if status in (401, 403) and key_name:
        hint = f"Make a new key on the hub's settings page and put it into {key_name}, or unset it"
        return "hub-key-refused", f"refused the key of {key_name}", hint
    if status in (401, 403):
        return "hub-refused", "refused the request", _NEEDS_KEY
    return "hub-refused", "did not accept the request", "This looks like a change of the hub: update ComfyFixerSmart"


def bad_answer(host: str, headers: Mapping[str, str], body: bytes, status: int) -> SourceError:
    """The error for a body that is no JSON although the status says that all is well."""
    html = body.lstrip()[:1] == b"<" or "text/html" in headers.get("content-type", "")
    what = "a web page" if html else "something that is no complete JSON"
    if is_cloudflare(headers, body):
        what = "a protection page of Cloudflare"
    hint = "Try again later; a proxy or a login page of the network may be in the way"
    return SourceError(f"{host} answered with {what} instead of data", code="hub-bad-answer", hint=hint, status=status)


def is_cloudflare(headers: Mapping[str, str], body: bytes) -> bool:
    """True for a page that Cloudflare put in front of the hub's own answer."""
    is_json = "json" in headers.get("content-type", "")
    return "cf-mitigated" in headers or (not is_json and _CLOUDFLARE.search(body[:4096]) is not None)


def _hub_words(headers: Mapping[str, str], body: bytes) -> str:
    """What the hub itself says, as the end of a sentence; empty where it says nothing readable."""
    text = headers.get("x-error-message", "")
    if not text and body.lstrip()[:1] == b"{":
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        texts = [document.get(name) for name in ("message", "error")]
        text = next((text for text in texts if isinstance(text, str)), "")
    return f": {plain(text)}" if text else ""
