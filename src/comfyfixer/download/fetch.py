"""One request in, one outcome out: the file is verified and in its place, or it is absent with a reason."""

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.download.attempt import Attempt, Means
from comfyfixer.download.beside import PartPaths
from comfyfixer.download.earlier import open_part
from comfyfixer.download.existing import Broken, broken, same_file
from comfyfixer.download.expected import Expected, expected_of
from comfyfixer.download.faults import check_below, of_system, taken, told_together
from comfyfixer.download.lock import held
from comfyfixer.download.other_hand import Hand, LeftToUs, brought, tidy
from comfyfixer.download.pace import Cancelled, Pace, check
from comfyfixer.download.part import Part
from comfyfixer.download.place import make_folder, place, set_aside
from comfyfixer.download.sharing import Sharing
from comfyfixer.download.verify import Proof, check_kind, prove
from comfyfixer.download.wire import Opener
from comfyfixer.errors import ComfyFixerError, DownloadError, Interrupted
from comfyfixer.files import as_listed
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from comfyfixer.model.event import Emit
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.paths import printable
from comfyfixer.redact import plain, redact

_PATIENT: Final = Pace()
_WRONG_BYTES: Final = frozenset({"hash-mismatch", "size-mismatch", "not-a-model-file"})
_WORTHLESS: Final = _WRONG_BYTES | {"unsafe-file", "wrong-kind"}
_ENDS_ALL: Final = frozenset(
    {"disk-full", "target-exists", "target-unwritable", "unsafe-file", "unsafe-name", "wrong-kind"}
)


def fetch(
    request: FetchRequest,
    client: Opener,
    *,
    emit: Emit,
    cancelled: Cancelled,
    verify_hashes: bool = True,
    pace: Pace = _PATIENT,
    sharing: Sharing | None = None,
    hand: Hand | None = None,
) -> Outcome:
    """Bring one file into its place. `client` is a `net.client.Client`.

    The target has to lie below the request's root by its text; links among the folders on the way are followed, since
    people let models folders lie on other disks.

    Args:
        verify_hashes: False leaves hashes uncompared; sizes, containers and pickles are checked all the same.
        sharing: What the transfers of one run share; None: this one is alone.
        hand: Another program that brings the bytes, where it can; verified and placed they are here all the same.

    Returns:
        Also for a file that could not be had: its `error` says why. Nothing half-written has the target's name then.

    Raises:
        Interrupted: `cancelled` became true; what has arrived is kept for the next run.
    """
    means = Means(client=client, emit=emit, cancelled=cancelled, pace=pace, sharing=sharing or Sharing())
    return _Errand(request, means, verify_hashes, hand).run()


class _Errand:
    """One file on its way."""

    def __init__(self, request: FetchRequest, means: Means, verify_hashes: bool, hand: Hand | None = None) -> None:
        self._request = request
        self._hand = hand
        self._means = means
        self._verify_hashes = verify_hashes
        self._paths = PartPaths(Path(request.target))
        self._began_s = means.pace.clock()
        self._source = request.candidates[0].source if request.candidates else "not_found"
        self._in_the_way: Broken | None = None
        self._set_aside: str | None = None

    def run(self) -> Outcome:
        """Everything that goes wrong with this file becomes its outcome."""
        try:
            return self._fetch()
        except Interrupted:
            raise
        except ComfyFixerError as error:
            return self._failed(error)
        except OSError as error:
            return self._failed(of_system(error, self._request))

    def _fetch(self) -> Outcome:
        check_below(Path(self._request.target), self._request.root)
        if not self._paths.are_there() and (there := self._already_there()):
            return there
        make_folder(self._paths.target.parent)
        self._paths.check_lock()
        with held(self._paths.lock, self._means.cancelled, keep=self._paths.bytes_here) as lock:
            self._means = msgspec.structs.replace(self._means, lock=lock)
            if there := self._already_there():
                return there
            self._in_the_way = broken(self._paths.target)
            return self._first_that_works()

    def _first_that_works(self) -> Outcome:
        """The candidates in turn; the first one's failure is told, as it is the one that was chosen."""
        failures: list[DownloadError] = []
        for candidate in self._request.candidates:
            self._source = candidate.source
            try:
                return self._finish(self._proven(candidate))
            except DownloadError as error:
                failures.append(error)
                if error.code in _ENDS_ALL:
                    raise
                self._tell_next(candidate, failures)
        self._source = self._request.candidates[0].source if failures else self._source
        raise told_together(failures, self._request)

    def _proven(self, candidate: Candidate) -> Proof:
        """A candidate's proven bytes in the part. Wrong ones are fetched anew once: they may have been cut or mixed."""
        expected = expected_of(self._request, candidate, verify_hashes=self._verify_hashes)
        self._tell_start(candidate, expected)
        try:
            return self._once(candidate, expected)
        except DownloadError as error:
            if error.code not in _WRONG_BYTES:
                raise
            self._tell("download.retried", attempt=2, why=error.message)
            return self._once(candidate, expected)

    def _once(self, candidate: Candidate, expected: Expected) -> Proof:
        if self._hand is not None and self._hand.takes(candidate):
            with contextlib.suppress(LeftToUs):
                return brought(self._hand, self._paths, candidate, expected, self._means)
        part = open_part(self._paths, candidate, expected, self._means.cancelled)
        if part.here:
            self._tell("download.resumed", bytes_done=part.here)
        try:
            Attempt(self._means, candidate, expected, part).complete()
            part.close()
            proof = prove(self._paths.part, part.digests, expected)
            check_kind(self._paths.part, expected)
            return proof
        except BaseException as error:
            _put_away(part, keep=not (isinstance(error, DownloadError) and error.code in _WORTHLESS))
            raise

    def _finish(self, proof: Proof) -> Outcome:
        """Place the part, then tell. A file that appeared meanwhile stays as it is."""
        check(self._means.cancelled)
        try:
            place(self._paths.part, self._paths.target)
        except FileExistsError:
            if there := self._already_there():
                return there
            self._make_room()
            return self._finish(proof)
        self._paths.forget()
        tidy(self._paths.part)
        self._tell_proof(proof)
        seconds = self._seconds()
        path = self._listed()
        self._tell("download.finished", path=path, size_bytes=proof.size_bytes, seconds=seconds)
        return self._outcome(
            path=path, size_bytes=proof.size_bytes, sha256=proof.sha256, verified=proof.verified, unsafe=proof.unsafe
        )  # fmt: skip

    def _already_there(self) -> Outcome | None:
        """The outcome where the very file has the target's name; None where nothing has it, or only a broken file.

        Raises:
            DownloadError: `target-exists`; nothing was touched.
        """
        target = self._paths.target
        if not os.path.lexists(target):
            return None
        proof = same_file(
            target, self._request, verify_hashes=self._verify_hashes, cancelled=self._means.cancelled,
            was_proven=self._paths.is_target(),
        )  # fmt: skip
        if proof is None and broken(target):
            return None
        if proof is None:
            raise taken(target)
        self._paths.forget()
        self._tell("download.skipped", why="it is in its place already")
        return self._outcome(
            path=self._listed(), size_bytes=proof.size_bytes, sha256=proof.sha256, verified=proof.verified,
            already_there=True, unsafe=proof.unsafe,
        )  # fmt: skip

    def _listed(self) -> str:
        return printable(as_listed(Path(self._request.target), Path(self._request.root)))

    def _make_room(self) -> None:
        """Keep the broken file that has the target's name under another one: the proven file is ready to take it.

        Raises:
            DownloadError: `target-exists`: it was not there, or not as it is now, when this fetch began.
        """
        target, seen = self._paths.target, self._in_the_way
        if seen is None or broken(target) != seen:
            raise taken(target)
        self._set_aside = printable(set_aside(target))
        self._tell("download.set-aside", path=self._set_aside, why=seen.why)

    def _failed(self, error: ComfyFixerError) -> Outcome:
        problem = Problem.of(error, where=self._request.filename)
        self._tell("download.failed", code=problem.code, message=problem.message, hint=problem.hint)
        return self._outcome(error=problem)

    def _outcome(
        self,
        *,
        path: str | None = None,
        size_bytes: int | None = None,
        sha256: str | None = None,
        verified: bool = False,
        already_there: bool = False,
        unsafe: str | None = None,
        error: Problem | None = None,
    ) -> Outcome:
        return Outcome(
            filename=self._request.filename, source=self._source, success=error is None, path=path,
            size_bytes=size_bytes, sha256=sha256, verified=verified, seconds=self._seconds(), error=error,
            already_there=already_there, set_aside=self._set_aside, unsafe=unsafe,
        )  # fmt: skip

    def _seconds(self) -> float:
        return round(self._means.pace.clock() - self._began_s, 3)

    def _tell(self, action: str, **details: object) -> None:
        self._means.emit(action, filename=self._request.filename, **details)

    def _tell_start(self, candidate: Candidate, expected: Expected) -> None:
        self._tell("download.started", url=redact(candidate.download_url), size_bytes=expected.size_bytes)

    def _tell_next(self, candidate: Candidate, failures: list[DownloadError]) -> None:
        if len(failures) < len(self._request.candidates):
            why = f"{candidate.source} failed: {failures[-1].message}; the next source is tried"
            self._tell("download.retried", attempt=len(failures) + 1, why=why)

    def _tell_proof(self, proof: Proof) -> None:
        if proof.verified:
            self._tell("download.verified", sha256=proof.sha256)
        elif self._verify_hashes:
            self._warn("hash-unknown", self._unproven(proof), "Compare its SHA-256 with the one on its page")
        if proof.fault:
            message = f"`{self._request.filename}` has the promised hash, and is {proof.fault}"
            self._warn("not-a-model-file", message, "Ask its author: the hub's own copy is damaged")
        if proof.unsafe:
            self._warn(
                "unsafe-file", proof.unsafe, "It was placed, as it is allowed by name: load it only if you trust it"
            )

    def _unproven(self, proof: Proof) -> str:
        if not proof.unchecked:
            return f"No hash that identifies `{self._request.filename}` is known: only its size and format were checked"
        kinds = plain(", ".join(proof.unchecked))
        return f"`{self._request.filename}` is promised by a hash that can't be computed here ({kinds})"

    def _warn(self, code: str, message: str, hint: str) -> None:
        self._means.emit("problem.found", code=code, message=message, hint=hint, where=self._request.filename)


def _put_away(part: Part, *, keep: bool) -> None:
    """Close the part: for the next run with all its bytes on the disk, or without a trace."""
    if not keep or not part.here:
        part.discard()
        return
    with contextlib.suppress(OSError, ValueError):  # a full disk, or closed already: then the older journal holds
        part.checkpoint()
    part.close()
