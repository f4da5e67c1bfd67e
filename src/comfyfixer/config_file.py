"""The configuration file: a JSON object whose text may name variables, and whose keys may be misspelled."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from comfyfixer.errors import UsageError

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_COMMENTS: Final = ("_", "$", "/", "#")
"""JSON has no comments: keys that begin so are taken for one."""
_ALIKE: Final = 0.7


class Unset(Exception):
    """A `${NAME}` in the configuration whose variable is not set: as if the key were not there."""


def read_config(file: Path, *, must_exist: bool) -> dict[str, Any] | None:
    """The configuration's content, None where there is none."""
    hint = "Mend the file, or name another with `--config FILE`"
    try:
        document = msgspec.json.decode(file.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except FileNotFoundError as error:
        if not must_exist:
            return None
        raise UsageError(f"`{file}` does not exist", code="config-unreadable", hint=hint) from error
    except (OSError, RecursionError, UnicodeError) as error:
        raise UsageError(f"`{file}` can't be read: {error}", code="config-unreadable", hint=hint) from error
    except msgspec.DecodeError as error:
        raise UsageError(f"`{file}` is no valid JSON: {error}", code="config-unreadable", hint=hint) from error
    if not isinstance(document, dict):
        raise UsageError(f"`{file}` holds no JSON object", code="config-unreadable", hint=hint)
    return document


def expanded(value: Any, environ: Mapping[str, str]) -> Any:
    """`${NAME}` replaced in text, and in lists and objects of text.

    Raises:
        Unset: A variable is not set.
    """
    if isinstance(value, list):
        return [expanded(item, environ) for item in value]
    if isinstance(value, dict):
        return {name: expanded(item, environ) for name, item in value.items()}
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if not environ.get(match[1]):
            raise Unset(match[1])
        return environ[match[1]]

    return _VARIABLE.sub(variable, value) or None


def unknown_keys(document: Mapping[str, Any], known: Collection[str]) -> Iterator[tuple[str, str | None]]:
    """Dotted keys that are no setting, each with the one that is probably meant.

    Args:
        known: Dotted names of all settings; what a setting's own object holds is not looked at.
    """
    groups = {key.partition(".")[0] for key in known if "." in key}
    for key in _keys(document, groups):
        if key not in known and key not in groups and not key.rpartition(".")[2].startswith(_COMMENTS):
            yield key, _meant(key, [*known, *groups])


def _keys(document: Mapping[str, Any], groups: Collection[str]) -> Iterator[str]:
    for name, value in document.items():
        if name in groups and isinstance(value, dict):
            yield from (f"{name}.{part}" for part in value)
        else:
            yield name


def _meant(key: str, known: Collection[str]) -> str | None:
    """A key of the same group first; then one that has its name elsewhere."""
    import difflib

    group, _, name = key.rpartition(".")
    siblings = {other.rpartition(".")[2]: other for other in known if other.rpartition(".")[0] == group}
    others = {other.rpartition(".")[2]: other for other in known}
    for places in (siblings, others):
        if near := difflib.get_close_matches(name, places, n=1, cutoff=_ALIKE):
            return places[near[0]]
    return None
