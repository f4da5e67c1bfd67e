"""What went wrong with one thing among many, as data."""

from typing import Self

import msgspec

from comfyfixer.errors import ComfyFixerError


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error that did not stop the run.

    Attributes:
        code: One of `errors.CODES`.
        message: One sentence; holds no secret.
        hint: What to do next, or None.
        where: The file, folder, host or name it is about, or None.
    """

    code: str
    message: str
    hint: str | None = None
    where: str | None = None

    @classmethod
    def of(cls, error: ComfyFixerError, *, where: str | None = None) -> Self:
        """The data of an error that was caught."""
        return cls(code=error.code, message=error.message, hint=error.hint, where=where)
