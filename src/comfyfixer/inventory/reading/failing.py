"""Modules of a pack that can't be imported, since something that they import first thing is not installed."""

import ast
import os
import re
from collections.abc import Callable, Iterator
from typing import Final

from comfyfixer.inventory.reading.imports import absolute_name
from comfyfixer.inventory.reading.machine import Machine, Raised
from comfyfixer.inventory.reading.surroundings import Surroundings
from comfyfixer.inventory.reading.values import Module

_IMPORT: Final = re.compile(rb"^(?:from[ \t]+([.\w]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE)
_CHANGES_IMPORTS: Final = re.compile(rb"sys\.(?:path|modules)\b")
_MAX_DEPTH: Final = 30


class Failing:
    """Answers for the modules of one pack; without knowing what is installed, none fails."""

    def __init__(self, machine: Machine, around: Surroundings | None, read: Callable[[Module], bytes]) -> None:
        self._machine = machine
        self._around = around
        self._read = read
        self._answers: dict[Module, frozenset[str]] = {}

    def lacks(self, name: str) -> bool:
        """Whether there certainly is no such module outside the pack."""
        around, search_path = self._around, self._machine.search_path
        if around is None or search_path.open:
            return False
        return all(self._is_known(around, base) for base in search_path) and around.lacks(name)

    def _is_known(self, around: Surroundings, base: object) -> bool:
        return isinstance(base, str) and (
            self._machine.files.inside(base) or os.path.normcase(os.path.normpath(base)) in around.searched
        )

    def missing_for(self, module: Module, depth: int = 0) -> frozenset[str]:
        """What is not installed and makes the import of a module of the pack fail, by a statement that nothing guards.

        A module that changes `sys.path` or `sys.modules` itself may find what nobody else does.
        """
        if self._around is None or depth > _MAX_DEPTH or module.ran:
            return frozenset()
        if module not in self._answers:
            self._answers[module] = frozenset()  # Modules may import each other in a circle.
            source = self._read(module)
            if not _CHANGES_IMPORTS.search(source):
                self._answers[module] = self._missing_in(module, source, depth)
        return self._answers[module]

    def _missing_in(self, module: Module, source: bytes, depth: int) -> frozenset[str]:
        missing = {name: self._missing(module, name, depth) for name in set(_imported(_IMPORT.findall(source)))}
        if not any(missing.values()):
            return frozenset()
        sure = _surely_imported(source)
        return frozenset(lacking for name, names in missing.items() if name in sure for lacking in names)

    def _missing(self, module: Module, name: str, depth: int) -> frozenset[str]:
        """What makes one import statement of a module fail."""
        level = len(name) - len(name.lstrip("."))
        try:
            full = absolute_name(module, name[level:], level)
        except Raised:
            return frozenset()
        parts = full.split(".")
        own = [self._machine.find_module(".".join(parts[: count + 1])) for count in range(len(parts))]
        if not any(own):
            return frozenset({parts[0]}) if not level and self.lacks(full) else frozenset()
        inner = [self.missing_for(part, depth + 1) for part in own if part is not None and part is not module]
        return frozenset().union(*inner)


def _imported(found: list[tuple[bytes, bytes]]) -> Iterator[str]:
    for source, names in found:
        for name in (source or names).split(b","):
            words = name.split()
            if words:
                yield words[0].decode("ascii", "replace")


def _surely_imported(source: bytes) -> set[str]:
    """The names in import statements of the module itself: lines that look so may be part of a text."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
    return names | {"." * node.level + (node.module or "") for node in body if isinstance(node, ast.ImportFrom)}
