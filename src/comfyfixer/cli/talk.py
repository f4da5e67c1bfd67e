"""Listeners that say events on stderr as lines."""

from typing import Final

from comfyfixer.cli.envelope import talk
from comfyfixer.errors import WARNINGS
from comfyfixer.journal.logs import log_line, sentence
from comfyfixer.model.event import EVENTS, Event

_MAIN: Final = frozenset(
    {
        "installation.found",
        "phase.started",
        "host.waiting",
        "store.linked",
        "download.waiting",
        "plan.made",
        "step.needed",
        "download.started",
        "download.set-aside",
        "download.finished",
        "download.failed",
        "hashing.started",
    }
)


class EveryEvent:
    """`--verbose`: the log, as it is written."""

    def hear(self, event: Event) -> None:
        """Say it."""
        if EVENTS[event.action].logged:
            talk(log_line(event))

    def close(self) -> None:
        """Nothing is held back."""


class Warnings:
    """What leaves nothing outstanding, and should be seen while something can be done about it."""

    def hear(self, event: Event) -> None:
        """Say it if it is a warning."""
        if event.action == "problem.found" and event.details["code"] in WARNINGS:
            talk(f"warning: {event.details['message']} [{event.details['code']}]")

    def close(self) -> None:
        """Nothing is held back."""


class MainEvents:
    """Where no terminal draws bars: one line for what takes time."""

    def hear(self, event: Event) -> None:
        """Say it if it is a main event; the log line without its time stamp and level."""
        if event.action in _MAIN:
            talk(f"{EVENTS[event.action].component}: {sentence(event)}")

    def close(self) -> None:
        """Nothing is held back."""
