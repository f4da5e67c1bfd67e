"""The accepted plan, for programs that fetch elsewhere."""

import msgspec


class ExportedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A place that has the bytes.

    Attributes:
        source: `civitai`, `huggingface` or `url`.
        url: The hub's stable one, without secrets.
        access: `Candidate.access`.
        page_url: The page for a person.
        key_variable: Environment variable of the key that this address would get; None where it gets none.
        needs_key: It can't be had without.
    """

    source: str
    url: str
    access: str = "open"
    page_url: str | None = None
    key_variable: str | None = None
    needs_key: bool = False
    repo_id: str | None = None
    revision: str | None = None
    repo_path: str | None = None


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file.

    Attributes:
        target: Absolute path.
        base: Of the installation, where the target lies below it; then `relative` is the path below it, with forward
            slashes.
        sha256: Lower-case hex, None where no hub tells it.
        sources: Best first.
    """

    target: str
    base: str
    relative: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    sources: tuple[ExportedSource, ...]

    @property
    def name(self) -> str:
        """For a person."""
        return self.relative or self.target


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `export`.

    Attributes:
        text: What the program reads; None where it was written into `output`.
        files: What may be handed on, in the plan's order; what the format can't hold is in `left_out` too.
        output: The file that was written.
        left_out: File name to why it is not in the text.
    """

    format: str
    files: tuple[ExportedFile, ...]
    text: str | None = None
    output: str | None = None
    left_out: dict[str, str] = {}
