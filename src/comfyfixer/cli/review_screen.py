"""One file a screen: keys in, choices out. Each choice is written when it is made, so that leaving loses nothing."""

import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from comfyfixer.cli.keys import ReadKey, keys
from comfyfixer.errors import ComfyFixerError
from comfyfixer.model.choice import ReviewItem
from comfyfixer.pipeline.choose import SKIP, choose, forget
from comfyfixer.pipeline.review import review
from comfyfixer.pipeline.session import Session
from comfyfixer.report.review import Place, Styled, screen
from comfyfixer.report.words import plural

_STYLES: Final = {
    "title": "bold",
    "picked": "bold",
    "good": "green",
    "bad": "yellow",
    "dim": "dim",
    "said": "cyan",
}
_UP: Final = frozenset({"\x1b[A", "\x1bOA", "\xe0H", "\x00H", "k"})
_DOWN: Final = frozenset({"\x1b[B", "\x1bOB", "\xe0P", "\x00P", "j"})
_NEXT: Final = frozenset({"\x1b[C", "\x1bOC", "\xe0M", "\x00M", "n", " ", "\t"})
_RUBOUT: Final = frozenset({"\x7f", "\x08"})
_BACK: Final = frozenset({"\x1b[D", "\x1bOD", "\xe0K", "\x00K", "b", "p"}) | _RUBOUT
_ENTER: Final = frozenset({"\r", "\n"})
_LEAVE: Final = frozenset({"\x1b", "\x03", "\x04"})
_QUIT: Final = _LEAVE | {"q", "Q"}


class Screens:
    """The files one after the other, back and forth, until the last one is done or the person leaves."""

    def __init__(self, session: Session, items: Sequence[ReviewItem]) -> None:
        self._session = session
        self._items = list(items)
        self._at = 0
        self._picked = _first_pick(self._items[0])
        self._said = ""
        self._done: Counter[str] = Counter()
        self._console = Console(highlight=False)
        self._display: Any = None
        self._key: ReadKey = str

    def shown(self) -> list[str]:
        """Ask until it is over; gives the lines that say what was done."""
        with (
            keys() as self._key,
            self._console.screen(hide_cursor=True) as self._display,
            _on_resize(self._draw),
        ):
            while self._at < len(self._items):
                self._draw()
                key = self._key()
                if key in _QUIT:
                    break
                self._press(key)
        return list(self._told())

    def _draw(self) -> None:
        width, height = self._console.size
        place = Place(self._at + 1, len(self._items), self._picked, self._said)
        text = Text("\n", no_wrap=True, overflow="crop", end="").join(
            _text(line) for line in screen(self._items[self._at], place, width - 1, height)
        )
        self._display.update(text)

    def _press(self, key: str) -> None:
        count = len(self._items[self._at].candidates)
        self._said = ""
        if key in _UP:
            self._picked = max(0, self._picked - 1)
        elif key in _DOWN:
            self._picked = max(0, min(count - 1, self._picked + 1))
        elif key.isdigit() and key.isascii() and 0 < int(key) <= count:
            self._picked = int(key) - 1
        elif key in _NEXT:
            self._go(1)
        elif key in _BACK:
            self._go(-1)
        else:
            self._act(key, count)

    def _act(self, key: str, count: int) -> None:
        if key in _ENTER and count:
            self._chosen(str(self._picked + 1))
        elif key in ("s", "S"):
            self._chosen(SKIP)
        elif key in ("f", "F"):
            self._forgotten()
        elif key in ("o", "O") and count:
            self._open_page()

    def _chosen(self, what: str) -> None:
        """Take a candidate, or leave the file out; then the next one."""
        item = self._items[self._at]
        into = self._asked_folder(item) if what != SKIP else None
        if into == "":
            return
        try:
            choose(self._session, item.name, what, into=into)
        except ComfyFixerError as error:
            self._said = ". ".join(part for part in (error.message, error.hint) if part)
            return
        self._done["left out" if what == SKIP else "chosen"] += 1
        self._refreshed()
        self._go(1)

    def _asked_folder(self, item: ReviewItem) -> str | None:
        """The models folder, typed, where nothing tells it; None where it is known, empty where none was typed."""
        candidate = item.candidates[self._picked]
        if item.folder or candidate.source == "local" or len(candidate.folders) == 1:
            return None
        return self._typed("No workflow tells its models folder. Type it (loras, vae ...), Esc goes back: ")

    def _typed(self, question: str) -> str:
        """A word typed below the candidates; empty where the person went back."""
        word = ""
        while True:
            self._said = f"{question}{word}_"
            self._draw()
            key = self._key()
            if key in _ENTER or key in _LEAVE:
                self._said = ""
                return word if key in _ENTER else ""
            if key in _RUBOUT:
                word = word[:-1]
            elif key.isprintable() and not key.isspace():
                word += key

    def _forgotten(self) -> None:
        item = self._items[self._at]
        if item.chosen_on is None:
            self._said = "Nothing is chosen for it"
            return
        try:
            forget(self._session, item.name)
        except ComfyFixerError as error:
            self._said = error.message
            return
        self._done["forgotten"] += 1
        self._refreshed()
        self._said = "Forgotten"

    def _open_page(self) -> None:
        import webbrowser

        address = self._items[self._at].candidates[self._picked].page_url
        opened = address is not None and address.startswith(("http://", "https://")) and webbrowser.open(address)
        self._said = "Opened in your browser" if opened else "No browser could be opened; the address stands above"

    def _refreshed(self) -> None:
        """The file as it is now, in the list's place."""
        name = self._items[self._at].name
        self._items[self._at] = next(iter(review(self._session, [name]).items), self._items[self._at])

    def _go(self, step: int) -> None:
        self._at = max(0, self._at + step)
        if self._at < len(self._items):
            self._picked = _first_pick(self._items[self._at])

    def _told(self) -> Iterator[str]:
        done = ", ".join(f"{count} {what}" for what, count in self._done.items()) or "Nothing changed"
        left = review(self._session).waiting
        yield f"{done}; {plural(left, 'file still waits', 'files still wait')} for a choice." if left else f"{done}."
        if self._done["chosen"]:
            yield "`comfyfixer download` fetches what you chose, and verifies it."


def _first_pick(item: ReviewItem) -> int:
    """The chosen candidate, else the best one."""
    return next((index for index, one in enumerate(item.candidates) if one.id == item.chosen), 0)


def _text(line: Styled) -> Text:
    style = _STYLES.get(line.style, "")
    return Text(line.text, style=f"{style} link {line.link}".strip() if line.link else style)


@contextlib.contextmanager
def _on_resize(draw: Callable[[], None]) -> Iterator[None]:
    """Draw anew when the window's size changes, where the system tells."""
    number = getattr(signal, "SIGWINCH", None)
    if number is None:
        yield
        return
    before = signal.signal(number, lambda *_: draw())
    try:
        yield
    finally:
        signal.signal(number, before)
