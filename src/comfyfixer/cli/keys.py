"""Single keys from a terminal, as they are pressed: nothing echoes, nothing waits for Enter."""

import codecs
import contextlib
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

ReadKey = Callable[[], str]
"""Gives the next key: a sign, or what an arrow key sends. Ctrl-C and the end of input give `\\x03`."""
_ONE_KEY: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|.", re.DOTALL)
_INTERRUPT: Final = "\x03"

if sys.platform == "win32":
    import msvcrt

    @contextlib.contextmanager
    def keys() -> Iterator[ReadKey]:
        """While the body runs, keys can be read one by one."""

        def read() -> str:
            try:
                sign = msvcrt.getwch()
                return sign + msvcrt.getwch() if sign in ("\x00", "\xe0") else sign
            except KeyboardInterrupt:
                return _INTERRUPT

        yield read

else:
    import termios
    import tty

    @contextlib.contextmanager
    def keys() -> Iterator[ReadKey]:
        """While the body runs, keys can be read one by one."""
        source = sys.stdin.fileno()
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        waiting: deque[str] = deque()

        def read() -> str:
            try:
                while not waiting:
                    data = os.read(source, 1024)
                    waiting.extend(_ONE_KEY.findall(decoder.decode(data)) if data else (_INTERRUPT,))
            except KeyboardInterrupt:
                return _INTERRUPT
            return waiting.popleft()

        before = termios.tcgetattr(source)
        try:
            tty.setcbreak(source)
            yield read
        finally:
            termios.tcsetattr(source, termios.TCSADRAIN, before)
