"""The only place that decides folders, and the one function that turns a foreign name into a path."""

import ntpath
import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from comfyfixer.errors import UnsafeName

_RESERVED_ON_WINDOWS: Final = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{device}{digit}" for device in ("COM", "LPT") for digit in "123456789\u00b9\u00b2\u00b3"}
)
_FORBIDDEN: Final = frozenset('<>:"|?*')
_MAX_PART_BYTES: Final = 240  # 255 is the usual limit; some file systems and tools take less.
_MAX_PARTS: Final = 16
_LONGEST_ON_WINDOWS: Final = 247  # 259 for a file; a folder has to leave room for a short name.
_LONGEST_BESIDE: Final = 80  # How much longer the names of the temporary files beside a target may be.
_UNLIMITED: Final = "\\\\?\\"
_UNLIMITED_SHARE: Final = "\\\\?\\UNC\\"


def inside(root: Path, foreign: str) -> Path:
    """The path below `root` that a name from a workflow or a hub stands for.

    Either kind of slash separates sub-folders. A name that works on one system only is refused on all, so that a
    result can be carried over.

    Raises:
        UnsafeName: The name would leave `root`, or is no plain file name on Linux, macOS and Windows.
    """
    parts = foreign.replace("\\", "/").split("/")
    if PurePosixPath(foreign).is_absolute() or PureWindowsPath(foreign).drive or foreign.startswith(("/", "\\")):
        raise _refused(foreign, "it is an absolute path")
    if len(parts) > _MAX_PARTS:
        raise _refused(foreign, "it has too many sub-folders")
    for part in parts:
        if reason := _unsafe_part(part):
            raise _refused(foreign, reason)
    return root.joinpath(*parts)


def _unsafe_part(part: str) -> str | None:
    """Why one part of a path can't be a file name everywhere, or None."""
    import unicodedata

    if part in ("", ".", ".."):
        return "it has an empty part, `.` or `..`"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in part):
        return "it has control, direction or broken characters"
    if not _FORBIDDEN.isdisjoint(part):
        return 'it has one of the characters < > : " | ? *'
    if part != part.strip(" ") or part.endswith("."):
        return "a part begins or ends with a space, or ends with a dot"
    if part.partition(".")[0].rstrip(" ").upper() in _RESERVED_ON_WINDOWS:
        return "it is a device name on Windows"
    if len(part.encode()) > _MAX_PART_BYTES:
        return "it is too long"
    return None


def _refused(foreign: str, reason: str) -> UnsafeName:
    shown = ascii(foreign[:80])
    return UnsafeName(
        f"The name {shown} is not used as a file name: {reason}",
        hint="Place the file by hand under a plain name, and choose it in the workflow",
    )


def unlimited(path: str, *, beside: int = 0) -> str:
    """The form in which Windows takes a path of any length, of one that is longer than it takes otherwise.

    Windows reads nothing into such a path: it has to be absolute, and to have the right slashes.

    Args:
        beside: So much longer are the paths that will be made from this one.
    """
    if len(path) + beside <= _LONGEST_ON_WINDOWS or path.startswith((_UNLIMITED, "\\\\.\\")):
        return path
    drive, rest = ntpath.splitdrive(path)
    if not drive or not rest.startswith(("/", "\\")):
        return path
    path = ntpath.normpath(path)
    return _UNLIMITED_SHARE + path[2:] if path.startswith("\\\\") else _UNLIMITED + path


def limited(path: str) -> str:
    """A path as people write it: the reverse of `unlimited`."""
    if path.startswith(_UNLIMITED_SHARE):
        return "\\\\" + path.removeprefix(_UNLIMITED_SHARE)
    return path.removeprefix(_UNLIMITED)


def with_room(path: Path) -> Path:
    """The path in a form in which it, and the temporary files beside it, can be opened on this system."""
    return Path(unlimited(os.fspath(path), beside=_LONGEST_BESIDE)) if os.name == "nt" else path


class Workdir:
    """Where a run keeps what it reads and writes: `config.json`, `status.json`, `log/`, `output/`, `.comfyfixer/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config.json"
        self.status = root / "status.json"
        self.log_dir = root / "log"
        self.output_dir = root / "output"
        self.state_dir = root / ".comfyfixer"
        self.run_lock = self.state_dir / "run.lock"
        self.run_record = self.state_dir / "run.json"
        self.node_sources = self.state_dir / "sources.msgpack"
        self.readings = self.state_dir / "readings.msgpack"
        self.contents = self.state_dir / "contents.msgpack"
        self.model_lists = self.state_dir / "lists.msgpack"
        self.answers = self.state_dir / "answers.sqlite"
        self.hashes = self.state_dir / "hashes.sqlite"
        self.relinks = self.state_dir / "relinks.jsonl"
        self.noted_lock = self.state_dir / "lock.json"
        self.choices = self.state_dir / "choices.json"
        self.scan_summary = self.state_dir / "scan.json"
        self.workflows = self.output_dir / "workflows.json"
        self.missing_models = self.output_dir / "missing_models.json"
        self.missing_nodes = self.output_dir / "missing_nodes.json"
        self.resolutions = self.output_dir / "resolutions.json"
        self.downloads = self.output_dir / "downloads.json"
        self.lock = self.output_dir / "comfyfixer.lock.json"
        self.summary = self.output_dir / "summary_report.md"


def printable(path: str | os.PathLike[str]) -> str:
    """A path as text that every output can hold: bytes that are no UTF-8 become `\\xNN`."""
    text = limited(os.fspath(path)) if os.name == "nt" else os.fspath(path)
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "backslashreplace")


def openable(shown: str) -> str:
    """The path that `printable` made `shown` of: what can be opened."""
    if os.name == "nt":
        return unlimited(shown)
    if "\\x" not in shown or os.path.lexists(shown):
        return shown
    return os.fsdecode(re.sub(rb"\\x([89a-f][0-9a-f])", lambda code: bytes([int(code[1], 16)]), os.fsencode(shown)))
