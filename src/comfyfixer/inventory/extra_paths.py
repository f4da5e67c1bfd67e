"""`extra_model_paths.yaml`, read by every rule of ComfyUI's `utils/extra_config.py`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from comfyfixer.errors import InventoryError
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.model.problem import Problem
from comfyfixer.paths import printable

_MAX_BYTES: Final = 1 << 20
_MAX_DEPTH: Final = 20
_MAX_ALIASES: Final = 200
_HINT: Final = "Compare it with `extra_model_paths.yaml.example` beside ComfyUI's `main.py`"


def add_extra_paths(table: FolderTable, file: Path) -> Iterator[Problem]:
    """Add the roots that one YAML file names, and tell what in it can't be used; the rest of it counts.

    ComfyUI itself stops at the first such fault, so each is worth telling.
    """
    try:
        config = _load(file)
    except InventoryError as error:
        yield Problem.of(error, where=printable(file))
        return
    for group, entries in config.items():
        if entries is None:
            continue
        if not isinstance(entries, dict):
            yield _fault(file, f"the group `{_short(group)}` is no mapping of folder names to paths")
            continue
        yield from _add_group(table, file, dict(entries))


def _add_group(table: FolderTable, file: Path, entries: dict[Any, Any]) -> Iterator[Problem]:
    base = entries.pop("base_path", "")
    if not isinstance(base, str):
        yield _fault(file, f"`base_path` is `{_short(base)}` and not a path")
        return
    first = bool(entries.pop("is_default", False))
    root = _base_path(file, base)
    for name, paths in entries.items():
        if not isinstance(paths, str):
            yield _fault(file, f"`{_short(name)}` is `{_short(paths)}` and not a path")
            continue
        for line in paths.split("\n"):
            if line:
                table.add(str(name), os.path.normpath(os.path.join(root, line)), first=first)


def _base_path(file: Path, base: str) -> str:
    """Where the paths of a group start: variables and `~` count in `base_path` alone."""
    folder = os.path.dirname(os.path.abspath(file))
    return os.path.abspath(os.path.join(folder, os.path.expandvars(os.path.expanduser(base)))) if base else folder


def _load(file: Path) -> dict[Any, Any]:
    """The file's mapping of groups.

    Raises:
        InventoryError: `yaml-invalid`.
    """
    import yaml

    try:
        if file.stat().st_size > _MAX_BYTES:
            raise _error(file, "it is larger than any real one")
        text = file.read_bytes().decode("utf-8")
        _refuse_bombs(file, text)
        config = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # safe loaders
    except OSError as error:
        raise _error(file, error.strerror or str(error)) from error
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _error(file, f"{error.problem or 'it is no YAML'}{line}") from error
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, AttributeError, RecursionError) as error:
        raise _error(file, f"it is no YAML: {_short(error)}") from error
    if not isinstance(config, dict):
        raise _error(file, "it holds no groups of paths, and ComfyUI does not start with it")
    return config


def _refuse_bombs(file: Path, text: str) -> None:
    """Look at the flat stream of events first: nesting and aliases are what makes a small YAML explode."""
    import yaml

    depth = aliases = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > _MAX_DEPTH or aliases > _MAX_ALIASES:
            raise _error(file, "it is nested more deeply than any real one")


def _error(file: Path, why: str) -> InventoryError:
    return InventoryError(f"`{printable(file.name)}` can't be used: {_short(why)}", code="yaml-invalid", hint=_HINT)


def _fault(file: Path, why: str) -> Problem:
    return Problem.of(_error(file, why), where=printable(file))


def _short(foreign: object) -> str:
    """Foreign text fit for a message."""
    return "".join(letter if letter.isprintable() else " " for letter in str(foreign)[:200])
