"""A content-addressed store on a disk that several machines share: each file once, linked into every installation.

`sha256/ab/cdef...` holds the bytes of that SHA-256. What comes into it comes under a name of its own and is renamed in
one step, so that many may write at once and a reader sees a whole file or none. What comes out of it is hashed each
time before it gets a name here: the disk is shared, and not everybody who writes to it need be us.
"""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from comfyfixer.download.expected import Expected
from comfyfixer.download.place import make_folder, set_aside, sync_folder
from comfyfixer.download.verify import Proof, check_kind, digests_of, prove
from comfyfixer.errors import DownloadError, UsageError
from comfyfixer.paths import printable

_CHUNK: Final = 4 * 1024 * 1024
_HEX: Final = frozenset("0123456789abcdef")
_NO_LINK: Final = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
)


class Store:
    """One store. Fit for several processes on several machines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> None:
        """Make the store where it is not yet.

        Raises:
            UsageError: `store-unusable`.
        """
        try:
            (self.folder / "sha256").mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise UsageError(
                f"The store `{printable(self.folder)}` can't be used: {why}",
                code="store-unusable",
                hint="Name a folder that can be written with `--store DIR`",
            ) from error

    def path(self, sha256: str) -> Path:
        """Where the bytes of a SHA-256 are, or would be.

        Raises:
            ValueError: It is none.
        """
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256")
        return self.folder / "sha256" / sha256[:2] / sha256[2:]

    def proven(self, expected: Expected, cancelled: Callable[[], bool]) -> Proof | None:
        """Proof that the store has the promised file; None where it has not, or has other bytes under its name.

        Raises:
            DownloadError: `unsafe-file` or `wrong-kind`: it is the promised file, and not to be placed.
        """
        if expected.sha256 is None or not (file := self.path(expected.sha256)).is_file():
            return None
        try:
            proof = prove(file, digests_of(file, expected.hashes, cancelled), expected)
            check_kind(file, expected)
        except DownloadError as error:
            if error.code in ("unsafe-file", "wrong-kind"):
                raise
            return None
        except OSError:
            return None
        return proof

    def link(self, sha256: str, target: Path) -> str:
        """Give the store's file the name `target` too; says how: `hard link`, `symbolic link` or `copy`.

        Raises:
            FileExistsError: Something has the name already; nothing was changed.
            OSError: It could not be done.
        """
        source = self.path(sha256)
        make_folder(target.parent)
        how = _linked(source, target)
        sync_folder(target.parent)
        return how

    def add(self, placed: Path, sha256: str) -> str | None:
        """Take a file in that was just placed and proven, so that the disk it lies on and the store hold it once.

        On one disk it gets a second name; on another the store gets a copy, and the placed file becomes a link to it.
        Says how, None where nothing was to be done. The placed file is whole at every moment. Other bytes that have
        its name in the store are set aside, or everybody would go on fetching what the store should have.

        Raises:
            OSError: It could not be done; the placed file is as it was.
        """
        kept = self.path(sha256)
        if placed.is_symlink() or _same(kept, placed):
            return None
        if _holds(kept, placed, sha256):
            return "already there" if _became_link(placed, kept) else None
        make_folder(kept.parent)
        temporary = kept.with_name(f".{sha256[:8]}-{os.getpid()}-{secrets.token_hex(8)}.tmp")
        try:
            how = _linked_or_copied(placed, temporary, sha256)
            if os.path.lexists(kept) and not _holds(kept, placed, sha256):  # another writer may have been quicker
                set_aside(kept)
            temporary.replace(kept)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        sync_folder(kept.parent)
        if how == "copy" and _became_link(placed, kept):
            return "copy, the placed file links to it"
        return how


def _same(kept: Path, placed: Path) -> bool:
    try:
        return os.path.samefile(kept, placed)
    except OSError as error:
        if not _leads_nowhere(error):
            raise
        return False


def _holds(kept: Path, placed: Path, sha256: str) -> bool:
    """Whether the store's file has the very bytes."""
    try:
        return (
            os.stat(kept).st_size == os.stat(placed).st_size
            and digests_of(kept, ("sha256",), lambda: False).sha256 == sha256
        )
    except OSError as error:
        if not _leads_nowhere(error):
            raise
        return False


def _leads_nowhere(error: OSError) -> bool:
    return error.errno in (errno.ENOENT, errno.ELOOP)


def _linked(source: Path, target: Path) -> str:
    """A hard link where the disk is the same and knows them, a symbolic one else, a copy where neither is allowed."""
    if _hard_linked(source, target):
        return "hard link"
    try:
        target.symlink_to(source)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        _copied(source, target)
        return "copy"
    return "symbolic link"


def _hard_linked(source: Path, target: Path) -> bool:
    """Give the file itself a second name, also where `source` is a link to it; False where the disk knows no such."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def _linked_or_copied(placed: Path, temporary: Path, sha256: str) -> str:
    if _hard_linked(placed, temporary):
        return "hard link"
    _copied(placed, temporary)
    if digests_of(temporary, ("sha256",), lambda: False).sha256 != sha256:
        raise OSError(errno.EIO, "the copy differs from its source", os.fspath(temporary))
    return "copy"


def _copied(source: Path, target: Path) -> None:
    """A copy under a name that nothing has; whole on the disk, or not there."""
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with source.open("rb") as reader, part.open("xb") as writer:
            shutil.copyfileobj(reader, writer, _CHUNK)
            writer.flush()
            os.fsync(writer.fileno())
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
        part.rename(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _became_link(placed: Path, kept: Path) -> bool:
    """Let the placed file's name lead to the store's copy, in one step; False where that is not allowed."""
    link = placed.with_name(f".{placed.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        if not _hard_linked(kept, link):
            link.symlink_to(kept)
        link.replace(placed)
    except (OSError, NotImplementedError):
        with contextlib.suppress(OSError):
            link.unlink()
        return False
    return True
