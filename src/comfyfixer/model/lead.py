"""Where a list that lies here says that a file can be had: a place to ask, never a proof."""

import msgspec


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an index.

    Attributes:
        filename: Base name under which the file is to be saved.
        url: As the index has it: hostile text.
        folder: ComfyUI's models folder, None where the index names none.
        index: `templates` (the official ones), `manager` (ComfyUI-Manager's model list) or `pack` (a node pack's own).
        named_by: Who names it, as the subject of a sentence.
        sha256: Lower-case hex, where the index names it.
    """

    filename: str
    url: str
    folder: str | None
    index: str
    named_by: str
    sha256: str | None = None
