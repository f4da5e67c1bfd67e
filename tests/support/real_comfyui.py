"""A real ComfyUI for scripts that ask it: a copy of its code in a folder of its own, and its server on loopback.

Its server runs without a graphics card, and keeps nothing of what it is asked between two starts.
"""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

PATIENCE_SECONDS: Final = 300
_LEFT_OUT: Final = ("models", "custom_nodes", "output", "input", "temp", "user", ".git", "tests", "tests-unit")


class DoesNotStart(Exception):
    """The server ended before it answered."""


def copied(comfyui: Path, root: Path) -> None:
    """Link the code of a ComfyUI below `root`, which may hold folders of a user already, and none of the code."""
    for folder, inner, files in os.walk(comfyui):
        here = Path(folder)
        if here == comfyui:
            inner[:] = [name for name in inner if name not in _LEFT_OUT]
        there = root / here.relative_to(comfyui)
        there.mkdir(parents=True, exist_ok=True)
        for name in files:
            os.link(here / name, there / name)


def version_of(comfyui: Path) -> str:
    """As ComfyUI itself says it."""
    said: dict[str, str] = {}
    exec((comfyui / "comfyui_version.py").read_text(encoding="utf-8"), said)  # what is run anyway
    return said["__version__"]


class Server:
    """ComfyUI's server over one copy of its code, from `__enter__`, which waits for its first answer, to `__exit__`."""

    def __init__(
        self, root: Path, python: str, options: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> None:
        port = _free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._root = root
        self._words = [python, "main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(port), *options]
        self._environ = os.environ | (environ or {})

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*self._words, "--database-url", "sqlite:///:memory:"],
            cwd=self._root,
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def get(self, *parts: str) -> Any:
        """The answer to `/part/part`."""
        with urllib.request.urlopen(self._url(parts), timeout=60) as answer:
            return json.load(answer)

    def post(self, *parts: str, value: Any) -> tuple[int, Any]:
        """Status and answer, a refusal's as well."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url(parts), json.dumps(value).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def _url(self, parts: Sequence[str]) -> str:
        return "/".join((self.address, *(quote(part, safe="") for part in parts)))

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while self._process.poll() is None:
            try:
                self.get("models")
            except urllib.error.URLError:
                if time.monotonic() > end:
                    raise SystemExit("ComfyUI neither ended nor answered") from None
                time.sleep(0.2)
            else:
                return
        raise DoesNotStart

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
