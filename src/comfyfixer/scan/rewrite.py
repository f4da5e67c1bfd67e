"""A workflow's text with other names for some of its files: bytes to bytes, and nothing else changed.

Which text gives a node its file is a long story (subgraphs, links, proxies, group nodes), and the reader knows it. So
the reader is asked: each text that may be meant is marked, the marked workflow is read once, and the mark that a node
shows tells where its value stands. What comes out is read again, and has to differ in the wanted values alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from comfyfixer.errors import WorkflowError
from comfyfixer.model.reference import ModelReference, Workflow, base_name
from comfyfixer.scan.json_places import Place, decoded, encoded, named_twins, places_of, replaced
from comfyfixer.scan.values import MODEL_EXTENSIONS

Read = Callable[[bytes], Workflow | None]
_Shown = dict[tuple[str, int], set[int]]
"""Value and group of places to the positions of references."""

_HINT: Final = "Choose the file in the node, or let `comfyfixer relink --link` put a link where the workflow looks"


class Change(msgspec.Struct, frozen=True):
    """Every reference to one file, and its new value."""

    folder: str | None
    value: str
    new: str


def rewritten(data: bytes, changes: Sequence[Change], read: Read) -> bytes:
    """The same JSON text with the changes made.

    Args:
        read: What the product itself reads in such a text.

    Raises:
        WorkflowError: It can't be done so that the wanted references change and nothing else does.
    """
    before = _models(data, read)
    wanted = _wanted(before, changes)
    if not wanted:
        raise _refused("it does not name the file any more")
    text, encoding = decoded(data)
    places = [place for value in dict.fromkeys(before[at].value for at in wanted) for place in places_of(text, value)]
    shown_by = _shown_by(before, text, encoding, places, read)
    chosen = _chosen(places, shown_by, wanted)
    new = encoded(replaced(text, [*chosen, *named_twins(text, chosen, _idle(places, shown_by))]), encoding)
    _verify(before, _models(new, read), wanted)
    return new


def _models(data: bytes, read: Read) -> tuple[ModelReference, ...]:
    workflow = read(data)
    return workflow.models if workflow is not None else ()


def _wanted(models: Sequence[ModelReference], changes: Sequence[Change]) -> dict[int, str]:
    """Position of each reference that is to change, and its new value."""
    new = {(change.folder, change.value): change.new for change in changes}
    keys = ((at, (model.folder, model.value)) for at, model in enumerate(models))
    return {at: new[key] for at, key in keys if key in new}


def _shown_by(
    before: Sequence[ModelReference], text: str, encoding: str, places: Sequence[Place], read: Read
) -> "_Shown":
    """For each value in each group of places, the references that take it from there."""
    marks = {(place.value, place.group): _marked(place.value, place.group) for place in places}
    trial = replaced(text, [(place, marks[place.value, place.group]) for place in places])
    found = _models(encoded(trial, encoding), read)
    if len(found) != len(before):
        raise _refused("its structure can't be followed")
    sources = {mark: source for source, mark in marks.items()}
    shown: _Shown = {}
    for at, now in enumerate(found):
        if now.value in sources:
            shown.setdefault(sources[now.value], set()).add(at)
    return shown


def _marked(value: str, group: int) -> str:
    """The value with a mark that leaves its form as it is: kind of file, sub-folder, beginning."""
    lowered = value.lower()
    extension = next((end for end in MODEL_EXTENSIONS if lowered.endswith(end)), "")
    stem = len(value) - len(extension)
    return f"{value[:stem]}~{group}~{value[stem:]}"


def _chosen(places: Sequence[Place], shown_by: "_Shown", wanted: Mapping[int, str]) -> list[tuple[Place, str]]:
    """The places that give the wanted references their values, each with its new one."""
    chosen: list[tuple[Place, str]] = []
    for place in places:
        users = shown_by.get((place.value, place.group), set())
        if not users & wanted.keys():
            continue
        names = {wanted.get(user) for user in users}
        name = names.pop()
        if names or name is None:
            raise _refused("one text in it gives the name to several nodes, which look in different folders")
        chosen.append((place, name))
    reached = {user for place, _ in chosen for user in shown_by[place.value, place.group]}
    if wanted.keys() - reached:
        raise _refused("the place of the name in it can't be found")
    return chosen


def _idle(places: Sequence[Place], shown_by: "_Shown") -> list[Place]:
    """Places that no reference takes its value from."""
    return [place for place in places if (place.value, place.group) not in shown_by]


def _verify(before: Sequence[ModelReference], after: Sequence[ModelReference], wanted: Mapping[int, str]) -> None:
    """What was read before, with the wanted values alone changed; else the text is not used."""
    if len(before) != len(after):
        raise _refused("its structure can't be followed")
    for at, (old, now) in enumerate(zip(before, after, strict=True)):
        value = wanted.get(at, old.value)
        same = (old.node_id, old.node_type, old.input, old.active, old.origin) == (
            now.node_id, now.node_type, now.input, now.active, now.origin,
        )  # fmt: skip
        same_folder = old.folder == now.folder or old.folder_known_by == "properties"
        if not (same and same_folder and now.value == value and now.filename in (base_name(value), old.filename)):
            raise _refused("the new name would not be read as it is meant")


def _refused(why: str) -> WorkflowError:
    return WorkflowError(f"The workflow can't be rewritten: {why}", code="relink-refused", hint=_HINT)
