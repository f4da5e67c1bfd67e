"""Keys that the system's keyring keeps, for those who want none in a variable or a file.

`keyring set comfyfixer CIVITAI_API_KEY` and `keyring set comfyfixer HF_TOKEN` store them. The package `keyring` is used
where it is installed (extra `keyring`), asked at the first client of a process, and given up after a few seconds: a
locked keyring may wait for a person at a screen who is not there.
"""

import importlib
import importlib.util
import threading
from typing import Final

import msgspec

from comfyfixer.model.secret import Secret
from comfyfixer.settings import Settings

SERVICE: Final = "comfyfixer"
_PATIENCE_S: Final = 4.0
_NAMES: Final = {
    "api_keys.civitai": ("civitai_key", "CIVITAI_API_KEY"),
    "api_keys.huggingface": ("huggingface_key", "HF_TOKEN"),
}
_known: dict[str, Secret | None] = {}
_lock: Final = threading.Lock()


def with_stored_keys(settings: Settings) -> Settings:
    """The settings, with the keyring's keys for hubs that nothing else has a key for, and their origins."""
    wanted = {key: names for key, names in _NAMES.items() if getattr(settings, names[0]) is None}
    if not wanted or not settings.use_keyring or importlib.util.find_spec("keyring") is None:
        return settings
    found = {key: secret for key, (_, name) in wanted.items() if (secret := _stored(name))}
    fields = {_NAMES[key][0]: secret for key, secret in found.items()}
    origins = {key: f"keyring, service {SERVICE}, user {_NAMES[key][1]}" for key in found}
    return msgspec.structs.replace(settings, **fields, origins={**settings.origins, **origins})


def _stored(name: str) -> Secret | None:
    """Asked once in a process; after one that kept silent no other is asked."""
    with _lock:
        if name not in _known:
            answers = _asked(tuple(wanted for _, wanted in _NAMES.values()))
            _known.update(answers)
        return _known[name]


def _asked(names: tuple[str, ...]) -> dict[str, Secret | None]:
    """What the keyring says within the time it has; whatever is wrong with it is no key."""
    found: dict[str, Secret | None] = dict.fromkeys(names)

    def ask() -> None:
        try:
            keyring = importlib.import_module("keyring")
            for name in names:
                text = (keyring.get_password(SERVICE, name) or "").strip()
                found[name] = Secret(text) if text.isascii() and text.isprintable() and " " not in text else None
        except Exception:  # noqa: BLE001  # every backend raises its own
            return

    asking = threading.Thread(target=ask, name="keyring", daemon=True)
    asking.start()
    asking.join(_PATIENCE_S)
    return {name: secret if secret and secret.reveal() else None for name, secret in dict(found).items()}
