"""Reading one pack: finding its modules, running their bodies on what is known."""

import ast
import os
import re
import sys
from typing import Final

from comfyfixer.inventory.reading.attributes import attribute, module_attribute
from comfyfixer.inventory.reading.calls import call_function, make_instance
from comfyfixer.inventory.reading.comfy import COMFY_LIBRARY
from comfyfixer.inventory.reading.expressions import evaluate
from comfyfixer.inventory.reading.failing import Failing
from comfyfixer.inventory.reading.library import LIBRARY
from comfyfixer.inventory.reading.library_files import FILE_LIBRARY
from comfyfixer.inventory.reading.machine import ImportFails, Left, LoopLeft, Machine, Raised, Returned, TooMuch
from comfyfixer.inventory.reading.methods import call_method
from comfyfixer.inventory.reading.pack_files import PackFiles
from comfyfixer.inventory.reading.statements import execute
from comfyfixer.inventory.reading.surroundings import Surroundings
from comfyfixer.inventory.reading.values import (
    UNKNOWN,
    Bound,
    Class,
    External,
    Function,
    Instance,
    Made,
    Method,
    Module,
    Pending,
    Row,
    Scope,
    Table,
)

_KNOWN: Final = LIBRARY | FILE_LIBRARY | COMFY_LIBRARY
_MAX_FILE_BYTES: Final = 3 << 20
_MAX_BYTES: Final = 24 << 20
_MAX_MODULES: Final = 1_000
_SHARED_NAMES: Final = (
    b"NODE_CLASS_MAPPINGS",
    b"folder_names_and_paths",
    b"add_model_folder_path",
    b"supported_pt_extensions",
)
_DECORATED_CLASS: Final = re.compile(
    rb"\n@(?!dataclass|torch|final\b|runtime|total_ordering|lru_cache)\w[^\n]*\n(?:@[^\n]*\n)*class "
)


class Interpreter(Machine):
    """One pack's source, read from its main module on.

    Attributes:
        unreadable: Files that could not be parsed, each with the reason.
        lacking: Modules that are not installed, where the pack does without the part that imports them.
    """

    def __init__(self, main_file: str, around: Surroundings | None = None) -> None:
        is_package = os.path.basename(main_file) == "__init__.py"
        path = os.path.dirname(main_file) if is_package else main_file
        root = path if is_package else os.path.dirname(main_file)
        name = os.path.basename(path if is_package else os.path.splitext(main_file)[0]).replace(".", "_x_")
        super().__init__(PackFiles(root), Module(name, main_file, is_package=is_package))
        self._root, self._single = root, not is_package
        self._folder_name = os.path.basename(path)
        self._by_file: dict[str, Module] = {main_file: self.main}
        self._by_name: dict[str, Module | None] = {name: self.main}
        self._bytes_read = 0
        self._source: dict[str, bytes] = {}
        self.unreadable: dict[str, str] = {}
        self.lacking: set[str] = set()
        self._failing = Failing(self, around, self._read)
        self.constants |= {
            "sys.path": self.search_path,
            "sys.platform": sys.platform,
            "sys.version_info": (3, 12, 0, "final", 0),
            "os.sep": os.sep,
            "os.name": os.name,
            "os.environ": Table(),
            "os.path.sep": os.sep,
            "typing.TYPE_CHECKING": False,
        }

    def evaluate(self, node: ast.expr, scope: Scope) -> object:
        return evaluate(self, node, scope)

    def execute(self, statements: list[ast.stmt], scope: Scope) -> Left:
        return execute(self, statements, scope)

    def attribute(self, value: object, name: str) -> object:
        return attribute(self, value, name)

    def call(self, function: object, args: list[object], keywords: dict[str, object]) -> object:
        self.step()
        match function:
            case Function():
                return call_function(self, function, args, keywords)
            case Bound():
                return call_function(self, function.function, [function.first, *args], keywords)
            case Class():
                return make_instance(self, function, args, keywords)
            case Method(of=None):
                if args and isinstance(args[-1], Module):
                    self._raise_if_failing(args[-1])
                    self.run(args[-1])
                return None
            case Method() | External():
                return self._call_known(function, args, keywords)
            case Instance():
                method = self.attribute(function, "__call__")
                return self.call(method, args, keywords) if isinstance(method, Bound) else UNKNOWN
        return UNKNOWN

    def _call_known(self, function: Method | External, args: list[object], keywords: dict[str, object]) -> object:
        """Something that is modelled here. Arguments come from foreign source, and may fit no signature."""
        try:
            if isinstance(function, Method):
                return call_method(self, function, args, keywords)
            known = _KNOWN.get(function.name)
            return known(self, args, keywords) if known else Made(function.name, args, keywords)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError, OSError):
            return UNKNOWN

    def force(self, names: dict[str, object], name: str) -> object:
        value = names[name]
        if isinstance(value, Pending):
            names[name] = UNKNOWN  # Two modules may import each other's names in a circle.
            names[name] = value = self._look_up(value)
        return value

    def _look_up(self, pending: Pending) -> object:
        try:
            return module_attribute(self, pending.module, pending.name)
        except Raised:
            self.incomplete.append(f"`{pending.name}` is not in {pending.module.name}")
            return UNKNOWN

    def find_module(self, name: str) -> Module | None:
        if name not in self._by_name:
            self._by_name[name] = self._look_for(name)
        return self._by_name[name]

    def import_module(self, name: str) -> Module | External:
        module = self.find_module(name)
        if module is None:
            if self._is_own(name):
                raise Raised
            if self.guards and self._failing.lacks(name):
                self.lacking.add(name.partition(".")[0])
                raise ImportFails
            return External(name, is_module=True)
        parent = name.rpartition(".")[0]
        if parent and self.find_module(parent):
            self.import_module(parent)
        self._raise_if_failing(module)
        if not module.ran and _is_seen_by_others(self._read(module)):
            self.run(module)
        return module

    def _raise_if_failing(self, module: Module) -> None:
        if self.guards and (missing := self._failing.missing_for(module)):
            self.lacking |= missing
            raise ImportFails

    def _is_own(self, name: str) -> bool:
        return name.startswith((f"{self.main.name}.", f"custom_nodes.{self._folder_name}."))

    def _look_for(self, name: str) -> Module | None:
        """`name` below the pack, or below a folder of the pack that it added to `sys.path`."""
        if name == f"custom_nodes.{self._folder_name}":
            return self.main
        if self._is_own(name):
            own = name.removeprefix("custom_nodes.")[len(self._folder_name) + 1 :]
            own = name[len(self.main.name) + 1 :] if name.startswith(f"{self.main.name}.") else own
            return None if self._single else self._at(self._root, own)
        for base in self.search_path:
            if isinstance(base, str) and self.files.inside(base) and (module := self._at(os.path.normpath(base), name)):
                return module
        return None

    def _at(self, base: str, dotted: str) -> Module | None:
        path = os.path.join(base, *dotted.split("."))
        for file in (os.path.join(path, "__init__.py"), f"{path}.py"):
            if self.files.is_file(file):
                return self.load_file(file)
        return self.load_file(path) if self.files.is_folder(path) else None

    def load_file(self, file: str) -> Module | None:
        file = os.path.normpath(file)
        if file in self._by_file:
            return self._by_file[file]
        if not self.files.inside(file):
            return None
        is_folder, is_package = os.path.isdir(file), os.path.basename(file) == "__init__.py"
        relative = os.path.relpath(os.path.dirname(file) if is_package else file, self._root)
        name = ".".join([self.main.name, *os.path.splitext(relative)[0].split(os.sep)])
        module = Module(name, file, is_package=is_folder or is_package)
        module.ran = is_folder
        self._by_file[file] = module
        if len(self._by_file) > _MAX_MODULES:
            raise TooMuch
        return module

    def run(self, module: Module) -> None:
        if module.ran:
            return
        module.ran = True
        module.scope.names |= {
            "__name__": module.name,
            "__package__": module.package,
            "__file__": module.file,
            "__path__": Row([os.path.dirname(module.file)] if module.is_package else []),
        }
        tree = self._parse(module)
        doubt, frames, guards = self.doubt, self.frames, self.guards
        self.doubt, self.frames, self.guards = 0, [*frames], 0
        try:
            for statement in tree.body:
                try:
                    self.execute([statement], module.scope)
                except Raised:
                    self.incomplete.append(f"{module.name}, line {statement.lineno}, raises")
                except (Returned, LoopLeft):
                    continue
        finally:
            self.doubt, self.frames, self.guards = doubt, frames, guards

    def forget(self) -> None:
        """Let go of the syntax trees: functions, classes and modules know each other in circles."""
        for module in self._by_file.values():
            module.scope.names.clear()
        self._source.clear()
        for function in self.functions:
            del function.node

    def _parse(self, module: Module) -> ast.Module:
        """The syntax tree; one that can't be had leaves the module open."""
        source = self._read(module)
        module.has_yield, module.lists_files = b"yield" in source, b"get_filename_list" in source
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            self.unreadable[module.file] = f"{getattr(error, 'msg', None) or error}{line}"
            module.open = True
            return ast.Module([], [])

    def _read(self, module: Module) -> bytes:
        if module.file not in self._source:
            self._source[module.file] = self._read_file(module.file)
        return self._source[module.file]

    def _read_file(self, file: str) -> bytes:
        if os.path.isdir(file):
            return b""
        try:
            size = os.path.getsize(file)
            if size > _MAX_FILE_BYTES:
                self.unreadable[file] = f"it has {size} bytes"
                return b""
            self._bytes_read += size
            if self._bytes_read > _MAX_BYTES:
                raise TooMuch
            with open(file, "rb") as source:
                return source.read()
        except OSError as error:
            self.unreadable[file] = error.strerror or str(error)
            return b""


def _is_seen_by_others(source: bytes) -> bool:
    """Whether it may change what other modules see: then it is run when it is imported, else only when it is used."""
    if any(name in source for name in _SHARED_NAMES):
        return True
    return b"\n@" in source and _DECORATED_CLASS.search(source) is not None
