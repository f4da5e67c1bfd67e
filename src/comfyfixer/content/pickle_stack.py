"""What stands on a pickle's stack, followed without running anything: which global is called, and with which words.

A list of harmless globals is not enough by itself: `numpy.dtype` is one, and a type that is told that its bytes are no
objects, while they are, makes whatever bytes follow into addresses of objects. So numpy's types are only let through as
numpy itself writes them, and what is called has to be a global, and nothing that the pickle made.
"""

import pickletools
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

_TEXTS: Final = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"})
_OLD_TEXTS: Final = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING"})
_NUMBERS: Final = frozenset({"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4"})
_PLAIN: Final = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES: Final = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_WRITES: Final = frozenset({"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"})
_READS: Final = frozenset({"GET", "BINGET", "LONG_BINGET"})
_NOTHING: Final = frozenset({"PROTO", "FRAME"})
_INTO_LAST: Final = {"APPEND": 1, "SETITEM": 2}
_INTO_LAST_FROM_MARK: Final = frozenset({"APPENDS", "SETITEMS", "ADDITEMS"})
_FROM_MARK: Final = frozenset({"LIST", "DICT", "FROZENSET"})
_NUMPY: Final = ("numpy.core.multiarray", "numpy._core.multiarray")
_SIMPLE: Final = re.compile(r"[biufcSU?]\d{0,6}")
_OBJECTS: Final = re.compile(r"O[48]?")
_OF_OBJECTS: Final = 63
_OTHER_FLAGS: Final = (0, 8)
_LARGEST: Final = 1 << 20
_MARK: Final = object()
_UNKNOWN: Final = object()
_ARRAY: Final = object()
_NUMBER: Final = object()


class Doubt(Exception):
    """The pickle is not proven to hold only weights; the text says why, as the end of a sentence."""


class Named(msgspec.Struct, frozen=True):
    """A global."""

    module: str
    name: str


class _OldText(str):
    """A text of Python 2: a loader may read it in several ways, so that it names no global."""

    __slots__ = ()


class _Type(msgspec.Struct, frozen=True):
    """A type of numpy's; whether its values are objects."""

    of_objects: bool


_DTYPE: Final = Named("numpy", "dtype")
_NDARRAY: Final = Named("numpy", "ndarray")


class Stack:
    """The stack and the memo of one pickle. Values that don't matter are not told apart."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, opcode: pickletools.OpcodeInfo, argument: object) -> Named | None:
        """Do what an opcode does; gives the global that it names, where it names one.

        Raises:
            Doubt: It is none that weights need, or used as weights don't.
        """
        name = opcode.name
        if name in _TEXTS or name in _NUMBERS:
            self._values.append(argument)
        elif name in _OLD_TEXTS:
            self._values.append(_OldText(argument))
        elif name in _PLAIN:
            self._values.append(_PLAIN[name])
        elif name in _WRITES:
            self._memo[len(self._memo) if name == "MEMOIZE" else int(str(argument))] = self._top()
        elif name in _READS:
            self._values.append(self._remembered(int(str(argument))))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            return self._named(name, argument)
        elif name not in _NOTHING:
            self._move(opcode)
        return None

    def _move(self, opcode: pickletools.OpcodeInfo) -> None:
        name = opcode.name
        if name == "MARK":
            self._values.append(_MARK)
        elif name in _TUPLES:
            self._values.append(_held(self._pop(_TUPLES[name])))
        elif name == "TUPLE":
            self._values.append(_held(self._from_mark()))
        elif name in _INTO_LAST:
            _held(self._pop(_INTO_LAST[name]))
        elif name in _INTO_LAST_FROM_MARK:
            _held(self._from_mark())
        elif name in _FROM_MARK:
            _held(self._from_mark())
            self._values.append(_UNKNOWN)
        elif name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ"):
            self._call(name)
        else:
            self._rest(opcode)

    def _rest(self, opcode: pickletools.OpcodeInfo) -> None:
        match opcode.name:
            case "BUILD":
                (state,) = _held(self._pop(1))
                _check_state(self._top(), state)
            case "DUP":
                self._values.append(self._top())
            case "POP" | "STOP":
                self._pop(1, or_mark=True)
            case "POP_MARK":
                self._from_mark()
            case "BINPERSID":
                _held(self._pop(1))
                self._values.append(_UNKNOWN)
            case _ if not opcode.stack_before and len(opcode.stack_after) == 1:
                self._values.append(_UNKNOWN)
            case other:
                raise Doubt(f"its pickle uses the opcode `{other}`")

    def _call(self, name: str) -> None:
        if name == "OBJ":
            called, *words = self._from_mark() or (_UNKNOWN,)
            arguments: Any = _held(tuple(words))
        else:
            called, arguments, *more = self._pop(3 if name == "NEWOBJ_EX" else 2)
            if more and called in (_DTYPE, _NDARRAY):
                raise Doubt("its pickle makes one of numpy's types in a way of its own")
        self._values.append(_result(called, arguments))

    def _named(self, name: str, argument: object) -> Named:
        module, _, own = str(argument).partition(" ")
        if name == "STACK_GLOBAL":
            module, own = self._pop(2)
            if type(module) is not str or type(own) is not str:
                raise Doubt("its pickle hides the name of what it calls")
        self._values.append(Named(module, own))
        return Named(module, own)

    def _remembered(self, key: int) -> Any:
        if key not in self._memo:
            raise Doubt("its pickle uses what it never made")
        return self._memo[key]

    def _top(self) -> Any:
        if not self._values or self._values[-1] is _MARK:
            raise Doubt("its pickle takes more than it made")
        return self._values[-1]

    def _pop(self, count: int, *, or_mark: bool = False) -> tuple[Any, ...]:
        taken = tuple(self._values[-count:])
        if len(taken) < count or (_MARK in taken and not or_mark):
            raise Doubt("its pickle takes more than it made")
        del self._values[-count:]
        return taken

    def _from_mark(self) -> tuple[Any, ...]:
        for place in range(len(self._values) - 1, -1, -1):
            if self._values[place] is _MARK:
                taken = tuple(self._values[place + 1 :])
                del self._values[place:]
                return taken
        raise Doubt("its pickle takes more than it made")


def _held(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values, which go where they are not followed any more: not what makes types."""
    if _DTYPE in _names(values):
        raise Doubt("its pickle hands on what makes numpy's types")
    return values


def _names(values: Iterable[Any]) -> list[Named]:
    return [value for value in values if isinstance(value, Named)]


def _result(called: Any, arguments: Any) -> Any:
    """What a call gives, as far as it matters."""
    if not isinstance(called, Named):
        raise Doubt("its pickle calls what it made itself")
    if called == _DTYPE:
        return _type(arguments)
    if called == _NDARRAY:
        raise Doubt("its pickle makes an array in a way of its own")
    if called.name == "_rebuild_from_type_v2":
        first = arguments[0] if isinstance(arguments, tuple) and arguments else None
        if not isinstance(first, Named) or first.module != "torch._utils":
            raise Doubt("its pickle rebuilds a tensor in a way of its own")
    if called.module in _NUMPY:
        return _ARRAY if called.name == "_reconstruct" else _NUMBER
    return _UNKNOWN


def _type(arguments: Any) -> _Type:
    """One of numpy's types, named as numpy does."""
    if isinstance(arguments, tuple) and arguments and isinstance(arguments[0], str):
        name, *flags = arguments
        if all(isinstance(flag, int) for flag in flags) and (_SIMPLE.fullmatch(name) or _OBJECTS.fullmatch(name)):
            return _Type(of_objects=_OBJECTS.fullmatch(name) is not None)
    raise Doubt("its pickle makes one of numpy's types in a way of its own")


def _check_state(built: Any, state: Any) -> None:
    """What is told to one of numpy's own has to be what numpy tells."""
    if isinstance(built, _Type) and not _is_state(built, state):
        raise Doubt("its pickle changes one of numpy's types")
    if built is _NUMBER or isinstance(built, Named):
        raise Doubt("its pickle changes what can't be changed")
    if built is _ARRAY and not (isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], _Type)):
        raise Doubt("its pickle fills an array in a way of its own")


def _is_state(built: _Type, state: Any) -> bool:
    match state:
        case (3, "<" | ">" | "|" | "=", None, None, None, int() as size, int() as alignment, int() as flags):
            sizes = (size, alignment) == (-1, -1) or (0 <= size <= _LARGEST and 0 < alignment <= 16)
            return sizes and (flags == _OF_OBJECTS if built.of_objects else flags in _OTHER_FLAGS)
        case _:
            return False
