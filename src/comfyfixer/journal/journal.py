"""The event stream of one run."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from comfyfixer.model.event import EVENTS, Event


class Listener(Protocol):
    """Hears every event, in order, one at a time; must be quick. Closed once, at the end."""

    def hear(self, event: Event) -> None:
        """Take one event."""
        ...

    def close(self) -> None:
        """Write what is still held back."""
        ...


class Journal:
    """Hands each event to each listener; safe to use from several threads.

    A listener that fails is dropped and the others are told: a full disk under `log/` never stops a download.
    """

    def __init__(
        self,
        run_id: str,
        listeners: Iterable[Listener],
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self.run_id = run_id
        self._listeners = list(listeners)
        self._now = now
        self._lock = threading.Lock()

    def emit(self, action: str, **details: Any) -> None:
        """Tell that something happened.

        Args:
            action: A key of `EVENTS`; anything else is a bug and raises `KeyError`.
            details: JSON-able values without a secret.
        """
        EVENTS[action]
        with self._lock:
            self._tell(self._event(action, details))

    def _event(self, action: str, details: dict[str, Any]) -> Event:
        timestamp = self._now().isoformat(timespec="milliseconds")
        return Event(timestamp=timestamp, run_id=self.run_id, action=action, details=details)

    def _tell(self, event: Event) -> None:
        broken: list[tuple[Listener, str]] = []
        for listener in self._listeners:
            try:
                listener.hear(event)
            except Exception as error:  # noqa: BLE001  # whatever a listener does wrong, the work goes on
                broken.append((listener, str(error)))
        for listener, _ in broken:
            self._listeners.remove(listener)
        for listener, why in broken:
            message = f"{type(listener).__name__} stopped: {why}"
            details = {"code": "workdir-unwritable", "message": message, "hint": None, "where": None}
            self._tell(self._event("problem.found", details))

    def close(self) -> None:
        """Close every listener."""
        with self._lock:
            for listener in self._listeners:
                listener.close()
            self._listeners.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
