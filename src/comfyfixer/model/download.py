"""What is asked of the download room, and what it needs to know about one file."""

import msgspec

from comfyfixer.model.candidate import Candidate


class FetchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One file to fetch.

    Attributes:
        filename: Final base name, as the workflow names it.
        target: Absolute final path.
        root: The models root that `target` must stay below; its volume's free space counts.
        candidates: Places that have the same bytes, best first; tried in turn.
        folder: ComfyUI's folder name.
        allow_pickle: It may be placed although loading it could run code: the user named it.
    """

    filename: str
    target: str
    root: str
    candidates: tuple[Candidate, ...]
    folder: str
    allow_pickle: bool = False


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one transfer is.

    Attributes:
        bytes_total: None while unknown.
        bytes_per_second: Over the last seconds; 0 before any byte came.
    """

    filename: str
    bytes_done: int
    bytes_total: int | None
    bytes_per_second: float
    eta_seconds: float | None
