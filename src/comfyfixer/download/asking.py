"""Requests for one candidate's bytes, and what an answer says before a byte of it is taken."""

import re
from typing import Final

import msgspec

from comfyfixer.content.containers import not_a_model
from comfyfixer.content.first_bytes import page_kind
from comfyfixer.download.expected import Expected
from comfyfixer.download.pace import GOES_ON, TryAgain
from comfyfixer.download.refusals import login_page, refusal
from comfyfixer.download.segments import NoRanges
from comfyfixer.download.sharing import host_of
from comfyfixer.download.wire import Answer, Opener
from comfyfixer.errors import DownloadError
from comfyfixer.model.candidate import Candidate
from comfyfixer.redact import plain

_CONTENT_RANGE: Final = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE)
_UNPACKED: Final = ("", "identity", "aws-chunked")
"""What storages say of bytes that come as they are; of others only a hash can tell whether they do."""
_NEW_ADDRESSES: Final = 2
_LOGIN_ADDRESS: Final = re.compile(r"(?i)//[^?#]*/(?:log|sign)[-_]?in\b")
_LOGIN_PAGE: Final = re.compile(rb"(?i)<title>[^<]{0,99}(?:log|sign)[ -]?in\b|type=[\"']?password")


class ContentRange(msgspec.Struct, frozen=True, kw_only=True):
    """`Content-Range`, read.

    Attributes:
        start: None in the answer 416.
        total: Size of the whole file, None where the server does not tell.
    """

    start: int | None
    total: int | None


def content_range(answer: Answer) -> ContentRange:
    """What the header says; one that can't be read says nothing."""
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if found is None:
        return ContentRange(start=None, total=None)
    start, _, total = found.groups()
    return ContentRange(start=int(start) if start else None, total=None if total == "*" else int(total))


def strong_etag(answer: Answer) -> str | None:
    """The ETag when it vouches for every byte; a weak one does not."""
    etag = answer.headers.get("etag", "").strip()
    return etag if len(etag) > 2 and etag.startswith('"') and etag.endswith('"') and len(etag) < 256 else None


def version(answer: Answer) -> str | None:
    """What the server calls the file's present state, weak ETags too; None where it says nothing of it."""
    told = [answer.headers.get(name, "").strip() for name in ("etag", "last-modified")]
    return " ".join(told) if any(told) else None


def goes_on(answer: Answer) -> bool:
    """True where bytes follow those that were promised; a server that neither sends nor ends has no more."""
    try:
        return bool(answer.read(1))
    except DownloadError:
        return False


class Asking:
    """Asks for one candidate. The hub's own address is asked each time: signed ones expire."""

    def __init__(self, client: Opener, candidate: Candidate, expected: Expected) -> None:
        self._client = client
        self._candidate = candidate
        self._expected = expected
        self._new_addresses = _NEW_ADDRESSES
        self.host = host_of(candidate.download_url)

    def rest(self, at: int, etag: str | None) -> Answer:
        """Everything from byte `at` on; of whatever status."""
        return self._open({"Range": f"bytes={at}-", **self._condition(etag)} if at else {})

    def stretch(self, start: int, stop: int, *, total: int | None, etag: str | None) -> Answer:
        """The bytes from `start` up to `stop`, and only of the same file.

        Raises:
            NoRanges: The server gives something else.
            DownloadError: It does not give it; or it is a page.
        """
        answer = self._open({"Range": f"bytes={start}-{stop - 1}", **self._condition(etag)})
        try:
            self._check_stretch(answer, start, total, etag)
        except BaseException:
            answer.__exit__(None, None, None)
            raise
        return answer

    def size(self) -> int | None:
        """The file's size as the answer to a question for one byte tells it."""
        with self._open({"Range": "bytes=0-0"}) as answer:
            return content_range(answer).total if answer.status == 206 else None

    def refusal(self, answer: Answer) -> DownloadError:
        """Why it is not given. A storage behind the hub says no when its signed address is old, in words of its own:
        the hub is asked for another one, twice at most.
        """
        error = refusal(
            answer.status, answer.headers, answer.error_body(), self._candidate, key_sent=answer.key_variable
        )
        abroad = host_of(answer.url) != self.host
        if error.retryable or not abroad or answer.status not in (400, 401, 403) or not self._new_addresses:
            return error
        self._new_addresses -= 1
        return TryAgain(error.message, code=error.code, hint=error.hint or GOES_ON)

    def check_kind(self, answer: Answer) -> None:
        """Refuse what says of itself that it is a page, or that it is packed where no hash would tell.

        Raises:
            DownloadError: `not-a-model-file`, or what a log-in page means.
        """
        packing = answer.headers.get("content-encoding", "").strip().lower()
        if packing not in _UNPACKED and not self._expected.hashes:
            raise not_a_model(f"packed for the way ({plain(packing)}), which was not asked for")
        if answer.headers.get("content-type", "").lower().startswith("text/html"):
            raise self._page("a web page", answer.error_body(), answer)

    def check_first(self, first: bytes, answer: Answer) -> None:
        """Refuse a page by its first bytes.

        Raises:
            DownloadError: As `check_kind`.
        """
        if kind := page_kind(first, self._expected.suffix):
            raise self._page(kind, first, answer)

    def other_file(self, answer: Answer, etag: str | None) -> bool:
        """Whether it may be of another file than the one with this ETag: a hash that is known tells in the end."""
        return self._expected.sha256 is None and etag != strong_etag(answer)

    def _open(self, headers: dict[str, str]) -> Answer:
        trusted = self._candidate.source in ("civitai", "huggingface")
        return self._client.open(self._candidate.download_url, headers=headers, origin_trusted=trusted)

    def _condition(self, etag: str | None) -> dict[str, str]:
        """`If-Range` only where no hash will prove the whole: a hub's storages give one file different ETags, and with
        it each change between them would throw the bytes away.
        """
        return {"If-Range": etag} if self._expected.sha256 is None and etag else {}

    def _check_stretch(self, answer: Answer, start: int, total: int | None, etag: str | None) -> None:
        if answer.status not in (200, 206, 416):
            raise self.refusal(answer)
        told = content_range(answer)
        other = self.other_file(answer, etag)
        if answer.status != 206 or told.start != start or told.total not in (None, total) or other:
            raise NoRanges("The server does not give single stretches of the file")
        self.check_kind(answer)

    def _page(self, kind: str, body: bytes, answer: Answer) -> DownloadError:
        is_login = kind == "a web page" and (_LOGIN_ADDRESS.search(answer.url) or _LOGIN_PAGE.search(body))
        return login_page(self._candidate) if is_login else not_a_model(kind)
