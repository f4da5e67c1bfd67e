"""What may be shown: addresses without secrets, foreign text without tricks. Used when a message is made."""

import re
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from comfyfixer.settings import Settings

_SECRET_VALUES: Final = re.compile(
    r"(?i)([?&;#](?:[^=&;#\s]*(?:token|authorization|signature|credential|secret|passw(?:or)?d|api[-_]?key"
    r"|access[-_]?key|session|key-pair-id)[^=&;#\s]*|x-amz-[^=&;#\s]*|auth|sig|key|jwt|policy|pass|pw|pwd)=)[^&;#\s]*"
)
_USER_INFO: Final = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^/?#\s@]*@")
_HARMLESS: Final = re.compile(r"[^?&;#=]*+\?download=true")
"""Hugging Face's own form of an address, by far the most frequent: looking for secrets takes ten times as long."""

_MAX_CHARACTERS: Final = 200
_SHORTEST_SECRET: Final = 8
"""What is shorter occurs by chance, and is no hub's key."""


def redact(url: str) -> str:
    """The address with `***` for each query value that looks like a key or signature, and without a user's name."""
    if "@" in url:
        url = _USER_INFO.sub(r"\1***@", url)
    if "=" not in url or _HARMLESS.fullmatch(url):
        return url
    return _SECRET_VALUES.sub(r"\1***", url)


def plain(text: str) -> str:
    """Foreign text for a message: one line, at most 200 characters, no control or direction characters, no secrets."""
    kept = "".join(sign if unicodedata.category(sign)[0] not in "CZ" else " " for sign in text[: _MAX_CHARACTERS * 4])
    line = redact(" ".join(kept.split()))
    return line if len(line) <= _MAX_CHARACTERS else line[: _MAX_CHARACTERS - 1] + "…"


class Secrets:
    """The keys of one run, to be kept out of whatever is shown or stored, however a hub writes them back.

    Handed to those who take foreign text; known forms are the key as it is, percent-encoded, and in base64 at any
    place of a longer text. Letters count in either case, as hosts come back in lower case.
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form.lower() for value in values if len(value) >= _SHORTEST_SECRET for form in _forms(value)}
        self._forms = tuple(sorted(form.encode() for form in forms))
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)

    @classmethod
    def of(cls, settings: "Settings") -> "Secrets":
        """Those that the settings hold."""
        keys = (settings.civitai_key, settings.huggingface_key)
        return cls(key.reveal() for key in keys if key is not None)

    def hidden(self, text: str) -> str:
        """The text with `***` for each of them."""
        return self._pattern.sub("***", text)

    def hidden_deep(self, value: Any) -> Any:
        """The same for a JSON-able value, names of fields included."""
        match value:
            case str():
                return self.hidden(value)
            case dict():
                return {self.hidden(str(name)): self.hidden_deep(item) for name, item in value.items()}
            case list() | tuple():
                return [self.hidden_deep(item) for item in value]
            case _:
                return value

    def are_in(self, data: bytes) -> bool:
        """Whether bytes hold one of them."""
        lowered = data.lower() if self._forms else b""
        return any(form in lowered for form in self._forms)


def _forms(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):
            text = encode(bytes(before) + value.encode()).decode()
            # The first and the last digits depend on what stands beside the key.
            yield text[(0, 2, 3)[before] : len(text) - (0, 3, 2)[(before + len(value)) % 3]]
