"""ComfyUI's own frontend in a browser without a window: what it would send to be run for each saved workflow."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.real_comfyui import Server

BROWSERS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_SCRIPT: Final = Path(__file__).with_name("frontend_prompts.js")
_PACK: Final = '''"""Sends its script along with the frontend; what was found valid is not run."""

from server import PromptServer

NODE_CLASS_MAPPINGS = {}
WEB_DIRECTORY = "web"
PromptServer.instance.prompt_queue.put = lambda item: None
'''
_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--window-size=1600,1000",
    "--remote-debugging-port=0",  # else it prints the page and ends
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing leaves this machine
)
_SILENCE_SECONDS: Final = 120


def browser() -> str:
    """Path of an installed one."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit(f"no browser is installed; one of {', '.join(BROWSERS)} is needed")
    return found


def install(root: Path, names: Sequence[str]) -> None:
    """Prepare a ComfyUI, before its start, for the question what is sent for these saved UI workflows."""
    pack = root / "custom_nodes" / "asked_prompts"
    (pack / "web").mkdir(parents=True)
    (pack / "__init__.py").write_text(_PACK, encoding="utf-8")
    shutil.copy(_SCRIPT, pack / "web" / "prompts.js")
    (root / "user" / "default" / "asked.json").write_text(json.dumps(list(names)), encoding="utf-8")


def prompts(server: Server, root: Path, names: Sequence[str]) -> dict[str, Any]:
    """What the frontend makes of each: `prompt` in the API form, or the `error` that stopped it."""
    folder = root / "user" / "default" / "prompts"
    with tempfile.TemporaryDirectory(prefix="browser-") as profile:
        window = subprocess.Popen(
            [browser(), *_OPTIONS, f"--user-data-dir={profile}", server.address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(folder)
        finally:
            window.terminate()
            window.wait()
    return {name: json.loads((folder / name).read_bytes()) for name in names}


def _wait(folder: Path) -> None:
    """Until the last one is written; it is over as well where none comes for long."""
    known, since = -1, time.monotonic()
    while not (folder / ".done").exists():
        count = sum(1 for _ in folder.rglob("*.json"))
        if count != known:
            known, since = count, time.monotonic()
        if time.monotonic() - since > _SILENCE_SECONDS:
            raise SystemExit(f"the frontend stopped after {count} workflows")
        time.sleep(0.2)
