"""The journal beside a part: its record written whole, and a line behind it for each stretch that has come since."""

import contextlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from comfyfixer.download.beside import PartPaths, PartRecord
from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole

if TYPE_CHECKING:
    from io import FileIO

_MOST_LINES: Final = 2000


class PartJournal:
    """Writes it. Not thread-safe."""

    def __init__(self, paths: PartPaths) -> None:
        self._paths = paths
        self._lines = 0
        self._file: FileIO | None = None

    def begin(self, record: PartRecord) -> None:
        """Write it where there is none: a part without a journal is never taken for ours again.

        Raises:
            OSError: The folder can't be written, or its disk is full.
        """
        if self._paths.record() is None:
            try:
                write_whole(self._paths.journal, msgspec.json.encode(record))
            except UsageError as error:
                raise error.__cause__ or error from None

    def write(self, record: PartRecord, *, durable: bool = True) -> None:
        """Write it anew. A full disk leaves the older one, which is as true and only less far; without a part there is
        none.
        """
        self.close()
        if self._paths.part.exists():
            with contextlib.suppress(UsageError):
                write_whole(self._paths.journal, msgspec.json.encode(record), durable=durable)
                self._lines = 0

    @property
    def is_long(self) -> bool:
        """Whether it is time to write it anew, instead of a further line."""
        return self._lines >= _MOST_LINES

    def add(self, start: int, end: int) -> None:
        """One line more: a stretch has come. What a full disk refuses is fetched again after a crash."""
        self._lines += 1
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = self._paths.journal.open("ab", buffering=0)
            self._file.write(b"\n[%d,%d]" % (start, end))

    def close(self) -> None:
        """The next line goes into the file that has the journal's name then."""
        if self._file is not None:
            self._file.close()
            self._file = None


@lru_cache(maxsize=1)
def boot() -> str | None:
    """Which start of the machine this is, where the system tells (Linux)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
