"""A program at work on one file: followed, stoppable, its last words kept."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from comfyfixer.download.attempt import Means
from comfyfixer.download.expected import Expected
from comfyfixer.download.pace import check
from comfyfixer.download.transfer import Meter
from comfyfixer.redact import plain

_LOOK_EVERY_S: Final = 0.1
_ENDS_WITHIN_S: Final = 5.0
_TAIL: Final = 2000
_BLOCK: Final = 512
"""What `st_blocks` counts, whatever the file system's own blocks are."""


class Errand:
    """One program at work on one file: followed, stoppable, its last words kept.

    Attributes:
        said: The end of what it wrote to its standard error.
    """

    def __init__(self, expected: Expected, place: Path, means: Means) -> None:
        self._place = place
        self._means = means
        self._meter = Meter(expected.filename, expected.size_bytes, means.emit, means.pace)
        self.said = ""

    def run(
        self,
        words: Sequence[str],
        given: str,
        environment: Mapping[str, str],
        hide: Callable[[str], str],
        *,
        handles: Collection[int] = (),
    ) -> int:
        """Run it to its end. Where we are killed it may go on: it holds the target's lock as long as it does.

        Args:
            handles: Of open files that it is to have.

        Raises:
            Interrupted: `cancelled` became true; the program has ended, and what came stays.
        """
        lock = self._means.lock
        inherited = (*handles, *(() if lock is None else (lock,))) if os.name == "posix" else ()
        with tempfile.TemporaryFile() as told:
            process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=told, stderr=told, env=dict(environment), cwd=self._place.parent,
                pass_fds=inherited,
            )  # fmt: skip
            try:
                _give(process, given)
                self._meter.start(bytes_in(self._place))
                code = self._followed(process)
            finally:
                _end(process)
            self.said = hide(_tail(told))
        return code

    def rate(self, option: str) -> list[str]:
        """The option that holds a program to the run's rate, in bytes a second; none where there is no rate."""
        rate = self._means.sharing.throttle.bytes_per_second
        return [] if rate is None else [f"{option}={rate}"]

    def _followed(self, process: "subprocess.Popen[bytes]") -> int:
        while True:
            check(self._means.cancelled)
            try:
                code = process.wait(_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                self._meter.tick(self._means.pace.clock(), bytes_in(self._place))
                continue
            self._meter.tell(self._means.pace.clock(), bytes_in(self._place))
            return code


def _give(process: "subprocess.Popen[bytes]", text: str) -> None:
    """All of standard input; a program that ended at once reads none."""
    with contextlib.suppress(BrokenPipeError, OSError):
        if process.stdin is not None:
            with process.stdin as stream:
                stream.write(text.encode())


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, then end it; nothing where it ended by itself."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tail(told: IO[bytes]) -> str:
    told.seek(max(0, told.seek(0, os.SEEK_END) - _TAIL))
    lines = [line for line in told.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return plain(lines[-1]) if lines else ""


def bytes_in(place: Path) -> int:
    """Bytes of a file, or of all below a folder, that have come; 0 where there is none."""
    try:
        if not place.is_dir():
            return _come(place.stat())
        return sum(_come(entry.stat()) for entry in place.rglob("*") if entry.is_file())
    except OSError:
        return 0


def _come(file: os.stat_result) -> int:
    """A program with several connections writes behind gaps: most systems tell how much of the length has blocks."""
    return min(file.st_size, getattr(file, "st_blocks", 0) * _BLOCK or file.st_size)
