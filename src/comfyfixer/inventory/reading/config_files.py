"""`configparser`: INI files of a pack, which some use to switch their parts on and off."""

import configparser
from collections.abc import Callable
from typing import Final

from comfyfixer.inventory.reading.library_files import text_of
from comfyfixer.inventory.reading.machine import Machine, Raised
from comfyfixer.inventory.reading.values import UNKNOWN, Made, Row

_READ: Final = " parser"
"""Where what was read is kept with the parser: a name that no attribute has."""

_GETTERS: Final[dict[str, Callable[..., object]]] = {
    "get": configparser.RawConfigParser.get,
    "getint": configparser.RawConfigParser.getint,
    "getfloat": configparser.RawConfigParser.getfloat,
    "getboolean": configparser.RawConfigParser.getboolean,
    "has_option": configparser.RawConfigParser.has_option,
    "has_section": configparser.RawConfigParser.has_section,
}


def call_parser(machine: Machine, parser: Made, name: str, args: list[object], keywords: dict[str, object]) -> object:
    """A method of a parser; one that would change it leaves it unknown.

    Raises:
        Raised: A section or option is asked for that certainly is not there.
    """
    known = parser.keywords.setdefault(_READ, configparser.RawConfigParser(strict=False))
    if name == "read":
        return _read(machine, parser, args)
    if name not in _GETTERS:
        if name in ("set", "add_section", "read_string", "read_file", "read_dict", "remove_option", "remove_section"):
            parser.keywords[_READ] = UNKNOWN
        return UNKNOWN
    if not isinstance(known, configparser.RawConfigParser) or not all(isinstance(arg, str) for arg in args):
        return UNKNOWN
    wanted = {key: value for key, value in keywords.items() if key in ("fallback", "section", "option")}
    try:
        return _GETTERS[name](known, *args, **wanted)
    except (configparser.NoSectionError, configparser.NoOptionError, ValueError) as error:
        raise Raised from error


def _read(machine: Machine, parser: Made, args: list[object]) -> object:
    path = text_of(args[0]) if args else None
    exists = machine.files.exists(path) if path is not None else None
    text = machine.files.text(path) if exists and path is not None else None
    known = parser.keywords[_READ]
    if exists is False:
        return Row()
    if text is None or "%(" in text or not isinstance(known, configparser.RawConfigParser):
        parser.keywords[_READ] = UNKNOWN
        return UNKNOWN
    try:
        known.read_string(text)
    except configparser.Error as error:
        raise Raised from error
    return Row([path])
