"""Programs that are told where a file really lies: `aria2c`, `wget`. Neither is told a key where others can read it.

What starts them is a list of words without address or key: those come over standard input. They never see the hub: the
address is resolved here, each redirect looked at, so that they ask the storage itself and have no key to hand on. Where
the hub gives the bytes itself, `wget` is told the key and to follow nothing; `aria2c` always follows, so that such a
file is left to us.
"""

import contextlib
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self

from comfyfixer.download.attempt import Means
from comfyfixer.download.child import Errand, bytes_in
from comfyfixer.download.expected import Expected
from comfyfixer.download.other_hand import LeftToUs, is_whole, remove
from comfyfixer.download.pace import check
from comfyfixer.download.program import ended, failed, tell_start, without_keys
from comfyfixer.download.refusals import refusal
from comfyfixer.download.wire import Answer
from comfyfixer.errors import DownloadError
from comfyfixer.model.candidate import Candidate

_TRIES: Final = 5
_CONNECTIONS: Final = 4


class Place(Protocol):
    """Where a file really lies; `net.files.Located` fits it."""

    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def answer(self) -> Answer: ...


class Locator(Protocol):
    """Follows redirects; `net.client.Client` fits it."""

    def locate(self, url: str, *, origin_trusted: bool) -> Place:
        """Where it leads.

        Raises:
            DownloadError: No answer came, or the address is refused.
        """
        ...


class _FromPlace(ABC):
    """A program that is told where the file really lies, so that it follows no redirect itself.

    Attributes:
        name: What users call it.
    """

    name: str

    def __init__(self, program: str, locator: Locator, hide: Callable[[str], str]) -> None:
        self._program = program
        self._locator = locator
        self._hide = hide

    def takes(self, candidate: Candidate) -> bool:
        return candidate.source != "local"

    def bring(self, candidate: Candidate, expected: Expected, file: Path, means: Means) -> None:
        """Resolve the address and let the program go, again while bytes come: signed addresses expire on the way.

        A file that is whole already is not asked for again: some programs would begin it anew.
        """
        tell_start(means, expected, self.name)
        errand = Errand(expected, file, means)
        code = 0
        for attempt in range(1, _TRIES + 1):
            if is_whole(file, expected) and not _is_unfinished(file):
                return
            before = bytes_in(file)
            place = _located(self._locator, candidate)
            code = self.once(place, file, errand)
            if not code and file.is_file():
                return
            check(means.cancelled)
            if attempt == _TRIES or (bytes_in(file) <= before and attempt > 1):
                break
            if bytes_in(file) <= before:
                remove(file)  # what is there can't be gone on with
            means.emit("download.retried", filename=expected.filename, attempt=attempt + 1, why=ended(self.name, code))
        raise failed(self.name, code, expected, errand.said)

    @abstractmethod
    def once(self, place: Place, file: Path, errand: Errand) -> int:
        """One run of the program; its exit code."""


class Aria2(_FromPlace):
    """`aria2c`: several connections for one file. It follows redirects whatever it is told, and hands headers on."""

    name = "aria2c"

    def once(self, place: Place, file: Path, errand: Errand) -> int:
        if place.headers:
            raise LeftToUs
        lines = [place.url, f"  dir={_one_line(file.parent)}", f"  out={file.name}"]
        words = [
            self._program, "--no-conf=true", "--input-file=-", "--continue=true", "--auto-file-renaming=false",
            "--follow-metalink=false", "--follow-torrent=false",  # else an answer names further files and hosts
            "--file-allocation=none", f"--max-connection-per-server={_CONNECTIONS}", f"--split={_CONNECTIONS}",
            "--min-split-size=16M", "--max-tries=2", "--retry-wait=1", "--auto-save-interval=5",
            "--show-console-readout=false", "--summary-interval=0", "--download-result=hide",
            "--console-log-level=error", "--user-agent=ComfyFixerSmart", f"--stop-with-process={os.getpid()}",
            "--remote-time=false", *errand.rate("--max-download-limit"), *_certificates("--ca-certificate"),
        ]  # fmt: skip
        return errand.run(words, "\n".join(lines) + "\n", without_keys(os.environ), self._hide)


class Wget(_FromPlace):
    """`wget`: one connection, on nearly every machine."""

    name = "wget"

    def once(self, place: Place, file: Path, errand: Errand) -> int:
        with _Config(place.headers) as config:
            words = [
                self._program, config.option, "--input-file=-", "--continue", f"--output-document={file}",
                "--max-redirect=0", "--tries=2", "--timeout=60", "--no-verbose", "--no-hsts",
                "--user-agent=ComfyFixerSmart", *errand.rate("--limit-rate"), *_certificates("--ca-certificate"),
            ]  # fmt: skip
            environment = without_keys(os.environ)
            return errand.run(words, place.url + "\n", environment, self._hide, handles=config.handles)


def _located(locator: Locator, candidate: Candidate) -> Place:
    trusted = candidate.source in ("civitai", "huggingface")
    place = locator.locate(candidate.download_url, origin_trusted=trusted)
    with place.answer as answer:
        if answer.status not in (200, 206):
            body = answer.error_body()
            raise refusal(answer.status, answer.headers, body, candidate, key_sent=answer.key_variable)
    return place


class _Config:
    """`wget`'s configuration, where it is to be told a key: a file without a name, so that nothing stays of it whatever
    becomes of us; on Windows one that only this user can read.

    Attributes:
        option: What `wget` is told.
        handles: What it needs for it.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._file: IO[bytes] | None = None
        self._path = ""
        self.option = "--no-config"
        self.handles: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        if not self._headers:
            return self
        text = "".join(f"header = {name}: {value}\n" for name, value in self._headers.items()).encode()
        if os.name == "posix":
            self._file = file = tempfile.TemporaryFile()
            file.write(text)
            file.seek(0)
            self.handles = (file.fileno(),)
            self.option = f"--config=/dev/fd/{file.fileno()}"
        else:
            descriptor, self._path = tempfile.mkstemp(prefix="comfyfixer-")
            with os.fdopen(descriptor, "wb") as named:
                named.write(text)
            self.option = f"--config={self._path}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self._path:
            with contextlib.suppress(OSError):
                os.unlink(self._path)


def _certificates(option: str) -> list[str]:
    file = os.environ.get("SSL_CERT_FILE")
    return [f"{option}={file}"] if file else []


def _one_line(folder: Path) -> str:
    """A line is an option to `aria2c`: a folder's name must not end it.

    Raises:
        DownloadError: `downloader-failed`.
    """
    text = os.fspath(folder)
    if not text.isprintable():
        message = "The models folder has a name that `aria2c` can't be told"
        raise DownloadError(message, code="downloader-failed", hint="Leave `--downloader` out")
    return text


def _is_unfinished(file: Path) -> bool:
    """`aria2c` keeps its notes until the last byte is there."""
    return file.with_name(f"{file.name}.aria2").exists()
