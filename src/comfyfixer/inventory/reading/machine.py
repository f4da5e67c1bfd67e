"""The state of reading one pack, and what its parts ask of each other."""

import ast
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from comfyfixer.inventory.reading.pack_files import PackFiles
from comfyfixer.inventory.reading.values import External, Function, Module, Row, Scope, Table

MAX_STEPS: Final = 300_000
MAX_SECONDS: Final = 10.0
"""No real pack needs a tenth of either; the clock is for source that makes single steps slow."""
MAX_CALL_DEPTH: Final = 40


class TooMuch(Exception):
    """The pack does more at import than reading it is allowed to follow."""


class Raised(Exception):
    """The pack's code certainly raises here."""


class ImportFails(Raised):
    """A module is imported that is not there."""


class Returned(Exception):
    """A function's result."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class LoopLeft(Exception):
    """`break`, or `continue` when `again`."""

    def __init__(self, *, again: bool) -> None:
        super().__init__()
        self.again = again


class Frame:
    """One running function: what it may have returned on undecided ways, and what it yielded."""

    def __init__(self) -> None:
        self.maybe_returned: list[object] = []
        self.yielded: Row | None = None


class Left(IntEnum):
    """Whether statements may have been left early on an undecided way, and how far."""

    NO = 0
    TRY = 1
    ROUND = 2
    FUNCTION = 3


class Machine(ABC):
    """What reading one pack knows.

    Attributes:
        guards: Above 0 while code is read whose failing imports are caught.
        doubt: Above 0 while code is read that runs only if something undecided holds.
        search_path: `sys.path`, as far as the pack itself adds to it.
        constants: Values of external names, such as `folder_paths.models_dir`.
        direct: Types that the pack writes into ComfyUI's own mapping.
        files: The pack's files.
        main: The module that ComfyUI imports.
        functions: All that were defined so far.
        incomplete: Sentences: what could not be followed.
    """

    def __init__(self, files: PackFiles, main: Module) -> None:
        self.files = files
        self.main = main
        self.doubt = 0
        self.guards = 0
        self.steps = 0
        self.max_steps = MAX_STEPS
        self._deadline = time.monotonic() + MAX_SECONDS
        self.frames: list[Frame] = [Frame()]
        self.search_path = Row()
        self.constants: dict[str, object] = {}
        self.direct = Table()
        self.incomplete: list[str] = []
        self.functions: list[Function] = []

    def step(self) -> None:
        """Count one step of work.

        Raises:
            TooMuch: The budget is used up.
        """
        self.steps += 1
        if self.steps > self.max_steps or (self.steps % 256 == 0 and time.monotonic() > self._deadline):
            raise TooMuch

    @abstractmethod
    def evaluate(self, node: ast.expr, scope: Scope) -> object:
        """The value of an expression."""

    @abstractmethod
    def execute(self, statements: list[ast.stmt], scope: Scope) -> "Left":
        """Run statements; see `statements.py` for how undecided ways are treated."""

    @abstractmethod
    def call(self, function: object, args: list[object], keywords: dict[str, object]) -> object:
        """The result of a call; `UNKNOWN` where it can't be followed."""

    @abstractmethod
    def attribute(self, value: object, name: str) -> object:
        """`value.name`."""

    @abstractmethod
    def force(self, names: dict[str, object], name: str) -> object:
        """The value of a name; one that was imported from the pack is looked up there now."""

    @abstractmethod
    def find_module(self, name: str) -> Module | None:
        """A module of the pack by its full dotted name, None where there is no such file."""

    @abstractmethod
    def import_module(self, name: str) -> Module | External:
        """A module as `import` finds it; one that other modules look into is run at once.

        Raises:
            Raised: It should be in the pack and is not, or it can't be imported and that is caught.
        """

    @abstractmethod
    def load_file(self, file: str) -> Module | None:
        """The module of a file below the pack's folder, None for any other."""

    @abstractmethod
    def run(self, module: Module) -> None:
        """Read a module's body, once."""


Call = Callable[[Machine, list[object], dict[str, object]], object]
"""A function of a library as it is modelled here: arguments by place, then by name."""
