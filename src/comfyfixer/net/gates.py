"""The gates to all hosts of a run, made when a host is asked for the first time."""

import threading
from typing import Final

from comfyfixer.model.event import Emit
from comfyfixer.net.hosts import CIVITAI_HOSTS, HUGGINGFACE_HOSTS
from comfyfixer.net.limits import Clock, Gate, Pace, Sleep
from comfyfixer.net.url import Url

# Civitai publishes no limit. Hugging Face takes 500 API requests in 5 minutes without a key, 1000 with one.
_CIVITAI: Final = Pace(40, 10.0)
_HUGGINGFACE: Final = Pace(400, 500 / 300)
_HUGGINGFACE_WITH_KEY: Final = Pace(800, 1000 / 300)


class Gates:
    """One gate a host for questions, another for files: hubs count them apart. Thread-safe."""

    def __init__(self, emit: Emit, *, clock: Clock, sleep: Sleep, has_huggingface_key: bool) -> None:
        self._emit = emit
        self._clock = clock
        self._sleep = sleep
        self._huggingface = _HUGGINGFACE_WITH_KEY if has_huggingface_key else _HUGGINGFACE
        self._lock = threading.Lock()
        self._gates: dict[tuple[str, tuple[str, str, int]], Gate] = {}

    def for_questions(self, url: Url) -> Gate:
        """The gate of `get` and `post`: at most four at once, at the hub's pace."""
        return self._gate("questions", url, self._pace(url))

    def for_files(self, url: Url) -> Gate:
        """The gate of transfers: it only obeys what the host itself asks for."""
        return self._gate("files", url, None)

    def _gate(self, kind: str, url: Url, pace: Pace | None) -> Gate:
        with self._lock:
            key = (kind, url.origin)
            if key not in self._gates:
                self._gates[key] = Gate(
                    url.shown_host, pace=pace, emit=self._emit, clock=self._clock, sleep=self._sleep
                )
            return self._gates[key]

    def _pace(self, url: Url) -> Pace | None:
        if url.host in CIVITAI_HOSTS:
            return _CIVITAI
        return self._huggingface if url.host in HUGGINGFACE_HOSTS else None
