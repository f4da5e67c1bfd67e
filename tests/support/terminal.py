"""A command at a pseudo-terminal of a chosen size."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PATIENCE_S = 60.0


def resize(terminal: int, columns: int, rows: int = 24) -> None:
    """The window gets another size."""
    import termios

    termios.tcsetwinsize(terminal, (rows, columns))


def at_terminal(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    columns: int = 80,
    said: Callable[[int, "subprocess.Popen[bytes]", str], None] = lambda _terminal, _process, _text: None,
) -> tuple[str, int]:
    """All that a command wrote, stdout and stderr, and its exit code.

    Args:
        said: Called whenever something was written, with the terminal, the process and all that was written so far.
    """
    import pty

    ours, theirs = pty.openpty()
    resize(ours, columns)
    process = subprocess.Popen(
        words, cwd=folder, env={**environment, "TERM": "xterm-256color"}, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    try:
        while more := _read(ours):
            written += more
            said(ours, process, written.decode("utf-8", "replace"))
        process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return written.decode("utf-8", "replace").replace("\r\n", "\n"), process.returncode


def _read(terminal: int) -> bytes:
    """Empty when the other end is closed."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
