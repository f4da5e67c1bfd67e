"""Between which hours files are fetched: a pure look at the clock, and the wait for the hour."""

import time
from datetime import datetime, timedelta
from typing import Final

from comfyfixer.pipeline.session import Session

_LOOK_EVERY_S: Final = 0.2
_DAY: Final = timedelta(days=1)


class Hours:
    """A stretch of each day, in local time; one that ends before it begins reaches over midnight.

    Args:
        window: Minutes of the day, None: always open.
    """

    def __init__(self, window: tuple[int, int] | None) -> None:
        self._window = window

    def opens(self, now: datetime) -> datetime | None:
        """When it opens next; None while it is open."""
        if self.closes(now) is not None or self._window is None:
            return None
        begin = _at(now, self._window[0])
        return begin if begin > now else begin + _DAY

    def closes(self, now: datetime) -> datetime | None:
        """When it closes; None while it is closed, or never."""
        if self._window is None:
            return None
        for day in (now - _DAY, now):
            begin, end = _at(day, self._window[0]), _at(day, self._window[1])
            end += _DAY if end <= begin else timedelta()
            if begin <= now < end:
                return end
        return None

    def __str__(self) -> str:
        begin, end = self._window or (0, 0)
        return f"between {begin // 60:02}:{begin % 60:02} and {end // 60:02}:{end % 60:02}"


def wait_until_open(session: Session, hours: Hours) -> float:
    """Wait with a word while it is closed; gives the moment when it closes, in seconds since 1970.

    Raises:
        Interrupted: The user stopped.
    """
    opens = hours.opens(datetime.now().astimezone())
    if opens is not None:
        session.emit("download.waiting", until=f"{opens:%H:%M}", hours=str(hours))
    while hours.opens(datetime.now().astimezone()) is not None:
        session.check_stop()
        time.sleep(_LOOK_EVERY_S)
    closes = hours.closes(datetime.now().astimezone())
    return closes.timestamp() if closes else float("inf")


def _at(day: datetime, minute: int) -> datetime:
    return day.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
