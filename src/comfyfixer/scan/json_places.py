"""Where a value stands in a JSON text: in a string of its own, in JSON kept as text, in a prompt's tags."""

import codecs
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

_STRING: Final = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_TOKEN: Final = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"|[{}\[\]]', re.DOTALL)
_KEY: Final = re.compile(r"\s*:")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_TAG: Final = r"((?:^|(?<=[\s(),|]))embedding:|<(?:lora|lyco|wanlora):\s*)"
_TAG_END: Final = r"(?=[.,;:'\"]*(?:[\s<\[()|,:>]|$))"
_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")
_NAMED: Final = "widgets_values_named"
_MAX_DEPTH: Final = 8
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Place(msgspec.Struct, frozen=True):
    """Where a value stands.

    Attributes:
        start: First sign of the value as it is written in the text, escapes and all.
        end: One behind the last.
        depth: How many JSON strings it is in: 1, or more for JSON kept as text.
        group: The same for all places of one string: a reader may take one tag of several alike.
        escaped_parentheses: Written `\\(` as prompts do.
    """

    start: int
    end: int
    depth: int
    group: int
    value: str
    escaped_parentheses: bool = False


def decoded(data: bytes) -> tuple[str, str]:
    """A JSON file's text, a byte order mark included, and its encoding.

    Raises:
        UnicodeDecodeError: The file has another encoding; no reader of ours takes such a file.
    """
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    return data.decode(encoding), encoding


def encoded(text: str, encoding: str) -> bytes:
    """The opposite of `decoded`."""
    return text.encode(encoding)


def places_of(text: str, value: str) -> list[Place]:
    """Every place of a value, in order; keys of objects are none."""
    word = max(_WORD.findall(value), key=len, default="")
    return list(_places(text, value, word, 1))


def replaced(text: str, changes: Sequence[tuple[Place, str]]) -> str:
    """The text with new values at some places; everything between stays as it is."""
    parts, end = [], 0
    for place, value in sorted(changes, key=lambda change: change[0].start):
        parts += [text[end : place.start], _written(place, value)]
        end = place.end
    return "".join([*parts, text[end:]])


def _written(place: Place, value: str) -> str:
    """A value as it stands in its place, in the same kind of escapes."""
    if place.escaped_parentheses:
        value = re.sub(r"([()])", r"\\\1", value)
    for _ in range(place.depth):
        value = msgspec.json.encode(value).decode()[1:-1]
    return value


def _places(text: str, value: str, word: str, depth: int) -> Iterator[Place]:
    for found in _STRING.finditer(text):
        written = found[1]
        if (word not in written and "\\u" not in written) or _KEY.match(text, found.end()):
            continue
        plain, offsets = _unescaped(written)
        start, group = found.start(1), found.start(1)
        if plain == value:
            yield Place(start, found.end(1), depth, group, value)
            continue
        inner = _tags(plain, value, depth, group)
        if plain[:1] in ("{", "[") and depth < _MAX_DEPTH:
            inner = _places(plain, value, word, depth + 1)
        for place in inner:
            first, last = start + offsets[place.start], start + offsets[place.end]
            deeper = start + offsets[place.group] if place.depth > depth else group
            yield msgspec.structs.replace(place, start=first, end=last, group=deeper)


def _tags(plain: str, value: str, depth: int, group: int) -> Iterator[Place]:
    if "embedding:" not in plain and "<" not in plain:
        return
    name = "".join(rf"\\?\{sign}" if sign in "()" else re.escape(sign) for sign in value)
    for found in re.finditer(f"{_TAG}({name}){_TAG_END}", plain, re.IGNORECASE):
        if found[2].replace("\\(", "(").replace("\\)", ")") == value.replace("\\(", "(").replace("\\)", ")"):
            yield Place(found.start(2), found.end(2), depth, group, value, escaped_parentheses="\\(" in found[2])


def _unescaped(written: str) -> tuple[str, Sequence[int]]:
    """A string's content, and for each of its signs (and its end) where it stands in what was written."""
    if "\\" not in written:
        return written, range(len(written) + 1)
    signs: list[str] = []
    offsets: list[int] = []
    end = 0
    for found in _ESCAPE.finditer(written):
        signs += written[end : found.start()]
        offsets += range(end, found.start())
        sign = chr(int(found[1], 16)) if found[1] else _SIMPLE.get(found[2], found[2])
        if "\udc00" <= sign <= "\udfff" and signs and "\ud800" <= signs[-1] <= "\udbff":
            signs[-1] = (signs[-1] + sign).encode("utf-16", "surrogatepass").decode("utf-16")
        else:
            signs.append(sign)
            offsets.append(found.start())
        end = found.end()
    signs += written[end:]
    offsets += range(end, len(written) + 1)
    return "".join(signs), offsets


# --- the second form of a node's values ------------------------------------------------------------------------------


def named_twins(text: str, chosen: Sequence[tuple[Place, str]], idle: Sequence[Place]) -> list[tuple[Place, str]]:
    """Idle places that repeat a chosen one by name in the same node (`widgets_values_named`), with its new value."""
    if not idle or f'"{_NAMED}"' not in text:
        return []
    twins: list[tuple[Place, str]] = []
    spans = list(_named_spans(text))
    for place in idle:
        around = [node for node, named in spans if named[0] < place.start < named[1]]
        names = {
            name
            for other, name in chosen
            for node in around
            if other.value == place.value and node[0] < other.start < node[1]
        }
        twins += [(place, name) for name in names if len(names) == 1]
    return twins


_Span = tuple[int, int]


def _named_spans(text: str) -> Iterator[tuple[_Span, _Span]]:
    """Each object that has values by name, and these values: where they begin and end."""
    opened: list[tuple[int, str, list[_Span]]] = []
    key = ""
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in ("{", "["):
            opened.append((token.start(), key, []))
            key = ""
        elif sign in ("}", "]"):
            start, own_key, named = opened.pop()
            yield from (((start, token.end()), span) for span in named)
            if own_key == _NAMED and opened:
                opened[-1][2].append((start, token.end()))
        else:
            key = token[1] if _KEY.match(text, token.end()) else ""
