"""JSON read as generously as the frontend reads it. msgspec is stricter and far faster: this is for what it refuses."""

import re
from typing import Any, Final

import msgspec

CUT_OFF: Final = "Input data was truncated"
"""What msgspec says of JSON that is right as far as it goes."""

_LONE_SURROGATE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def tolerant(text: bytes) -> Any:
    """Bare `NaN` and the like become null, as in the frontend; halves of characters become a replacement sign.

    Raises:
        msgspec.DecodeError: It is no JSON even so.
        UnicodeDecodeError: It is no UTF-8 text.
    """
    import json

    try:
        return json.loads(_LONE_SURROGATE.sub(rb"\\ufffd", text), parse_constant=lambda _: None)
    except UnicodeDecodeError:
        raise
    except json.JSONDecodeError as error:
        cut_off = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
        raise msgspec.DecodeError(CUT_OFF if cut_off else str(error)) from None
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from None


def decoded(part: msgspec.Raw) -> Any:
    """What a part of a file holds that was passed over when the file was decoded, so that only its form is sure.

    Raises:
        UnicodeDecodeError: It is no UTF-8 text.
    """
    try:
        return msgspec.json.decode(part)
    except msgspec.DecodeError:
        return tolerant(bytes(part))
