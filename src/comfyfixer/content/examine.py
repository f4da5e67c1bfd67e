"""One file, a few reads: whole or broken, and what it is. Everything in it is taken for hostile; nothing is decoded."""

import os
import stat
from typing import Final

import msgspec

from comfyfixer.content import gguf, metadata, safetensors
from comfyfixer.content.archives import archive_fault
from comfyfixer.content.first_bytes import HEAD_BYTES, JSON_TEXT, LFS_POINTER, WEB_PAGE, page_kind
from comfyfixer.content.folders import FOLDERS
from comfyfixer.content.kinds import kind_of
from comfyfixer.content.left_overs import with_left_overs
from comfyfixer.model.content import PICKLE_SUFFIXES, Content

_CODES: Final = {LFS_POINTER: "lfs-pointer", WEB_PAGE: "web-page", JSON_TEXT: "json-text"}
_ENOUGH_TENSORS: Final = 50


def examine(path: str) -> Content:
    """What the file is. Nothing is told of folders, and of what can't be read for now."""
    return with_left_overs(path, examine_bytes(path))


def examine_bytes(path: str) -> Content:
    """The same by the file's own bytes alone: what may be remembered as long as the file does not change."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return _broken("unreadable", "a link that leads nowhere") if os.path.islink(path) else Content()
    if not stat.S_ISREG(status.st_mode):
        return Content()
    try:
        return _of_file(path, os.path.splitext(path)[1].lower())
    except OSError:
        return Content()


def _of_file(path: str, suffix: str) -> Content:
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return _broken("empty", "0 bytes")
    if kind := page_kind(head, suffix):
        return _broken(_CODES[kind], kind)
    if suffix in safetensors.SAFETENSORS:
        return _of_safetensors(path)
    if suffix == ".gguf":
        return _of_gguf(path)
    return _of_archive(path, suffix) if suffix in PICKLE_SUFFIXES or suffix == ".zip" else Content()


def _of_safetensors(path: str) -> Content:
    reading = safetensors.read(path)
    known = kind_of(reading.header.shapes, reading.header.metadata) if reading.header else Content()
    return _with_fault(known, reading.fault, reading.truncated)


def _of_gguf(path: str) -> Content:
    reading = gguf.read(path)
    kind, family = metadata.gguf_kind(reading.metadata)
    if kind is None:
        known = kind_of({name: shape[::-1] for name, shape in reading.shapes.items()})
    else:
        certain = len(reading.shapes) >= _ENOUGH_TENSORS
        told_by = "its metadata (general.architecture)"
        known = Content(kind=kind, family=family, folders=FOLDERS[kind], certain=certain, told_by=told_by)
    return _with_fault(known, reading.fault, reading.truncated)


def _of_archive(path: str, suffix: str) -> Content:
    fault = archive_fault(path, suffix)
    return _broken("truncated" if fault.truncated else "unreadable", fault.text) if fault else Content()


def _with_fault(known: Content, fault: str | None, truncated: bool) -> Content:
    if fault is None:
        return known
    return msgspec.structs.replace(known, fault=fault, fault_code="truncated" if truncated else "unreadable")


def _broken(code: str, fault: str) -> Content:
    return Content(fault=fault, fault_code=code)
