"""What download programs leave beside a file that they have not finished."""

import os
from typing import Final

from comfyfixer.model.content import Content

ENDINGS: Final = (".aria2", ".part", ".crdownload")
"""What download programs put beside, or instead of, a file that they have not finished."""
RESERVED_AHEAD: Final = ".aria2"
"""The mark of a program that gives a file its full length before its bytes are there."""


def with_left_overs(path: str, content: Content) -> Content:
    """The same file, judged by what download programs left beside it.

    A file that is whole by its own lengths stays whole beside a `.part` or `.crdownload`, which holds the bytes of
    another attempt; beside an `.aria2` it does not, as its length was reserved ahead.
    """
    for ending in ENDINGS:
        if path.lower().endswith(ending):
            return _left_over("an unfinished download")
        if (content.fault or ending == RESERVED_AHEAD) and os.path.lexists(path + ending):
            return _left_over(f"an unfinished download (its `{ending}` file is still beside it)")
    return content


def _left_over(fault: str) -> Content:
    return Content(fault=fault, fault_code="left-over")
