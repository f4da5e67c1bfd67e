"""What would be fetched for the whole library, in which order, and what stands in the way."""

import msgspec


class Narrowing(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants less than everything of.

    Attributes:
        only: Workflows, by path, name or pattern; empty means all.
        max_bytes: At most so many bytes in all; None means no limit.
        prefer: A precision or format (`fp8`, `gguf`): of the same model in several, only this one.
        base_model: Only what belongs to this base model.
    """

    only: tuple[str, ...] = ()
    max_bytes: int | None = None
    prefer: str | None = None
    base_model: str | None = None


NOTHING_LESS = Narrowing()


class PlannedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file to fetch.

    Attributes:
        number: Its place in the order, from 1.
        path: Where it will lie.
        disk: Where its disk is mounted.
        workflows: Those that need it.
        completes: Those that become runnable with it, given the files before it.
        files_before: How many of the files before it those need too.
        needs_step: A step has to be done before it can be fetched.
    """

    number: int
    filename: str
    value: str
    folder: str | None
    source: str
    size_bytes: int | None
    sha256: str | None
    because: str
    page_url: str | None = None
    path: str | None = None
    disk: str | None = None
    workflows: tuple[str, ...] = ()
    completes: tuple[str, ...] = ()
    files_before: int = 0
    needs_step: bool = False


class PlannedDisk(msgspec.Struct, frozen=True, kw_only=True):
    """One disk that files go to.

    Attributes:
        needed_bytes: Of the files whose size is known.
        unknown_sizes: Number of the others.
        lacking_bytes: More than is free; 0 where all fit.
    """

    path: str
    needed_bytes: int
    free_bytes: int
    files: int
    unknown_sizes: int = 0
    lacking_bytes: int = 0


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """Something that only a person can do, best before the run.

    Attributes:
        kind: `gated`, `login-required`, `early-access`, `download-disabled`, `archived` or `key`.
        certain: The files can't be had without it; else it may be done already, or not be needed.
        url: The page to click on.
    """

    kind: str
    message: str
    url: str
    files: tuple[str, ...]
    certain: bool = True


class OpenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A missing file that the plan does not fetch.

    Attributes:
        state: `review`, `not_found`, `here`, `skipped`, `missing` (not looked for yet), `refused` (no safe place, or no
            candidate that may be taken), or `left-out` (proven, and left out by what was said on the command line).
        size_bytes: None where no source told it, or none is chosen.
    """

    filename: str
    folder: str | None
    state: str
    why: str
    workflows: tuple[str, ...] = ()
    value: str = ""
    size_bytes: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """As `MissingModel.key`."""
        return self.folder or "", self.value, self.filename


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `plan`.

    Attributes:
        summary: The plan in one sentence.
        size_bytes: Of all files whose size is known.
        unknown_sizes: Number of the others.
        files: In the order in which they are fetched: what makes most workflows runnable for its bytes first.
        runnable: Workflows that become runnable by it.
        after_steps: Those of them that need a file that can't be had before a step is done.
        nearly: Workflows whose model files are all here then, and that still miss nodes or a reference to mend.
        runnable_now: Number of workflows that wait for nothing.
        workflows: Number of all that were read, or that were named.
        open: What stays open, and what was left out.
    """

    summary: str
    narrowing: Narrowing
    size_bytes: int
    unknown_sizes: int
    files: tuple[PlannedFile, ...]
    disks: tuple[PlannedDisk, ...]
    steps: tuple[PlanStep, ...]
    runnable: tuple[str, ...]
    after_steps: tuple[str, ...] = ()
    nearly: tuple[str, ...]
    runnable_now: int
    workflows: int
    open: tuple[OpenFile, ...]
