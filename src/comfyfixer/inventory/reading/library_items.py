"""What the built-in functions give that make, walk and count lists, dicts and the like."""

from typing import Final

from comfyfixer.inventory.reading.collections import update, walk
from comfyfixer.inventory.reading.machine import Call, Machine
from comfyfixer.inventory.reading.values import UNKNOWN, Row, Table, truth

_MAX_RANGE: Final = 2_000


def _row(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[0]) if args else ([], False, ())
    return Row(items, is_open=is_open, folders=folders)


def _set(machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    row = _row(machine, args, keywords)
    assert isinstance(row, Row)  # noqa: S101  # what `_row` gives
    return Row(dict.fromkeys(row), is_open=row.open, folders=row.folders)


def _tuple(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[0]) if args else ([], False, ())
    return Row(items, is_open=True, folders=folders) if is_open else tuple(items)


def _sorted(_machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[0])
    texts = all(isinstance(item, str) for item in items)
    known = sorted(items, key=str) if texts and not keywords else items
    return Row(known, is_open=is_open, folders=folders)


def _reversed(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[0])
    return Row(reversed(items), is_open=is_open, folders=folders)


def _dict(_machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    table = Table()
    for arg in args:
        update(table, arg, doubt=False)
    table.update(keywords)
    return table


def _len(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    if isinstance(args[0], Row | Table) and (args[0].open or getattr(args[0], "doubtful", None)):
        return UNKNOWN
    return len(args[0]) if isinstance(args[0], Row | Table | tuple | str) else UNKNOWN


def _range(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    whole = [arg for arg in args if isinstance(arg, int)]
    if len(whole) < len(args):
        return Row(is_open=True)
    numbers = range(*whole)
    return Row(numbers[:_MAX_RANGE], is_open=len(numbers) > _MAX_RANGE)


def _enumerate(_machine: Machine, args: list[object], keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[0])
    start = (args[1:] or [keywords.get("start", 0)])[0]
    return Row(enumerate(items, start if isinstance(start, int) else 0), is_open=is_open)


def _zip(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    walked = [walk(arg) for arg in args]
    return Row(zip(*(items for items, _, _ in walked), strict=False), is_open=any(is_open for _, is_open, _ in walked))


def _map(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[1])
    return Row([machine.call(args[0], [item], {}) for item in items], is_open=is_open)


def _filter(machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, folders = walk(args[1])
    row = Row(is_open=is_open, folders=folders)
    for item in items:
        keep = truth(item if args[0] is None else machine.call(args[0], [item], {}))
        row.open |= keep is None
        if keep:
            row.append(item)
    return row


def _next(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[0])
    if items and not is_open:
        return items[0]
    return args[1] if len(args) > 1 and not is_open else UNKNOWN


def _any(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[0])
    known = [truth(item) for item in items]
    return True if True in known else UNKNOWN if is_open or None in known else False


def _all(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    items, is_open, _ = walk(args[0])
    known = [truth(item) for item in items]
    return False if False in known else UNKNOWN if is_open or None in known else True


def _chain(_machine: Machine, args: list[object], _keywords: dict[str, object]) -> object:
    row = Row()
    for arg in args:
        items, is_open, folders = walk(arg)
        row += items
        row.open |= is_open
        row.folders += folders
    return row


ITEM_LIBRARY: Final[dict[str, Call]] = {
    "builtins.list": _row,
    "builtins.iter": _row,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.tuple": _tuple,
    "builtins.sorted": _sorted,
    "natsort.natsorted": _sorted,
    "builtins.reversed": _reversed,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "builtins.len": _len,
    "builtins.range": _range,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.next": _next,
    "builtins.any": _any,
    "builtins.all": _all,
    "itertools.chain": _chain,
}
