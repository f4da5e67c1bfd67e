"""Progress bars on a terminal: one for the phase, one for each running transfer."""

from typing import Any

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

from comfyfixer.model.event import Event
from comfyfixer.report.words import shown


class _Display(Progress):
    """Counts for the phase, bytes for transfers, in one table."""

    def get_renderables(self) -> Any:
        """Two tables: columns differ by what is counted."""
        phases = [task for task in self.tasks if task.fields.get("kind") == "phase"]
        files = [task for task in self.tasks if task.fields.get("kind") == "file"]
        yield self._table(phases, (self.columns[0], self.columns[1], self.columns[2]))
        yield self._table(files, (self.columns[0], self.columns[1], *self.columns[3:]))

    def _table(self, tasks: list[Any], columns: tuple[Any, ...]) -> Table:
        table = Table.grid(*(column.get_table_column().copy() for column in columns), padding=(0, 1))
        for task in tasks:
            if task.visible:
                table.add_row(*(column if isinstance(column, str) else column(task) for column in columns))
        return table


class Bars:
    """A listener that draws on stderr, and leaves nothing behind but the last phase."""

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
        self._all: TaskID | None = None
        self._hashed: dict[str, int] = {}
        self.display.start()

    def hear(self, event: Event) -> None:
        """Move a bar."""
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

    def _plan_made(self, details: dict[str, Any]) -> None:
        self.display.console.print(escape(shown(details["summary"])), highlight=False)

    def _step_needed(self, details: dict[str, Any]) -> None:
        """It stays above the bars: its page has to be found when the run is over."""
        mark = "!" if details["certain"] else "*"
        text = f"{mark} {details['files']}: {details['message']}\n    {details['url']}"
        self.display.console.print("\n".join(escape(shown(line)) for line in text.split("\n")), highlight=False)

    def _download_started(self, details: dict[str, Any]) -> None:
        name = details["filename"]
        if name not in self._files:
            self._add_file(name, name, details.get("size_bytes"))

    def _add_file(self, key: str, name: str, size_bytes: int | None) -> None:
        shown = escape(name if len(name) <= 44 else f"{name[:20]}...{name[-20:]}")
        self._files[key] = self.display.add_task(f"  {shown}", total=size_bytes, kind="file")

    def _download_progressed(self, details: dict[str, Any]) -> None:
        task = self._files.get(details["filename"])
        if task is not None:
            self.display.update(task, completed=details["bytes_done"], total=details["bytes_total"])

    def _ended(self, details: dict[str, Any]) -> None:
        task = self._files.pop(details["filename"], None)
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
