"""What workflows need and the installation lacks: rows of `output/missing_models.json` and `missing_nodes.json`."""

import msgspec


class ReferencePlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place in one workflow that names the file."""

    path: str
    node_id: str
    node_type: str
    input: str
    active: bool


class LocalMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is here and may be meant.

    Attributes:
        why: `other-separator`, `other-case`, `other-subfolder` (in the right folder), `other-folder`, `same-hash`
            (under another name), `other-precision` (a possible match, never proof), `broken` or `wrong-kind` (there,
            and can't be used).
        name: What a loader's list shows for it.
        size_bytes: None where it could not be read.
        detail: Why, as a sentence for a person.
        sha256: Of the file, lower-case hex, where it is known.
    """

    path: str
    why: str
    name: str
    folder: str
    size_bytes: int | None = None
    detail: str | None = None
    sha256: str | None = None


class MissingModel(msgspec.Struct, frozen=True, kw_only=True):
    """One file needed and not loadable; one entry per file, however many workflows need it.

    Attributes:
        workflow: The first workflow that needs it.
        workflows: All of them, sorted.
        node_type: Of the first active reference.
        node_id: Of the first active reference.
        urls: Where the workflows themselves say that it can be had, best first, without repeats.
        url_origins: For each of `urls`: `properties`, `models` or `note`.
        hashes: Lower-case algorithm to lower-case hex, where all workflows that name one agree.
        said_nothing: Workflows whose active nodes name the file without an address or hash of their own.
        disputed_hashes: Algorithms of which workflows name different values: they mean different files.
    """

    filename: str
    value: str
    folder: str | None
    expected_type: str
    workflow: str
    workflows: tuple[str, ...]
    node_type: str
    node_id: str
    references: tuple[ReferencePlace, ...]
    urls: tuple[str, ...] = ()
    hashes: dict[str, str] = {}
    local_matches: tuple[LocalMatch, ...] = ()
    url_origins: dict[str, str] = {}
    disputed_hashes: tuple[str, ...] = ()
    said_nothing: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """The same file has the same key in every list: folder, value, file name."""
        return self.folder or "", self.value, self.filename


class PackReference(msgspec.Struct, frozen=True, kw_only=True):
    """A custom-node pack that has a node type.

    Attributes:
        id: The Comfy Registry's, or what a list takes for it.
        version: The one that the workflow was saved with, None where it does not say.
        found_by: Who says so, the strongest: `cnr_id` or `aux_id` (the workflow itself), `installed-list` (a list that
            ComfyUI-Manager keeps in this installation), `registry`, `manager-list`; `builtin` for ComfyUI itself.
        also_found_by: Who else says so.
        latest: The newest version that the registry has.
        preempts: The lists give this pack the type where several have it.
    """

    id: str | None = None
    title: str | None = None
    repository: str | None = None
    version: str | None = None
    found_by: str = "cnr_id"
    also_found_by: tuple[str, ...] = ()
    latest: str | None = None
    stars: int | None = None
    downloads: int | None = None
    preempts: bool = False


class MissingNode(msgspec.Struct, frozen=True, kw_only=True):
    """One node type needed and not installed.

    Attributes:
        pack: Where it comes from, None where nothing tells.
        alternatives: Other packs that have a type of this name, the likeliest first.
        note: What to know beside, such as "the installed ComfyUI is older", or None.
        state: `missing`; `disabled`, `failed-import`, `outdated` (the pack is there: switched off, not importable,
            without this type); `uncertain` (the pack is there, its source does not tell); `update-comfyui`, `removed`
            (ComfyUI itself has the type in a newer, an older version).
        unanswered: Who gave no answer about it: that no pack is named does not mean that there is none.
    """

    node_type: str
    workflows: tuple[str, ...]
    pack: PackReference | None = None
    alternatives: tuple[PackReference, ...] = ()
    note: str | None = None
    state: str = "missing"
    unanswered: tuple[str, ...] = ()
