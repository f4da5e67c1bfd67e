"""What is known of a value in a pack's source.

Strings, numbers, None and tuples stand for themselves. Everything that can't be known is `UNKNOWN`; a list or dict of
which only a part is known is `open`.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ast


class Unknown:
    """A value that reading can't decide."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
CONFIG_PARSERS: Final = frozenset({"configparser.ConfigParser", "configparser.RawConfigParser"})
"""What is made by these is `Made` and has methods: see `config_files.py`."""
_MAX_COMPARED: Final = 10_000
_MAX_ANCESTORS: Final = 200


class Row(list[object]):
    """A list or set.

    Attributes:
        open: There may be further items.
        folders: It also has the file names of these model folders.
    """

    __slots__ = ("folders", "open")

    def __init__(self, items: object = (), *, is_open: bool = False, folders: tuple[str, ...] = ()) -> None:
        super().__init__(items)  # type: ignore[call-overload]
        self.open = is_open
        self.folders = folders

    __hash__ = object.__hash__  # type: ignore[assignment]


class Table(dict[object, object]):
    """A dict.

    Attributes:
        open: There may be further entries.
        doubtful: Keys that are there only if something undecided holds.
    """

    __slots__ = ("doubtful", "open")

    def __init__(self, items: object = (), *, is_open: bool = False) -> None:
        super().__init__(items)  # type: ignore[call-overload]
        self.open = is_open
        self.doubtful: set[object] = set()

    __hash__ = object.__hash__  # type: ignore[assignment]


class Scope:
    """Names of a module, function or class body, and the scope around it; `elsewhere` are its `global` names."""

    __slots__ = ("around", "elsewhere", "is_class", "module", "names")

    def __init__(self, module: "Module", around: "Scope | None" = None, *, is_class: bool = False) -> None:
        self.module = module
        self.around = around
        self.is_class = is_class
        self.names: dict[str, object] = {}
        self.elsewhere: dict[str, Scope] = {}


class Module:
    """A file of the pack.

    Attributes:
        name: Dotted, as Python would call it; the pack's own folder is the first part.
        file: Absolute path of the source, or of the folder for one without `__init__.py`.
        open: It may have further names.
        ran: Its body was read.
        has_yield: Some function in it may be a generator.
        lists_files: Its source asks ComfyUI for the files of a model folder.
    """

    def __init__(self, name: str, file: str, *, is_package: bool) -> None:
        self.name = name
        self.file = file
        self.is_package = is_package
        self.scope = Scope(self)
        self.open = False
        self.ran = False
        self.has_yield = False
        self.lists_files = False

    @property
    def package(self) -> str:
        """`__package__`."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


class Pending:
    """A name imported from a module of the pack that nobody needed yet."""

    __slots__ = ("module", "name")

    def __init__(self, module: Module, name: str) -> None:
        self.module = module
        self.name = name


class External:
    """Something of a library or of ComfyUI, by its dotted name."""

    __slots__ = ("is_module", "name")

    def __init__(self, name: str, *, is_module: bool = False) -> None:
        self.name = name
        self.is_module = is_module


class Made:
    """What a call of something external gave: known by what was called, and how."""

    __slots__ = ("args", "keywords", "maker")

    def __init__(self, maker: str, args: list[object], keywords: dict[str, object]) -> None:
        self.maker = maker
        self.args = args
        self.keywords = keywords


class PathValue:
    """A `pathlib.Path`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PathValue) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


class Function:
    """A function of the pack."""

    __slots__ = ("around", "kind", "node", "owner")

    def __init__(self, node: "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda", around: Scope) -> None:
        self.node = node
        self.around = around
        self.kind = "function"
        self.owner: Class | None = None


class Bound:
    """A method with its first argument."""

    __slots__ = ("first", "function")

    def __init__(self, function: Function, first: object) -> None:
        self.function = function
        self.first = first


class Class:
    """A class of the pack.

    Attributes:
        meta: Its metaclass, where that is the pack's own.
    """

    def __init__(self, name: str, bases: list[object], attributes: dict[str, object], module: Module) -> None:
        self.name = name
        self.bases = bases
        self.attributes = attributes
        self.module = module
        self.meta: Class | None = next((base.meta for base in bases if isinstance(base, Class) and base.meta), None)


class Method:
    """A method of a text, list, dict, tuple or path."""

    __slots__ = ("name", "of")

    def __init__(self, of: object, name: str) -> None:
        self.of = of
        self.name = name


class Instance:
    """An object of a class of the pack."""

    def __init__(self, of: Class) -> None:
        self.of = of
        self.attributes: dict[str, object] = {}


def ancestors(of: Class) -> list[object]:
    """A class and all its bases, each once, nearest first as far as a plain order tells."""
    found: dict[object, None] = {}
    pending: list[object] = [of]
    while pending and len(found) < _MAX_ANCESTORS:
        current = pending.pop()
        if isinstance(current, Row | Table) or current in found:
            continue
        found[current] = None
        if isinstance(current, Class):
            pending += reversed(current.bases)
    return list(found)


def truth(value: object) -> bool | None:
    """Whether a value counts as true, None where that can't be decided."""
    match value:
        case Row() | Table():
            return None if value.open or (isinstance(value, Table) and value.doubtful) else len(value) > 0
        case None | bool() | int() | float() | str() | bytes() | tuple():
            return bool(value)
        case Module() | Function() | Bound() | Class() | Instance() | PathValue():
            return True
        case External(is_module=True) | Made(maker="spec"):
            return True
    return None


def join(one: object, other: object) -> object:
    """What is known of a value that is either of two."""
    if one is other or (type(one) is type(other) and isinstance(one, str | int | PathValue | None) and one == other):
        return one
    match one, other:
        case Row(), Row():
            return _join_rows(one, other)
        case Table(), Table():
            return _join_tables(one, other)
        case tuple(), tuple() if len(one) == len(other):
            return tuple(join(left, right) for left, right in zip(one, other, strict=True))
        case (Row(folders=folders), _) | (_, Row(folders=folders)) if folders:
            return Row(is_open=True, folders=folders)
        case (Class(), Class()) | (Function(), Function()):
            return one
    return UNKNOWN


def _join_rows(one: Row, other: Row) -> Row:
    short = len(one) * len(other) <= _MAX_COMPARED
    common = [item for item in one if item in other] if short else []
    is_open = one.open or other.open or len(common) < max(len(one), len(other))
    return Row(common, is_open=is_open, folders=merged(one.folders, other.folders))


def _join_tables(one: Table, other: Table) -> Table:
    table = Table(one | other, is_open=one.open or other.open)
    for key in one.keys() & other.keys():
        table[key] = join(one[key], other[key])
    table.doubtful = one.doubtful | other.doubtful | (one.keys() ^ other.keys())
    return table


def merged(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Both, each once, in order."""
    return tuple(dict.fromkeys(one + other))
