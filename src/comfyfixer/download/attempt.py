"""One candidate's bytes into the part, however often the connection breaks: ranges, restarts, waits."""

from typing import TYPE_CHECKING, Final

import msgspec

from comfyfixer.download.asking import Asking, content_range, goes_on, strong_etag, version
from comfyfixer.download.expected import Expected
from comfyfixer.download.growth import Growth
from comfyfixer.download.pace import Budget, Cancelled, Pace, TryAgain, check, nap
from comfyfixer.download.part import Part
from comfyfixer.download.segments import Divided, NoRanges, Segments
from comfyfixer.download.sharing import Sharing
from comfyfixer.download.transfer import Flow, Meter, pour
from comfyfixer.download.wire import Answer, Opener
from comfyfixer.errors import DownloadError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.event import Emit

if TYPE_CHECKING:
    from comfyfixer.download.room import Claim

_SNIFFED: Final = 512
_ODD_ANSWERS: Final = 3


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch works with, handed in from above.

    Attributes:
        lock: The handle of the target's lock, None before it is held.
    """

    client: Opener
    emit: Emit
    cancelled: Cancelled
    pace: Pace
    sharing: Sharing
    lock: int | None = None


class _TwoSizes(Exception):
    """A whole answer is said to have another length than the file was promised with."""

    def __init__(self, declared: int) -> None:
        super().__init__(declared)
        self.declared = declared


class Attempt:
    """Fills one part from one candidate."""

    def __init__(self, means: Means, candidate: Candidate, expected: Expected, part: Part) -> None:
        self._means = means
        self._asking = Asking(means.client, candidate, expected)
        self._expected = expected
        self._part = part
        self._total = expected.size_bytes
        self._furthest = part.here
        self._short: int | None = None
        self._version: str | None = None
        self._odd_answers = 0
        self._doubted: int | None = None
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
        sharing = self._means.sharing
        with (
            sharing.connections.first(self._asking.host, self._means.cancelled),
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
                check(self._means.cancelled)  # a stop ends connections, and that is no reason to try again
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
        """One request, and where the server tells another size than was promised a second opinion before it is asked
        again: no two connections at once. True when the file is complete as far as can be told.
        """
        try:
            return self._asked()
        except _TwoSizes as doubt:
            told = self._asking.size()
            if told != self._total and not (told is None and self._expected.sha256):
                raise self._other_size(doubt.declared) from None
            self._doubted = doubt.declared
        try:
            return self._asked()
        except _TwoSizes:
            message = "The server tells another size each time"
            raise TryAgain(message, code="download-interrupted") from None

    def _asked(self) -> bool:
        self._growth.anew()
        if self._part.is_scattered and not self._part.gather():
            return self._fill()
        with self._asking.rest(self._part.size, self._part.record.etag) as answer:
            if answer.status == 200:
                return self._take_whole(answer)
            if answer.status == 206:
                return self._take_rest(answer)
            if answer.status == 416:
                return self._past_the_end(answer)
            raise self._asking.refusal(answer)

    def _take_whole(self, answer: Answer) -> bool:
        """200: the file from its first byte, also where a range was asked for."""
        if self._part.size:
            self._part.restart()
        self._asking.check_kind(answer)
        self._check_total(answer.content_length)
        self._note(answer)
        return self._take(answer)

    def _take_rest(self, answer: Answer) -> bool:
        """206: goes on only where our bytes end, in a file of the same size and, where no hash tells, same version."""
        told = content_range(answer)
        if told.start != self._part.size or self._is_other(answer):
            raise self._started_over("The server went on at another place, or with another file")
        if told.total is not None and self._total not in (None, told.total):
            raise self._changed_size(told.total)
        self._asking.check_kind(answer)
        self._set_total(told.total)
        if not self._part.size:
            self._note(answer)
        return self._take(answer)

    def _is_other(self, answer: Answer) -> bool:
        """Whether it may be of another version of the file than the bytes that are here. A known hash tells in the end;
        without one the server has to say that it is the same.
        """
        if etag := self._part.record.etag:
            return self._asking.other_file(answer, etag)
        return self._expected.sha256 is None and (self._version is None or version(answer) != self._version)

    def _past_the_end(self, answer: Answer) -> bool:
        """416: our bytes may be all there are; the proof follows. Without a byte of ours it is the server's mistake."""
        told = content_range(answer)
        whole = told.total == self._part.size and self._total in (None, told.total)
        if self._part.size and (whole or self._part.digests.sha256 == self._expected.sha256):
            return True
        raise self._started_over("The server has no bytes behind ours")

    def _take(self, answer: Answer) -> bool:
        first = answer.read(_SNIFFED)
        if not self._part.size:
            self._asking.check_first(first, answer)
        if first:
            self._part.append(first)
            if more := pour(answer, self._part, limit=self._total, flow=self._flow()):
                self._share_with_others(answer, more)
        if self._total is not None and self._part.size < self._total:
            self._check_short(answer)
            raise TryAgain(f"The connection ended after {self._part.size} bytes", code="download-interrupted")
        if self._expected.sha256 is None and answer.content_length is None and goes_on(answer):
            raise self._other_size(self._part.size + 1)
        return True

    # --- several connections ------------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Bring what is missing between stretches that are here. One odd answer may be a slip: the bytes are thrown
        away only where the server gives no single stretches time after time.
        """
        before = self._part.here
        try:
            self._segments().run(None)
        except NoRanges as error:
            self._odd_answers = 1 if self._part.here > before else self._odd_answers + 1
            if self._odd_answers < _ODD_ANSWERS:
                raise TryAgain(error.message, code=error.code) from error
            self._growth.most = 1
            raise self._started_over(error.message) from error
        return True

    def _share_with_others(self, answer: Answer, others: int) -> None:
        """Bring the rest over this connection and so many others. Where it breaks off, and another one showed that the
        server gives no single stretches, it goes on alone.
        """
        try:
            self._segments().run(answer, others)
        except NoRanges as error:
            self._growth.most = 1
            raise TryAgain(error.message, code=error.code) from error

    def _segments(self) -> Segments:
        how = Divided(
            ask=self._open_stretch, host=self._asking.host, total=self._total or 0,
            sharing=self._means.sharing,
        )  # fmt: skip
        return Segments(how, self._part, self._flow(), self._growth)

    def _open_stretch(self, start: int, stop: int) -> Answer:
        return self._asking.stretch(start, stop, total=self._total, etag=self._part.record.etag)

    def _divide(self, now: float, here: int) -> int:
        """How many more connections are to be tried: only where every byte is proven in the end."""
        total, sharing = self._total, self._means.sharing
        if total is None or self._growth.most < 2 or (self._expected.sha256 is None and not self._part.record.etag):
            return 0
        return self._growth.wants(now, sharing.throttle.total, 1, total - here)

    def _flow(self) -> Flow:
        means = self._means
        return Flow(
            meter=self._meter, pace=means.pace, cancelled=means.cancelled, throttle=means.sharing.throttle,
            look=self._look, divide=self._divide, paused=self._growth.anew,
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

    def _check_total(self, declared: int | None) -> None:
        """Compare the length of a whole answer with the promised size. A second opinion decides, as lengths can lie.

        Raises:
            _TwoSizes: It has still to be asked.
        """
        if declared is None or self._total in (None, declared):
            self._set_total(declared)
        elif declared != self._doubted:
            raise _TwoSizes(declared)

    def _set_total(self, total: int | None) -> None:
        if self._total is None:
            self._total = self._meter.total = total

    def _note(self, answer: Answer) -> None:
        self._version = version(answer)
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
