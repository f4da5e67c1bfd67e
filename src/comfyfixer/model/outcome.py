"""What became of one download."""

import msgspec

from comfyfixer.model.problem import Problem


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `output/downloads.json`.

    Attributes:
        source: `civitai`, `huggingface` or `url`.
        path: Absolute path of the placed file; None where nothing was placed.
        size_bytes: Of the placed file, None where nothing was placed.
        sha256: Lower-case hex of the bytes on disk.
        verified: True when every promised hash that can be computed is that of the bytes, among them the SHA-256; or a
            shorter one (AutoV2, AutoV3) or a BLAKE3 where no promised hash had to be left out. A size or a CRC-32 alone
            proves no identity: False, and the event `problem.found` with `hash-unknown` says why.
        seconds: Wall time of this item in this run.
        filename: As the workflow names it, like in `missing_models.json`; `folder` and `value` likewise.
        mtime_ns: Of the placed file, nanoseconds since 1970: a file that is as it was placed is not hashed again.
        already_there: The very file was in its place before; nothing was fetched.
        from_store: It was linked from the shared store; nothing was fetched.
        unsafe: Why loading the file could run code, which was allowed by name; None where it could not.
        set_aside: Where the broken file is kept that had the name before; None where there was none.
    """

    filename: str
    source: str
    success: bool
    path: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    verified: bool = False
    seconds: float = 0.0
    error: Problem | None = None
    already_there: bool = False
    from_store: bool = False
    set_aside: str | None = None
    unsafe: str | None = None
    mtime_ns: int | None = None
    folder: str | None = None
    value: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """As `MissingModel.key`."""
        return self.folder or "", self.value, self.filename
