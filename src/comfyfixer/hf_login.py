"""The token that `hf auth login` stored, as `huggingface_hub` finds it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from comfyfixer import setting_values as values
from comfyfixer.model.secret import Secret

_MAX_TOKEN: Final = 4096


def login(environ: Mapping[str, str], origin: str) -> tuple[Secret | None, str]:
    """The token and its origin; where there is none, the `origin` that is known."""
    file = _file(environ)
    try:
        text = file.read_bytes()[:_MAX_TOKEN].decode().strip() if file else ""
        return (values.secret(text), f"login of `hf` in {file}") if text else (None, origin)
    except FileNotFoundError:
        return None, origin
    except (OSError, ValueError) as error:
        return None, f"{origin} (the login in {file} can't be used: {error})"


def _file(environ: Mapping[str, str]) -> Path | None:
    """Where `huggingface_hub` keeps it; None where it is told not to use it, or there is no home."""
    if environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in ("1", "ON", "YES", "TRUE"):
        return None
    if named := environ.get("HF_TOKEN_PATH"):
        return Path(os.path.expanduser(named))
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if named := environ.get("HF_HOME"):
        return Path(os.path.expanduser(named), "token")
    cache = environ.get("XDG_CACHE_HOME") or (os.path.join(home, ".cache") if home else "")
    return Path(cache, "huggingface", "token") if cache else None
