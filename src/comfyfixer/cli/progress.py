"""Progress bars on a terminal: one for the phase, one for each running transfer; above them what has to be read."""

import re
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from comfyfixer.journal.logs import sentence
from comfyfixer.model.event import Event
from comfyfixer.report.words import shown

_SAID: Final = frozenset({"plan.made", "download.waiting", "host.waiting"})
"""Said above the bars, as it is logged."""


_ADDRESS: Final = re.compile(r"https?://([^/\s]+)\S*")
"""One line has room for its host alone."""


class _Display(Progress):
    """Counts for the phase, bytes for transfers, in one table."""

    def get_renderables(self) -> Any:
        """Two tables: columns differ by what is counted."""
        phases = [task for task in self.tasks if task.fields.get("kind") == "phase"]
        files = [task for task in self.tasks if task.fields.get("kind") == "file"]
        yield self._table(phases, (self.columns[0], self.columns[1], self.columns[2]))
        yield self._table(files, (self.columns[0], self.columns[1], *self.columns[3:]))
        for task in files:
            if trouble := task.fields.get("trouble"):
                yield Text(trouble, no_wrap=True, overflow="ellipsis")

    def _table(self, tasks: list[Any], columns: tuple[Any, ...]) -> Table:
        table = Table.grid(*(column.get_table_column().copy() for column in columns), padding=(0, 1))
        for task in tasks:
            if task.visible:
                table.add_row(*(column if isinstance(column, str) else column(task) for column in columns))
        return table


class Bars:
    """A listener that draws on stderr, and leaves nothing behind but what it said above the bars."""

    def __init__(self, console: Console | None = None) -> None:
        self.display = _Display(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._phase: TaskID | None = None
        self._files: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._stood_at: dict[str, int] = {}
        self._all: TaskID | None = None
        self._hashed: dict[str, int] = {}
        self.display.start()

    def hear(self, event: Event) -> None:
        """Move a bar."""
        if event.action in _SAID:
            self._say(sentence(event))
        draw = getattr(self, "_" + event.action.replace(".", "_"), None)
        if draw:
            draw(event.details)

    def close(self) -> None:
        """Give the terminal back."""
        self.display.stop()

    def _phase_started(self, details: dict[str, Any]) -> None:
        if self._phase is not None:
            self.display.remove_task(self._phase)
        self._phase = self.display.add_task(details["phase"], total=details["total"], kind="phase")

    def _phase_progressed(self, details: dict[str, Any]) -> None:
        if self._phase is not None:
            self.display.update(self._phase, completed=details["current"], total=details["total"])

    def _say(self, *lines: str) -> None:
        """It stays above the bars, and is still there when the run is over."""
        self.display.console.print("\n".join(escape(shown(line)) for line in lines), highlight=False)

    def _step_needed(self, details: dict[str, Any]) -> None:
        mark = "!" if details["certain"] else "*"
        self._say(f"{mark} {details['files']}: {details['message']}", f"    {details['url']}")

    def _download_started(self, details: dict[str, Any]) -> None:
        name = details["filename"]
        if name not in self._files:
            self._add_file(name, name, details.get("size_bytes"))

    def _add_file(self, key: str, name: str, size_bytes: int | None) -> None:
        self._files[key] = self.display.add_task(f"  {escape(_short(name))}", total=size_bytes, kind="file")

    def _download_progressed(self, details: dict[str, Any]) -> None:
        name, done = details["filename"], details["bytes_done"]
        task = self._files.get(name)
        if task is None:
            return
        self._done[name] = done
        self.display.update(task, completed=done, total=details["bytes_total"])
        if self._stood_at.get(name, done) != done:
            del self._stood_at[name]
            self.display.update(task, trouble=None)

    def _download_retried(self, details: dict[str, Any]) -> None:
        """Below the bars, a line for each file until its bytes come again: a bar that stands still tells nothing."""
        name = details["filename"]
        if name in self._files:
            self._stood_at[name] = self._done.get(name, 0)
            why = _ADDRESS.sub(r"\1", shown(details["why"]))
            self.display.update(self._files[name], trouble=f"  {_short(name)}: attempt {details['attempt']}: {why}")

    def _ended(self, details: dict[str, Any]) -> None:
        task = self._files.pop(details["filename"], None)
        self._done.pop(details["filename"], None)
        self._stood_at.pop(details["filename"], None)
        if task is not None:
            self.display.remove_task(task)

    def _hashing_started(self, details: dict[str, Any]) -> None:
        self._hashed.clear()
        if details["files"]:
            self._all = self.display.add_task("hashing", total=details["size_bytes"], kind="file")

    def _hash_progressed(self, details: dict[str, Any]) -> None:
        """A file that takes long gets a bar of its own."""
        path, done = details["path"], details["bytes_done"]
        if path not in self._files:
            self._add_file(path, path.replace("\\", "/").rpartition("/")[2], details["bytes_total"])
        self.display.update(self._files[path], completed=done)
        self._hash_advanced(path, done)

    def _hash_finished(self, details: dict[str, Any]) -> None:
        self._hash_advanced(details["path"], details["size_bytes"])
        self._hash_failed(details)

    def _hash_failed(self, details: dict[str, Any]) -> None:
        self._hashed.pop(details["path"], None)
        task = self._files.pop(details["path"], None)
        if task is not None:
            self.display.remove_task(task)

    def _hash_advanced(self, path: str, done: int) -> None:
        if self._all is not None:
            self.display.advance(self._all, done - self._hashed.get(path, 0))
        self._hashed[path] = done

    _download_finished = _ended
    _download_failed = _ended
    _download_skipped = _ended


def _short(name: str) -> str:
    line = shown(name)
    return line if len(line) <= 44 else f"{line[:20]}...{line[-20:]}"
