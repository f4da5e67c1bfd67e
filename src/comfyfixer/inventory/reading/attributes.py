"""`value.name` for everything that has attributes."""

import os

from comfyfixer.inventory.reading.machine import Machine, Raised
from comfyfixer.inventory.reading.values import (
    CONFIG_PARSERS,
    UNKNOWN,
    Bound,
    Class,
    External,
    Function,
    Instance,
    Made,
    Method,
    Module,
    PathValue,
    Row,
    Table,
    ancestors,
)


def attribute(machine: Machine, value: object, name: str) -> object:
    """`value.name`.

    Raises:
        Raised: A module of the pack certainly has no such name.
    """
    match value:
        case Module():
            return module_attribute(machine, value, name)
        case Class():
            return _of_class(machine, value, name)
        case Instance():
            return _of_instance(machine, value, name)
        case External():
            full = f"{value.name}.{name}"
            return machine.constants[full] if full in machine.constants else External(full)
        case Made(maker="super"):
            return _of_super(machine, value, name)
        case Made(maker=maker) if maker == "globals" or maker in CONFIG_PARSERS:
            return Method(value, name)
        case Made():
            return value.keywords.get(name, UNKNOWN)
        case PathValue():
            return _of_path(value, name)
        case str() if name == "value":
            return value  # No text has it: this is a member of an enumeration.
        case str() | Row() | Table() | tuple():
            return Method(value, name)
        case Function() if name in ("__name__", "__qualname__"):
            return getattr(value.node, "name", "<lambda>")
    return UNKNOWN


def module_attribute(machine: Machine, module: Module, name: str) -> object:
    """A name of a module, or a module in its folder.

    Raises:
        Raised: There certainly is none.
    """
    machine.run(module)
    if name in module.scope.names:
        return machine.force(module.scope.names, name)
    if name == "__dict__":
        return Made("globals", [module], {})
    if inner := machine.find_module(f"{module.name}.{name}"):
        return inner
    if module.open or not module.ran:
        return UNKNOWN
    raise Raised


def class_attribute(machine: Machine, of: Class, name: str) -> object:
    """An attribute of a class or of its bases in the pack.

    Raises:
        LookupError: None of them has it.
    """
    for part in ancestors(of):
        if isinstance(part, Class) and name in part.attributes:
            return machine.force(part.attributes, name)
    raise LookupError(name)


def _of_class(machine: Machine, of: Class, name: str) -> object:
    if name in ("__name__", "__qualname__"):
        return of.name
    if name == "__module__":
        return of.module.name
    if name == "__dict__":
        return Table(of.attributes)
    if name == "__bases__":
        return tuple(of.bases)
    if name == "__mro__":
        return tuple(ancestors(of))
    try:
        found = class_attribute(machine, of, name)
    except LookupError:
        return UNKNOWN
    if isinstance(found, Function):
        if found.kind == "classmethod":
            return Bound(found, of)
        return UNKNOWN if found.kind == "property" else found
    return found


def _of_instance(machine: Machine, of: Instance, name: str) -> object:
    if name in of.attributes:
        return of.attributes[name]
    if name == "__class__":
        return of.of
    try:
        found = class_attribute(machine, of.of, name)
    except LookupError:
        return UNKNOWN
    if not isinstance(found, Function) or found.kind == "staticmethod":
        return found
    if found.kind == "property":
        return machine.call(found, [of], {})
    return Bound(found, of.of if found.kind == "classmethod" else of)


def _of_super(machine: Machine, value: Made, name: str) -> object:
    owner, first = value.args
    for base in owner.bases if isinstance(owner, Class) else ():
        if isinstance(base, Class):
            try:
                found = class_attribute(machine, base, name)
            except LookupError:
                continue
            return Bound(found, first) if isinstance(found, Function) and found.kind != "staticmethod" else found
        if isinstance(base, External) and base.name == "builtins.type" and name == "__new__":
            return External("builtins.type.__new__")
    return UNKNOWN


def _of_path(path: PathValue, name: str) -> object:
    folder, last = os.path.split(path.text)
    match name:
        case "parent":
            return PathValue(folder)
        case "name":
            return last
        case "stem":
            return os.path.splitext(last)[0]
        case "suffix":
            return os.path.splitext(last)[1]
    return Method(path, name)
