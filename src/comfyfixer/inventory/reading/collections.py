"""Changing and walking the lists and dicts of a pack, with what is only partly known about them."""

from typing import Final

from comfyfixer.inventory.reading.values import UNKNOWN, Class, External, Made, Row, Table, join, merged

MAX_ITEMS: Final = 5_000
"""A longer list is known in part only: a pack's source may double one as often as it likes."""


def put(table: Table, key: object, value: object, *, doubt: bool) -> None:
    """`table[key] = value`; in doubt the key is there only perhaps."""
    if key is UNKNOWN or isinstance(key, Row | Table | Made | External):
        table.open = True
        return
    if not doubt:
        table[key] = value
        table.doubtful.discard(key)
    elif key not in table:
        table[key] = value
        table.doubtful.add(key)
    else:
        table[key] = join(table[key], value)


def update(table: Table, other: object, *, doubt: bool) -> None:
    """`table.update(other)`."""
    if isinstance(other, Table):
        for key, value in list(other.items()):
            put(table, key, value, doubt=doubt or key in other.doubtful)
        table.open |= other.open
    elif isinstance(other, Row | tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in other):
        for key, value in other:  # type: ignore[misc]  # pairs, as just asked
            put(table, key, value, doubt=doubt)
        table.open |= isinstance(other, Row) and other.open
    else:
        table.open = True


def append(row: Row, item: object, *, doubt: bool) -> None:
    """`row.append(item)`; an item that is there only perhaps just leaves the row open."""
    if doubt or len(row) >= MAX_ITEMS:
        row.open = True
    else:
        row.append(item)


def extend(row: Row, other: object, *, doubt: bool) -> None:
    """`row.extend(other)`."""
    items, is_open, folders = walk(other)
    fits = len(row) + len(items) <= MAX_ITEMS
    row.folders = merged(row.folders, folders)
    row.open |= is_open or not fits or (doubt and bool(items))
    if fits and not doubt:
        row += items


def walk(value: object) -> tuple[list[object], bool, tuple[str, ...]]:
    """The known items of anything that can be iterated, whether there may be more, the folders it lists."""
    match value:
        case Row():
            return list(value), value.open, value.folders
        case tuple() | str():
            return list(value), False, ()
        case Table():
            sure = [key for key in value if key not in value.doubtful]
            return sure, value.open or bool(value.doubtful), ()
        case Class() if any(isinstance(base, External) and base.name.endswith("Enum") for base in value.bases):
            return [member for member in value.attributes.values() if isinstance(member, str | int)], False, ()
    return [], True, ()


def contains(container: object, item: object) -> bool | None:
    """`item in container`."""
    if item is UNKNOWN:
        return None
    match container:
        case str():
            return item in container if isinstance(item, str) else None
        case Table():
            if item in container:
                return None if item in container.doubtful else True
            return None if container.open else False
        case Row() | tuple():
            if any(item is known or item == known for known in container):
                return True
            return None if UNKNOWN in container or (isinstance(container, Row) and container.open) else False
    return None
