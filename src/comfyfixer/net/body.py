"""An answer's bytes, read into a buffer of the reader's: new memory for each megabyte can cost more than its hash."""

import socket
import time
from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import DEFAULT_BUFFER_SIZE
from typing import Any, Final

from urllib3.util import wait_for_read

_ENOUGH: Final = 64 * 1024
_NAP_S: Final = 0.002
_MOST_INTERIM: Final = 10


class Body(HTTPResponse):
    """What the HTTP library reads an answer with."""

    length: int | None
    _failure: OSError | None = None
    _came_with_head = True

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._sock = sock
        self._pending = getattr(sock, "pending", None)  # bytes that TLS has, and the socket no more

    def begin(self) -> None:
        """Read the head; interim answers before it (102, 103) are passed over, as 100 is by the base class.

        Raises:
            HTTPException: There is no end of them.
        """
        for _ in range(_MOST_INTERIM):
            super().begin()
            if not 102 <= self.status < 200:
                return
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first one
        raise HTTPException("one interim answer after another")

    def gather(self, buffer: memoryview) -> int:
        """Fill a buffer with what is here. What comes in small pieces is given some at a time: a write for each
        packet would cost more than the hash of all of them. Not for a body in chunks.

        Returns:
            How many bytes, at least one; 0 at the end.

        Raises:
            OSError: The connection broke off, or gave nothing for as long as its time-out.
            IncompleteRead: It ended too early.
        """
        if self._failure is not None:
            raise self._failure
        if self.isclosed():
            return 0
        count = self._gathered(buffer if self.length is None else buffer[: self.length])
        if self.length is not None:
            self.length -= count
            if self.length and not count:
                raise IncompleteRead(b"", self.length)
        if not count or self.length == 0:
            self.close()
        return count

    def _gathered(self, buffer: memoryview) -> int:
        """What came before a failure is given first, then the failure."""
        count = self._first(buffer)
        has_napped = False
        while 0 < count < min(len(buffer), _ENOUGH):
            if not self._has_more():
                if has_napped:
                    break
                has_napped = True
                time.sleep(_NAP_S)
                continue
            try:
                more = self.fp.readinto1(buffer[count:])
            except OSError as error:
                self._failure = error
                break
            if not more:
                break
            count += more
        return count

    def _first(self, buffer: memoryview) -> int:
        """What came with the head is taken without waiting for more."""
        if self._came_with_head:
            self._came_with_head = False
            buffer = buffer[:DEFAULT_BUFFER_SIZE]
        count: int = self.fp.readinto1(buffer)
        return count

    def _has_more(self) -> bool:
        """Whether bytes, or the end, are here already."""
        return bool(self._pending and self._pending()) or wait_for_read(self._sock, timeout=0.0)
