"""One candidate's bytes into the part, however often the connection breaks: ranges, restarts, waits."""

import re
from typing import TYPE_CHECKING, Final

import msgspec

from comfyfixer.content.containers import not_a_model
from comfyfixer.content.first_bytes import page_kind
from comfyfixer.download.expected import Expected
from comfyfixer.download.growth import Growth
from comfyfixer.download.pace import Budget, Cancelled, Pace, TryAgain, nap
from comfyfixer.download.part import Part
from comfyfixer.download.refusals import login_page, refusal
from comfyfixer.download.segments import Divided, NoRanges, Segments
from comfyfixer.download.sharing import Sharing, host_of
from comfyfixer.download.transfer import Flow, Meter, pour
from comfyfixer.download.wire import Answer, Opener
from comfyfixer.errors import DownloadError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.event import Emit
from comfyfixer.redact import plain

if TYPE_CHECKING:
    from comfyfixer.download.room import Claim

_CONTENT_RANGE: Final = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE)
_SNIFFED: Final = 512
_UNPACKED: Final = ("", "identity", "aws-chunked")
"""What storages say of bytes that come as they are; of others only a hash can tell whether they do."""
_NEW_ADDRESSES: Final = 2
_LOGIN_ADDRESS: Final = re.compile(r"(?i)//[^?#]*/(?:log|sign)[-_]?in\b")
_LOGIN_PAGE: Final = re.compile(rb"(?i)<title>[^<]{0,99}(?:log|sign)[ -]?in\b|type=[\"']?password")


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch works with, handed in from above."""

    client: Opener
    emit: Emit
    cancelled: Cancelled
    pace: Pace
    sharing: Sharing


class ContentRange(msgspec.Struct, frozen=True, kw_only=True):
    """`Content-Range`, read.

    Attributes:
        start: None in the answer 416.
        total: Size of the whole file, None where the server does not tell.
    """

    start: int | None
    total: int | None


def content_range(text: str) -> ContentRange:
    """Read the header; what can't be read says nothing."""
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None:
        return ContentRange(start=None, total=None)
    start, _, total = found.groups()
    return ContentRange(start=int(start) if start else None, total=None if total == "*" else int(total))


class Attempt:
    """Fills one part from one candidate."""

    def __init__(self, means: Means, candidate: Candidate, expected: Expected, part: Part) -> None:
        self._means = means
        self._candidate = candidate
        self._expected = expected
        self._part = part
        self._total = expected.size_bytes
        self._furthest = part.here
        self._short: int | None = None
        self._new_addresses = _NEW_ADDRESSES
        self._meter = Meter(expected.filename, self._total, means.emit, means.pace)
        self._growth = Growth(means.sharing.per_file, means.sharing.trial)
        self._claim: Claim | None = None

    def complete(self) -> None:
        """Ask until all bytes are here. The hub's own address is asked each time: signed ones expire.

        Raises:
            DownloadError: The candidate can't be had, or the retries are used up; what came stays in the part.
            Interrupted: `cancelled` became true.
            OSError: The part can't be written.
        """
        if self._is_whole():
            return
        sharing, host = self._means.sharing, host_of(self._candidate.download_url)
        with (
            sharing.connections.first(host, self._means.cancelled),
            sharing.room.claimed(self._part.paths.part) as claim,
        ):
            self._claim = claim
            self._look(self._part.here)
            self._until_complete()

    def _until_complete(self) -> None:
        budget = Budget(self._means.pace)
        done = False
        while not done:
            try:
                done = self._ask()
            except DownloadError as error:
                if not error.retryable:
                    raise
                wait_s = budget.spend(error, self._gained())
                self._tell_retry(budget.attempt, error)
                nap(self._means.pace, wait_s, self._means.cancelled)

    def _gained(self) -> int:
        """Bytes beyond all that were here before: fetching the same ones again and again is no progress."""
        gained = max(0, self._part.here - self._furthest)
        self._furthest += gained
        return gained

    def _is_whole(self) -> bool:
        return self._total is not None and self._part.size >= self._total > 0

    def _ask(self) -> bool:
        """One request. True when the file is complete as far as can be told."""
        self._growth.anew()
        if self._part.is_scattered and not self._part.gather():
            return self._fill()
        with self._open(self._range_headers()) as answer:
            if answer.status == 200:
                return self._take_whole(answer)
            if answer.status == 206:
                return self._take_rest(answer)
            if answer.status == 416:
                return self._past_the_end(answer)
            raise self._refusal(answer)

    def _refusal(self, answer: Answer) -> DownloadError:
        """Why it is not given. A storage behind the hub says no when its signed address is old, in words of its own:
        the hub is asked for another one, twice at most.
        """
        error = refusal(
            answer.status, answer.headers, answer.error_body(), self._candidate, key_sent=answer.key_variable
        )
        abroad = host_of(answer.url) != host_of(self._candidate.download_url)
        if error.retryable or not abroad or answer.status not in (400, 401, 403) or not self._new_addresses:
            return error
        self._new_addresses -= 1
        return TryAgain(error.message, code=error.code, hint=error.hint)

    def _open(self, headers: dict[str, str]) -> Answer:
        trusted = self._candidate.source in ("civitai", "huggingface")
        return self._means.client.open(self._candidate.download_url, headers=headers, origin_trusted=trusted)

    def _range_headers(self) -> dict[str, str]:
        """`If-Range` only where no hash will prove the whole: a hub's storages give one file different ETags, and with
        it each change between them would throw the bytes away.
        """
        if not self._part.size:
            return {}
        headers = {"Range": f"bytes={self._part.size}-"}
        if self._expected.sha256 is None and self._part.record.etag:
            headers["If-Range"] = self._part.record.etag
        return headers

    def _take_whole(self, answer: Answer) -> bool:
        """200: the file from its first byte, also where a range was asked for."""
        if self._part.size:
            self._part.restart()
        self._check_kind(answer)
        self._check_total(answer.content_length)
        self._note(answer)
        return self._take(answer)

    def _take_rest(self, answer: Answer) -> bool:
        """206: goes on only where our bytes end, and only in a file of the same size and, unproven, the same ETag."""
        told = content_range(answer.headers.get("content-range", ""))
        etag = strong_etag(answer)
        other = self._expected.sha256 is None and self._part.record.etag not in (None, etag)
        if told.start != self._part.size or other:
            raise self._started_over("The server went on at another place, or with another file")
        if told.total is not None and self._total not in (None, told.total):
            raise self._changed_size(told.total)
        self._check_kind(answer)
        self._set_total(told.total)
        if not self._part.size:
            self._note(answer)
        return self._take(answer)

    def _past_the_end(self, answer: Answer) -> bool:
        """416: our bytes may be all there are; the proof follows. Without a byte of ours it is the server's mistake."""
        told = content_range(answer.headers.get("content-range", ""))
        whole = told.total == self._part.size and self._total in (None, told.total)
        if self._part.size and (whole or self._part.digests.sha256 == self._expected.sha256):
            return True
        raise self._started_over("The server has no bytes behind ours")

    def _take(self, answer: Answer) -> bool:
        first = answer.read(_SNIFFED)
        if not self._part.size and (kind := page_kind(first, self._expected.suffix)):
            raise self._page(kind, first, answer)
        if first:
            self._part.append(first)
            if pour(answer, self._part, limit=self._total, flow=self._flow()):
                self._share_with_others(answer)
        if self._total is not None and self._part.size < self._total:
            self._check_short(answer)
            raise TryAgain(f"The connection ended after {self._part.size} bytes", code="download-interrupted")
        if self._expected.sha256 is None and answer.content_length is None and _goes_on(answer):
            raise self._other_size(self._part.size + 1)
        return True

    # --- several connections ------------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Bring what is missing between stretches that are here."""
        try:
            self._segments().run(None)
        except NoRanges as error:
            self._growth.most = 1
            raise self._started_over(error.message) from error
        return True

    def _share_with_others(self, answer: Answer) -> None:
        """Bring the rest over this connection and others. Where it breaks off, and another one showed that the server
        gives no single stretches, it goes on alone.
        """
        try:
            self._segments().run(answer)
        except NoRanges as error:
            self._growth.most = 1
            raise TryAgain(error.message, code=error.code) from error

    def _segments(self) -> Segments:
        how = Divided(
            ask=self._open_stretch, host=host_of(self._candidate.download_url), total=self._total or 0,
            sharing=self._means.sharing,
        )  # fmt: skip
        return Segments(how, self._part, self._flow(), self._growth)

    def _open_stretch(self, start: int, stop: int) -> Answer:
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        if self._expected.sha256 is None and self._part.record.etag:
            headers["If-Range"] = self._part.record.etag
        answer = self._open(headers)
        try:
            self._check_stretch(answer, start)
        except BaseException:
            answer.__exit__(None, None, None)
            raise
        return answer

    def _check_stretch(self, answer: Answer, start: int) -> None:
        """Only the bytes that were asked for, and only of the same file."""
        if answer.status not in (200, 206, 416):
            raise self._refusal(answer)
        told = content_range(answer.headers.get("content-range", ""))
        other = self._expected.sha256 is None and self._part.record.etag != strong_etag(answer)
        if answer.status != 206 or told.start != start or told.total not in (None, self._total) or other:
            raise NoRanges("The server does not give single stretches of the file")
        self._check_kind(answer)

    def _divide(self, now: float, here: int) -> bool:
        """Whether one more connection is to be tried: only where every byte is proven in the end."""
        total, sharing = self._total, self._means.sharing
        if total is None or self._growth.most < 2 or (self._expected.sha256 is None and not self._part.record.etag):
            return False
        return self._growth.wants(now, sharing.throttle.total, 1, total - here) > 0

    def _flow(self) -> Flow:
        means = self._means
        return Flow(
            meter=self._meter, pace=means.pace, cancelled=means.cancelled, throttle=means.sharing.throttle,
            look=self._look, divide=self._divide,
        )  # fmt: skip

    def _look(self, here: int) -> None:
        """Whether the rest still fits on the disk."""
        if self._claim is not None:
            self._means.sharing.room.look(self._claim, (self._total or here) - here)

    # --- what an answer tells -----------------------------------------------------------------------------------------

    def _check_short(self, answer: Answer) -> None:
        """A whole answer that is complete by its own word and too short: once may be a slip, twice is the file.

        Raises:
            DownloadError: `size-mismatch`.
        """
        if answer.status == 200 and answer.content_length == self._part.size:
            if self._short == self._part.size:
                raise self._other_size(self._part.size)
            self._short = self._part.size

    def _check_kind(self, answer: Answer) -> None:
        packing = answer.headers.get("content-encoding", "").strip().lower()
        if packing not in _UNPACKED and not self._expected.hashes:
            raise not_a_model(f"packed for the way ({plain(packing)}), which was not asked for")
        if answer.headers.get("content-type", "").lower().startswith("text/html"):
            raise self._page("a web page", answer.error_body(), answer)

    def _page(self, kind: str, body: bytes, answer: Answer) -> DownloadError:
        is_login = kind == "a web page" and (_LOGIN_ADDRESS.search(answer.url) or _LOGIN_PAGE.search(body))
        return login_page(self._candidate) if is_login else not_a_model(kind)

    def _check_total(self, declared: int | None) -> None:
        """Compare the length of a whole answer with the promised size. A second opinion decides, as lengths can lie.

        Raises:
            DownloadError: `size-mismatch`.
        """
        if declared is None or self._total in (None, declared):
            self._set_total(declared)
            return
        told = self._size_by_range()
        if told != self._total and not (told is None and self._expected.sha256):
            raise self._other_size(declared)

    def _size_by_range(self) -> int | None:
        """The file's size as the answer to a question for one byte tells it."""
        with self._open({"Range": "bytes=0-0"}) as answer:
            return content_range(answer.headers.get("content-range", "")).total if answer.status == 206 else None

    def _set_total(self, total: int | None) -> None:
        if self._total is None:
            self._total = self._meter.total = total

    def _note(self, answer: Answer) -> None:
        self._part.note(etag=strong_etag(answer), last_modified=answer.headers.get("last-modified"))

    def _started_over(self, why: str) -> TryAgain:
        self._part.restart()
        return TryAgain(f"{why}: it starts over", code="download-interrupted")

    def _changed_size(self, size: int) -> DownloadError:
        """Another size than promised ends it; another one than this server told before is a new version of the file."""
        if self._expected.size_bytes is not None:
            return self._other_size(size)
        self._total = self._meter.total = size
        return self._started_over("The file was changed on the server")

    def _other_size(self, size: int) -> DownloadError:
        return DownloadError(
            f"`{self._expected.filename}` was promised with {self._total} bytes, and the server has {size}",
            code="size-mismatch",
            hint="The file was replaced on its hub, or the hub's list is wrong: run `comfyfixer resolve` again",
        )

    def _tell_retry(self, attempt: int, error: DownloadError) -> None:
        self._means.emit("download.retried", filename=self._expected.filename, attempt=attempt, why=error.message)


def _goes_on(answer: Answer) -> bool:
    """True where bytes follow those that were promised; a server that neither sends nor ends has no more."""
    try:
        return bool(answer.read(1))
    except DownloadError:
        return False


def strong_etag(answer: Answer) -> str | None:
    """The ETag when it vouches for every byte; a weak one does not."""
    etag = answer.headers.get("etag", "").strip()
    return etag if len(etag) > 2 and etag.startswith('"') and etag.endswith('"') and len(etag) < 256 else None
