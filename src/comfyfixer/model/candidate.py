"""A file on a hub that may be the one a workflow means, and why."""

import msgspec

from comfyfixer.model.sidecar import Sidecar


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One fact for or against a candidate.

    Attributes:
        kind: Of facts for it: `hash`, `short-hash`, `workflow-url`, `note-url`, `repository`, `index`, `exact-name`,
            `kind-matches`, `local-file`, `sidecar` (a metadata file here), `choice` (a person's or agent's). Against
            it: `hash-differs`, `sidecar-differs`, `name-differs`, `kind-differs`, `generic-name`, `not-allowed-host`,
            `unsafe`, `access`. Sources may add further ones.
        detail: One sentence for a person.
    """

    kind: str
    detail: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One file on one hub. Identity is `id`, never a URL or host.

    Attributes:
        source: `civitai`, `huggingface`, `url` or `local`.
        filename: Base name as the hub has it.
        alternative_names: Further names of the very same file (Civitai derives some; the stored one is here too).
        download_url: The hub's stable URL for exactly this file, never a signed one; a local path for `local`.
        size_bytes: Exact, or None where the hub does not tell exactly.
        hashes: Lower-case algorithm to lower-case hex: `sha256`, `autov2`, `autov3`, `blake3`, `crc32`.
        kind: The hub's own type (`LORA`, `Checkpoint`), None where it has none.
        folders: ComfyUI folders where such a file belongs by the hub's word; empty where nothing tells.
        access: `open`, `gated`, `login-required`, `early-access`, `download-disabled`, `archived`, `unknown`.
        page_url: The page for a person.
        workflow_urls: Those of `MissingModel.urls` that lead to exactly this file.
        found_by: `workflow-url`, `index`, `hash`, `sidecar`, `repository` (exact file in a named repository), `search`,
            or the name of a smaller source: `openmodeldb`, `modelscope`, another package's.
    """

    source: str
    filename: str
    download_url: str
    alternative_names: tuple[str, ...] = ()
    size_bytes: int | None = None
    hashes: dict[str, str] = {}
    kind: str | None = None
    folders: tuple[str, ...] = ()
    access: str = "open"
    page_url: str | None = None
    found_by: str = "search"
    model_id: int | None = None
    model_name: str | None = None
    version_id: int | None = None
    version_name: str | None = None
    file_id: int | None = None
    repo_id: str | None = None
    revision: str | None = None
    repo_path: str | None = None
    base_model: str | None = None
    workflow_urls: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def sha256(self) -> str | None:
        """Lower-case hex of the whole file, or None."""
        return self.hashes.get("sha256")

    @property
    def id(self) -> str:
        """The same file always has the same id: what `choose` takes."""
        if self.source == "civitai":
            return f"civitai:{self.model_id}@{self.version_id}+{self.file_id}"
        if self.source == "huggingface":
            return f"huggingface:{self.repo_id}@{self.revision or 'main'}/{self.repo_path}"
        return f"{self.source}:{self.download_url}"


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for one missing model, and who did not answer.

    Attributes:
        candidates: In order of arrival, without repeats by `Candidate.id`.
        unanswered: Source name to the sentence that says why no answer came.
        asked: What was asked where, one sentence each, for the report.
        beside: What metadata files say that lie where the model belongs.
    """

    candidates: tuple[Candidate, ...] = ()
    unanswered: dict[str, str] = {}
    asked: tuple[str, ...] = ()
    beside: tuple[Sidecar, ...] = ()
