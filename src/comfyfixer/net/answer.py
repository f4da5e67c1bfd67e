"""A small whole body that a hub answered."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from comfyfixer.errors import SourceError
from comfyfixer.redact import redact

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub answered to `get` or `post`.

    Attributes:
        status: HTTP status, 200 to 299.
        headers: Names in lower case.
        body: Decompressed and complete.
        url: Address that answered in the end, without secrets.
        cached: No request was sent for it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    cached: bool = False

    def json(self, answer_type: type[T]) -> T:
        """The body as a value.

        Raises:
            SourceError: `hub-bad-answer`: it is not the hub's format.
        """
        try:
            return msgspec.json.decode(self.body, type=answer_type, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SourceError(
                f"The answer of {redact(self.url)} is not in the form that is known: {error}",
                code="hub-bad-answer",
                hint="Try again later; if it stays so, the hub has changed and ComfyFixerSmart needs an update",
                status=self.status,
            ) from error
