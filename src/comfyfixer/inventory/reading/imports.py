"""`import` and `from ... import`: modules of the pack are read, everything else stays a name."""

import ast

from comfyfixer.inventory.reading.collections import walk
from comfyfixer.inventory.reading.machine import Machine, Raised
from comfyfixer.inventory.reading.values import External, Module, Pending, Scope


def import_plain(machine: Machine, node: ast.Import, scope: Scope) -> None:
    """`import a.b` binds `a`; `import a.b as c` binds `a.b`."""
    for alias in node.names:
        imported = machine.import_module(alias.name)
        if alias.asname:
            scope.names[alias.asname] = imported
        else:
            top = alias.name.partition(".")[0]
            scope.names[top] = machine.import_module(top)


def import_from(machine: Machine, node: ast.ImportFrom, scope: Scope) -> None:
    """`from x import a, b`, absolute or relative."""
    source = machine.import_module(absolute_name(scope.module, node.module or "", node.level))
    for alias in node.names:
        if alias.name == "*":
            _import_all(machine, source, scope)
        else:
            scope.names[alias.asname or alias.name] = _imported(machine, source, alias.name)


def absolute_name(module: Module, name: str, level: int) -> str:
    """The full dotted name of a relative import.

    Raises:
        Raised: It leads above the pack.
    """
    if not level:
        return name
    parts = module.package.split(".")
    if level > len(parts):
        raise Raised
    return ".".join(filter(None, [*parts[: len(parts) - level + 1], name]))


def _imported(machine: Machine, source: Module | External, name: str) -> object:
    if isinstance(source, External):
        full = f"{source.name}.{name}"
        return machine.constants[full] if full in machine.constants else External(full)
    if source.is_package and name not in source.scope.names and machine.find_module(f"{source.name}.{name}"):
        return machine.import_module(f"{source.name}.{name}")
    return Pending(source, name)


def _import_all(machine: Machine, source: Module | External, scope: Scope) -> None:
    if isinstance(source, External):
        return
    machine.run(source)
    scope.module.open |= source.open
    public, is_open, _ = walk(source.scope.names.get("__all__"))
    if is_open or "__all__" not in source.scope.names:
        public = [name for name in source.scope.names if not name.startswith("_")]
    for name in public:
        if isinstance(name, str) and name in source.scope.names:
            scope.names[name] = source.scope.names[name]
