"""What may be shown: addresses without secrets, foreign text without tricks. Used when a message is made."""

import re
import unicodedata
from typing import Final

_SECRET_VALUES: Final = re.compile(
    r"(?i)([?&;](?:[^=&;#\s]*(?:token|authorization|signature|credential|secret|passw(?:or)?d|api[-_]?key|key-pair-id)"
    r"[^=&;#\s]*|x-amz-[^=&;#\s]*|auth|sig|key|jwt|policy)=)[^&;#\s]*"
)
_USER_INFO: Final = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^/?#\s@]*@")
_MAX_CHARACTERS: Final = 200


def redact(url: str) -> str:
    """The address with `***` for each query value that looks like a key or signature, and without a user's name."""
    if "=" not in url and "@" not in url:
        return url
    return _SECRET_VALUES.sub(r"\1***", _USER_INFO.sub(r"\1***@", url))


def plain(text: str) -> str:
    """Foreign text for a message: one line, at most 200 characters, no control or direction characters, no secrets."""
    kept = "".join(sign if unicodedata.category(sign)[0] not in "CZ" else " " for sign in text[: _MAX_CHARACTERS * 4])
    line = redact(" ".join(kept.split()))
    return line if len(line) <= _MAX_CHARACTERS else line[: _MAX_CHARACTERS - 1] + "…"
