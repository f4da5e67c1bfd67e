"""The two logs of a run: the first plan's lines for people, JSON lines for agents."""

from pathlib import Path
from typing import IO

import msgspec

from comfyfixer.model.event import EVENTS, Event
from comfyfixer.sizes import size_text


def log_line(event: Event) -> str:
    """`2025-10-12 14:30:00 [INFO] resolver: message`, local time, always one line."""
    kind = EVENTS[event.action]
    moment = event.timestamp[:19].replace("T", " ")
    return f"{moment} [{kind.level}] {kind.component}: {sentence(event)}"


def sentence(event: Event) -> str:
    """The event for a person, always one line. A file that the sentence names is not named before it too."""
    told = _one_line(EVENTS[event.action].message.format_map(_Shown(event.details)))
    name = _one_line(f"`{event.details.get('filename')}`")
    return told.removeprefix(f"{name}: ") if told.count(name) > 1 else told


class _Shown(dict[str, object]):
    """An event's details for its message: a size in its unit, what is unknown as such."""

    def __getitem__(self, key: str) -> object:
        value = super().get(key)
        if key in ("size_bytes", "bytes_done"):
            return size_text(value) if isinstance(value, int) else "an unknown size"
        return "unknown" if value is None and key == "status" else "" if value is None else value


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
