"""What the first bytes of a file are, where they belong to no file of weights."""

import re
from typing import Final

HEAD_BYTES: Final = 512
_TEXT_SUFFIXES: Final = frozenset({".json", ".yaml", ".yml", ".txt", ".pbtxt", ".csv", ".xml", ".md", ".vocab"})
_PAGE: Final = re.compile(rb"<(?:!doctype|html|head|body|script|\?xml|error|!--)", re.IGNORECASE)
_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]*")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

LFS_POINTER: Final = "a Git LFS pointer"
WEB_PAGE: Final = "a web page"
JSON_TEXT: Final = "a JSON text"


def page_kind(head: bytes, suffix: str) -> str | None:
    """What the beginning of a body is when it is no file of weights: for a message; None when it may be one."""
    start = head[:HEAD_BYTES].removeprefix(_BYTE_ORDER_MARK).lstrip()
    if start.startswith(_POINTER):
        return LFS_POINTER
    if _PAGE.match(start):
        return WEB_PAGE if suffix != ".xml" or b"html" in start.lower() else None
    if suffix not in _TEXT_SUFFIXES and start[:1] in (b"{", b"[") and _TEXT.fullmatch(start):
        return JSON_TEXT
    return None
