"""What became of installed files since they were recorded: `data` of `verify`."""

import msgspec

from comfyfixer.model.problem import Problem


class VerifiedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file against its record.

    Attributes:
        state: `unchanged`; `recorded` (there was no record: there is one now); `moved` (the same, of a file whose bytes
            were recorded under `other_path`, where they are no more); `changed`; `gone`; `unreadable`.
        sha256: Of the bytes as they are now; None where they were not read.
        recorded_sha256: What the record said before this look; None without one.
        recorded_by: `download`, `verify`, `inventory` or `accept`; None without a record.
        recorded_at: ISO 8601 with offset; None without a record.
        other_path: For `moved` where it was; for `gone` where the same bytes are; else None.
        unnoticed: True where the bytes changed, and neither size nor time did: as on a failing disk.
        accepted: True where the difference was declared right: the record says what is now.
        problem: What is wrong, None where nothing is.
    """

    path: str
    state: str
    size_bytes: int | None = None
    sha256: str | None = None
    recorded_sha256: str | None = None
    recorded_by: str | None = None
    recorded_at: str | None = None
    other_path: str | None = None
    unnoticed: bool = False
    accepted: bool = False
    problem: Problem | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `verify --json`.

    Attributes:
        counts: Files by state; every state is there.
        bytes_read: Of different files; one with several names is read once.
        files: By path.
    """

    counts: dict[str, int]
    bytes_read: int
    seconds: float
    files: tuple[VerifiedFile, ...]


STATES = ("unchanged", "recorded", "moved", "changed", "gone", "unreadable")
