"""A file that has the target's name already: the very one, a broken one, or another that is not to be touched."""

import os
from pathlib import Path

import msgspec

from comfyfixer.content.examine import examine
from comfyfixer.digests import Digests
from comfyfixer.download.expected import Expected, expected_of
from comfyfixer.download.pace import Cancelled
from comfyfixer.download.verify import Proof, check_size, digests_of, prove
from comfyfixer.errors import DownloadError
from comfyfixer.model.download import FetchRequest


def same_file(
    target: Path, request: FetchRequest, *, verify_hashes: bool, cancelled: Cancelled, was_proven: bool = False
) -> Proof | None:
    """Proof that the file under the target's name is what one of the candidates promises; None where it is not.

    With neither a size nor a hash promised nothing can be proven. A file of another size is not read.

    Args:
        was_proven: It was fetched and proven for this request before: nothing more needs to be promised.

    Raises:
        OSError: It can't be read.
        Interrupted: `cancelled` became true.
    """
    if not target.is_file():
        return None
    promises = (expected_of(request, candidate, verify_hashes=verify_hashes) for candidate in request.candidates)
    fitting = [promise for promise in promises if was_proven or _may_be(target, promise)]
    if not fitting:
        return None
    digests = digests_of(target, {kind for promise in fitting for kind in promise.hashes}, cancelled)
    proofs = (_proof(target, digests, promise) for promise in fitting)
    return next((proof for proof in proofs if proof is not None), None)


class Broken(msgspec.Struct, frozen=True):
    """A file of no use to anybody, as it was when it was looked at.

    Attributes:
        why: Sentence part.
        stamp: Size, modification in nanoseconds, identity: another one is another file, or one that is being written.
    """

    why: str
    stamp: tuple[int, int, int]


def broken(target: Path) -> Broken | None:
    """What is wrong with the file, so that it may make room; None where it may be of use, or can't be read.

    A link that leads nowhere is no broken file: its disk may only not be there now.
    """
    try:
        status = os.stat(target)
    except OSError:
        return None
    why = examine(os.fspath(target)).fault
    return Broken(why, (status.st_size, status.st_mtime_ns, status.st_ino)) if why else None


def _may_be(target: Path, promise: Expected) -> bool:
    """True where something is promised, and the size is no reason against it."""
    if not promise.hashes and promise.size_bytes is None:
        return False
    try:
        check_size(os.stat(target).st_size, promise)
    except DownloadError:
        return False
    return True


def _proof(target: Path, digests: Digests, promise: Expected) -> Proof | None:
    try:
        return prove(target, digests, promise)
    except DownloadError:
        return None
