"""What the installation has: `data` of `inventory`."""

import msgspec


class FolderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One of ComfyUI's models folders.

    Attributes:
        size_bytes: Of different files: one with several names (hard or symbolic links) counts once.
        roots: Those that are there.
    """

    name: str
    files: int
    size_bytes: int
    roots: tuple[str, ...]


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """One disk that models are on.

    Attributes:
        path: Where it is mounted.
        models_bytes: What the model files on it take.
        free_bytes: What may still be written.
    """

    path: str
    models_bytes: int
    free_bytes: int
    total_bytes: int


class PackRow(msgspec.Struct, frozen=True, kw_only=True):
    """One custom-node pack.

    Attributes:
        node_types: Number of types its source is certain to register.
        complete: False where reading its source can't tell all of them.
    """

    name: str
    id: str | None
    version: str | None
    enabled: bool
    node_types: int
    complete: bool


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model file as ComfyUI lists it.

    Attributes:
        size_bytes: None for a link that leads nowhere.
        hashes: Those that are known of it as it is now: algorithm to lower-case hex.
        needed: Whether a workflow that was read names it; None where no workflow was read.
        fault: What it is instead of a whole model file; None where nothing speaks against it.
        fault_code: As `Content.fault_code`.
    """

    folder: str
    name: str
    path: str
    size_bytes: int | None
    hashes: dict[str, str] = {}
    needed: bool | None = None
    fault: str | None = None
    fault_code: str | None = None


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """The same bytes stored more than once.

    Attributes:
        size_bytes: Of one copy.
        spare_bytes: What all copies but one take.
        paths: One path for each copy, sorted; further names of the same copy (links) are not listed.
    """

    sha256: str
    size_bytes: int
    spare_bytes: int
    paths: tuple[str, ...]


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `inventory --json`.

    Attributes:
        files: Number of `models`, as ComfyUI lists them.
        size_bytes: What they take: a file with several names counts once.
        workflows: Number of workflows that were read to learn what is needed.
        unneeded_bytes: What the files take that no workflow names, as `size_bytes`.
        duplicates: The most spare bytes first.
        duplicates_complete: False with `--no-hash`: files whose hash was not known were left out.
        models: By folder and name.
    """

    installation: str
    found_by: str
    files: int
    size_bytes: int
    folders: tuple[FolderRow, ...]
    volumes: tuple[Volume, ...]
    packs: tuple[PackRow, ...]
    workflows: int
    unneeded_bytes: int
    duplicates: tuple[Duplicate, ...]
    duplicates_complete: bool
    models: tuple[ModelRow, ...]
