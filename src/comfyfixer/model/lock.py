"""`output/comfyfixer.lock.json`: everything needed to repeat a result on another machine."""

import msgspec


class LockedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A place that has the bytes.

    Attributes:
        source: `civitai`, `huggingface` or `url`.
        url: The hub's stable one.
        revision: Of a repository.
    """

    source: str
    url: str
    page_url: str | None = None
    model_id: int | None = None
    version_id: int | None = None
    file_id: int | None = None
    repo_id: str | None = None
    revision: str | None = None
    repo_path: str | None = None


class LockedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model file.

    Attributes:
        name: Below its models folder, with forward slashes.
        folder: ComfyUI's folder name.
        url: Of the first source, for people and simple programs.
        sha256: Lower-case hex; without it nothing is ever fetched.
        sources: Best first; without one the file has to be brought by hand.
        allow_pickle: The file could run code when it is loaded, and was allowed by name.
    """

    name: str
    folder: str
    url: str | None = None
    sha256: str
    size_bytes: int
    sources: tuple[LockedSource, ...] = ()
    allow_pickle: bool = False


class LockedPack(msgspec.Struct, frozen=True, kw_only=True):
    """One custom-node pack.

    Attributes:
        name: Of its folder.
        id: The Comfy Registry's.
        commit: Of a checkout.
    """

    name: str
    id: str | None = None
    version: str | None = None
    repository: str | None = None
    commit: str | None = None


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """The file.

    Attributes:
        made_by: Program and version.
        comfyui_version: None where it is not known.
    """

    schema_version: int = 1
    made_by: str = ""
    comfyui_version: str | None = None
    models: tuple[LockedModel, ...] = ()
    node_packs: tuple[LockedPack, ...] = ()


class SyncedModel(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one model of a lock file.

    Attributes:
        state: `in-place`, `linked` (from the store), `fetched`, `to-fetch` (with `--dry-run`), `failed`.
        path: Where it is or would be; None where its name is no safe path.
        code: Why it failed, with `why` and `hint` for people.
    """

    name: str
    folder: str
    state: str
    path: str | None = None
    size_bytes: int | None = None
    code: str | None = None
    why: str | None = None
    hint: str | None = None


class SyncedPack(msgspec.Struct, frozen=True, kw_only=True):
    """What a node pack of a lock file is here.

    Attributes:
        state: `same`, `other-version`, `missing`.
        here: The version or commit that is here.
    """

    name: str
    state: str
    wanted: str | None = None
    here: str | None = None
    repository: str | None = None


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `sync`.

    Attributes:
        bytes_to_fetch: Of what is not here, as far as this run has to fetch or had to.
    """

    lock: str
    dry_run: bool
    bytes_to_fetch: int
    models: tuple[SyncedModel, ...]
    node_packs: tuple[SyncedPack, ...]
