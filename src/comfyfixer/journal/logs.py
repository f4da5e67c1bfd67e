"""The two logs of a run: the first plan's lines for people, JSON lines for agents."""

from pathlib import Path
from typing import IO

import msgspec

from comfyfixer.model.event import EVENTS, Event


def log_line(event: Event) -> str:
    """`2025-10-12 14:30:00 [INFO] resolver: message`, local time, always one line."""
    kind = EVENTS[event.action]
    moment = event.timestamp[:19].replace("T", " ")
    message = kind.message.format_map(_Shown(event.details))
    return f"{moment} [{kind.level}] {kind.component}: {_one_line(message)}"


class _Shown(dict[str, object]):
    """An event's details for its message: what is unknown is shown as such."""

    def __getitem__(self, key: str) -> object:
        value = super().get(key)
        return "unknown" if value is None and key in ("size_bytes", "status") else "" if value is None else value


def _one_line(text: str) -> str:
    """Foreign names may hold line breaks; a log line may not."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text).strip()


class TextLog:
    """`log/<command>_YYYYMMDD_HHMMSS.log`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a", encoding="utf-8", errors="backslashreplace")

    def hear(self, event: Event) -> None:
        """Add one line, at once: a killed run has its last words on disk."""
        if EVENTS[event.action].logged:
            self._file.write(log_line(event) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class JsonLog:
    """The same events as `.jsonl`: `{"timestamp", "run_id", "action", "details"}`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("ab")

    def hear(self, event: Event) -> None:
        """Add one line, at once."""
        if EVENTS[event.action].logged:
            self._file.write(msgspec.json.encode(event) + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
