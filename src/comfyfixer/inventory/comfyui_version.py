"""Which ComfyUI is installed, from its source."""

import re
from pathlib import Path
from typing import Final

_VERSION: Final = re.compile(r'^(?:__version__|version)\s*=\s*["\'](\d{1,6}(?:\.\d{1,6}){1,3})', re.MULTILINE)
_FILES: Final = ("comfyui_version.py", "pyproject.toml")
_MAX_CHARACTERS: Final = 8192


def comfyui_version(code_dir: str | None) -> str | None:
    """`0.33.0`, from the file that its releases write, else from its project file; None where neither tells."""
    for name in _FILES if code_dir else ():
        try:
            text = Path(code_dir or "", name).read_bytes()[:_MAX_CHARACTERS].decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        if found := _VERSION.search(text):
            return found[1]
    return None
