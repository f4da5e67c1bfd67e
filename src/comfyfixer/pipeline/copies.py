"""Corrected copies of workflows: the text that is to be written, checked, and the name that it gets."""

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from comfyfixer.download.place import place
from comfyfixer.errors import ComfyFixerError, WorkflowError
from comfyfixer.model.inventory import Inventory
from comfyfixer.model.problem import Problem
from comfyfixer.model.reference import Workflow
from comfyfixer.model.relink import Mend
from comfyfixer.paths import openable, printable
from comfyfixer.resolve.local import LocalIndex
from comfyfixer.resolve.missing import ModelIndex
from comfyfixer.scan.knowledge import Knowledge, builtin_knowledge
from comfyfixer.scan.media.extensions import MEDIA_EXTENSIONS
from comfyfixer.scan.read import MAX_BYTES, read_workflow
from comfyfixer.scan.rewrite import Change, rewritten

_RELINKED: Final = re.compile(r"\.relinked(-\d+)?$")
_MOST_COPIES: Final = 1_000
_BY_LINK: Final = "`comfyfixer relink --link` puts a link where the workflow looks"


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One workflow's corrected copy.

    Attributes:
        path: What is to be written, or, with `there`, what an earlier `relink` wrote with the very same bytes.
        problems: By position of the mend: why it is not in the copy.
    """

    workflow: str
    path: str = ""
    data: bytes = b""
    there: bool = False
    problems: dict[int, Problem] = {}


class Copying:
    """Makes corrected copies for one installation."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def prepared(self, workflow: str, mends: Sequence[tuple[int, Mend]], *, is_copy: bool = False) -> Copy:
        """The copy of one workflow with all its mends, each checked to be loadable; nothing is written.

        Args:
            workflow: Path as the scan shows it.
            mends: Each with its position, by which the answer names those that could not be made.
            is_copy: It is a corrected copy itself, in which some of them are made already.
        """
        try:
            data, stem = self._original(workflow)
        except ComfyFixerError as error:
            return Copy(workflow=workflow, problems={number: _problem(error, workflow) for number, _ in mends})
        problems: dict[int, Problem] = {}
        new = data
        for number, mend in mends:
            try:
                new = self._mended(new, workflow, mend, is_copy=is_copy)
            except ComfyFixerError as error:
                problems[number] = _problem(error, workflow)
        if new == data:
            there = is_copy and len(problems) < len(mends)
            return Copy(workflow=workflow, path=openable(workflow) if there else "", there=there, problems=problems)
        path, there = _free_name(stem, new)
        return Copy(workflow=workflow, path=path, data=new, there=there, problems=problems)

    def _original(self, workflow: str) -> tuple[bytes, str]:
        """The workflow's JSON text, and the path of its copy without `.relinked.json`."""
        path = openable(workflow)
        stem, extension = os.path.splitext(path)
        try:
            with open(path, "rb") as file:
                if extension.lower() in MEDIA_EXTENSIONS:
                    return _carried(file, workflow), stem
                return file.read(MAX_BYTES + 1), stem
        except OSError as error:
            message = f"The workflow can't be read: {error.strerror or error}"
            raise WorkflowError(
                message, hint="Check the file and its permissions, then run `comfyfixer scan`"
            ) from error

    def _mended(self, data: bytes, workflow: str, mend: Mend, *, is_copy: bool) -> bytes:
        """The text with one more file renamed, which its nodes then find.

        Raises:
            WorkflowError: It can't be done, or they would not.
        """

        def read(text: bytes) -> Workflow | None:
            return read_workflow(text, workflow, self._knowledge)

        before = read(data)
        row, value = mend.row, mend.new_value or ""
        spellings = {use.value for use in before.models if _same_use(use.folder, use.value, mend)} if before else set()
        if is_copy and not spellings:
            return data
        changes = [Change(row.folder, spelling, value) for spelling in sorted(spellings)]
        new = rewritten(data, changes or [Change(row.folder, row.value, value)], read)
        after = read(new)
        found = [use for use in after.models if use.value == value and use.folder == row.folder] if after else []
        if not all(self._index.finds(use) for use in found):
            message = f"The node would not find `{value}` either"
            raise WorkflowError(message, code="relink-refused", hint=_BY_LINK)
        return new

    @cached_property
    def _knowledge(self) -> Knowledge:
        packs = (pack for pack in self._inventory.packs if pack.enabled)
        return builtin_knowledge().with_packs({name: found for pack in packs for name, found in pack.inputs.items()})

    @cached_property
    def _index(self) -> ModelIndex:
        return ModelIndex(self._inventory.models, LocalIndex(self._inventory.models))


def write_copy(copy: Copy) -> None:
    """Write it under its name, whole, durably, and never over a file that is there.

    Raises:
        OSError: It could not be written; nothing is left of it.
    """
    target = Path(copy.path)
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.tmp")
    with open(part, "xb") as file:
        file.write(copy.data)
    try:
        place(part, target)
    finally:
        part.unlink(missing_ok=True)


def _same_use(folder: str | None, value: str, mend: Mend) -> bool:
    """One file is one row, whichever slash each workflow writes."""
    return folder == mend.row.folder and value.replace("\\", "/") == mend.row.value.replace("\\", "/")


def _carried(file: BinaryIO, workflow: str) -> bytes:
    """The workflow in a picture or film, as JSON.

    Raises:
        WorkflowError: There is none as JSON.
    """
    from comfyfixer.scan.media.carried import carried_json

    def read_at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    data = carried_json(read_at, os.fstat(file.fileno()).st_size, workflow)
    if data is None:
        message = "The file carries another program's settings, and no workflow that could be copied"
        raise WorkflowError(message, code="relink-refused", hint=_BY_LINK)
    return data


def _free_name(stem: str, data: bytes) -> tuple[str, bool]:
    """The first name that is free, or that holds these very bytes already."""
    app = ".app" if stem.endswith(".app") else ""
    plain = _RELINKED.sub("", stem.removesuffix(app))
    for number in range(1, _MOST_COPIES):
        path = f"{plain}.relinked{f'-{number}' if number > 1 else ''}{app}.json"
        if not os.path.lexists(path):
            return path, False
        if _holds(path, data):
            return path, True
    raise WorkflowError("There are too many corrected copies of it", code="relink-refused", hint="Remove old copies")


def _holds(path: str, data: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return os.fstat(file.fileno()).st_size == len(data) and file.read() == data
    except OSError:
        return False


def _problem(error: ComfyFixerError, workflow: str) -> Problem:
    hint = _BY_LINK if error.code == "relink-refused" else error.hint
    return Problem(code=error.code, message=error.message, hint=hint, where=printable(workflow))
