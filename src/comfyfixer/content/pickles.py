"""Proof that a pickle holds only weights: its opcodes are read one by one, nothing is executed, nothing imported.

A pickle is a program. It is accepted only when every global it names is on a fixed list of tensor builders that can do
nothing but build tensors, and when it is laid out exactly as `torch.save` writes it (zip, or the older stream) or as a
plain pickle to the end of the file. "Not proven" refuses: that is no verdict about the file.
"""

import pickletools
import re
import zipfile
from pathlib import Path
from typing import IO, Final

from comfyfixer.content.pickle_stack import Doubt, Stack
from comfyfixer.content.second_opinion import dangerous_names
from comfyfixer.content.weight_globals import WEIGHT_GLOBALS
from comfyfixer.errors import DownloadError
from comfyfixer.redact import plain

_MAX_PICKLE_BYTES: Final = 64 * 1024 * 1024
_MAX_OPCODES: Final = 5_000_000
_MAX_MEMBERS: Final = 100_000
_TAR_HEADER_BYTES: Final = 512
_ZIP_END_BYTES: Final = 22  # without a comment, which `torch.save` never writes
_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_PICKLES: Final = 5  # magic number, protocol, system, object, keys of the storages; raw storages follow
_TORCH_MEMBER: Final = re.compile(
    r"[^/]+/(?:data\.pkl|data/\d+|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id)"
)
_NEVER: Final = frozenset({"EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "INST"})


def check_pickle(path: Path) -> None:
    """Pass a file that holds only weights: a `torch.save` archive or stream, or a plain pickle.

    Raises:
        DownloadError: `unsafe-file`, naming what could run.
        OSError: The file can't be read.
    """
    try:
        _prove(path)
        if names := dangerous_names(path):
            raise Doubt(f"picklescan knows {', '.join(names)} as dangerous")
    except Doubt as doubt:
        raise DownloadError(
            f"The file could run code when it is loaded: {doubt}",
            code="unsafe-file",
            hint="Choose a `.safetensors` version of this model; its weights are the same and it holds no code. "
            "If you trust its author and need this very file: `--allow-pickle NAME`",
        ) from None


def _prove(path: Path) -> None:
    """By the bytes alone, as the loaders do: a file can be a pickle and something harmless at the same time."""
    with path.open("rb") as file:
        head = file.read(_TAR_HEADER_BYTES)
        file.seek(max(0, path.stat().st_size - _ZIP_END_BYTES))
        tail = file.read(_ZIP_END_BYTES)
    if head.startswith(b"PK"):
        if not tail.startswith(b"PK\x05\x06"):
            raise Doubt("its archive has no proper end")
        _prove_archive(path)
    elif _is_tar(head):
        raise Doubt("it is a tar archive, which `torch.load` reads in its own way")
    else:
        _prove_stream(path)


def _is_tar(head: bytes) -> bool:
    """True for what `torch.load` would take for its oldest format, before it looks for pickles."""
    import tarfile

    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def _prove_archive(path: Path) -> None:
    """Exactly the members that `torch.save` writes, below one folder, each name once; its one pickle is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member.filename for member in archive.infolist()]
            _check_members(names, archive)
            pickle = next(member for member in archive.infolist() if member.filename.endswith("/data.pkl"))
            if pickle.file_size > _MAX_PICKLE_BYTES:
                raise Doubt("its pickle is too large to be read")
            with archive.open(pickle) as stream:
                scanner = _Scanner(stream)
                scanner.one_pickle()
                if scanner.rest():
                    raise Doubt("bytes follow its pickle")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise Doubt(f"its archive can't be read ({plain(str(error))})") from None


def _check_members(names: list[str], archive: zipfile.ZipFile) -> None:
    if len(names) > _MAX_MEMBERS or len({name.lower() for name in names}) != len(names):
        raise Doubt("its archive has too many members, or two of one name")
    if archive.comment or min((member.header_offset for member in archive.infolist()), default=1) != 0:
        raise Doubt("other bytes stand around its archive")
    strange = next((name for name in names if not _TORCH_MEMBER.fullmatch(name)), None)
    if strange is not None:
        raise Doubt(f"its archive holds `{plain(strange)}`, which is no part of saved weights")
    if sum(name.endswith("/data.pkl") for name in names) != 1 or len({name.split("/")[0] for name in names}) != 1:
        raise Doubt("its archive is not laid out as saved weights are")


def _prove_stream(path: Path) -> None:
    """The older `torch.save` stream, or pickles one behind the other to the end of the file."""
    with path.open("rb") as file:
        scanner = _Scanner(file)
        scanner.one_pickle()
        if scanner.first_number == _LEGACY_MAGIC:
            for _ in range(_LEGACY_PICKLES - 1):
                scanner.one_pickle()
            return
        while scanner.rest():
            scanner.one_pickle()


class _Bounded:
    """A stream that gives out only so many bytes in all: a pickle may claim a string of any length."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = _MAX_PICKLE_BYTES
        self._ahead = b""

    def read(self, count: int) -> bytes:
        self._spend(count)
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken + self._file.read(count - len(taken))

    def readline(self) -> bytes:
        line = self._file.readline(self._left + 1) if self._ahead != b"\n" else b""
        line, self._ahead = self._ahead + line, b""
        self._spend(len(line))
        return line

    def rest(self) -> bool:
        self._ahead = self._ahead or self._file.read(1)
        return bool(self._ahead)

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Doubt("its pickle is too large to be read")


class _Scanner:
    """Follows the opcodes of the pickles in one stream.

    Attributes:
        first_number: The first whole number, by which the older format is known.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._stream = _Bounded(file)
        self._opcodes = 0
        self.first_number: int | None = None

    def rest(self) -> bool:
        """True where bytes are left."""
        return self._stream.rest()

    def one_pickle(self) -> None:
        """Read to the next STOP."""
        stack = Stack()
        try:
            for opcode, argument, _ in pickletools.genops(self._stream):  # type: ignore[arg-type]
                self._opcodes += 1
                if self._opcodes > _MAX_OPCODES:
                    raise Doubt("its pickle has too many steps")
                self._step(opcode, argument, stack)
        except Doubt:
            raise
        except Exception as error:  # noqa: BLE001  # pickletools raises many kinds on hostile bytes; all of them refuse
            raise Doubt(f"it is no pickle that can be read ({plain(str(error))})") from None

    def _step(self, opcode: pickletools.OpcodeInfo, argument: object, stack: Stack) -> None:
        name = opcode.name
        if name in _NEVER:
            raise Doubt(f"its pickle uses the opcode `{name}`")
        if self.first_number is None and name in ("LONG1", "LONG", "LONG4") and isinstance(argument, int):
            self.first_number = argument
        if named := stack.step(opcode, argument):
            _check_global(named.module, named.name)


def _check_global(module: str, name: str = "") -> None:
    if name not in WEIGHT_GLOBALS.get(module, ()):
        raise Doubt(f"it names `{plain(f'{module}.{name}')}`, which is not on the list of what weights need")
