"""One row of `output/resolutions.json`."""

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """The decision for one missing model, flat for agents; `candidates` holds the full detail.

    Attributes:
        value: As the workflow holds it; its sub-folder is kept below the models folder.
        source: Of the chosen or best candidate: `civitai`, `huggingface`, `url`, `local`; else `not_found`.
        decision: `accepted`, `review` or `not_found`.
        confidence: 1.0 only when proven; below that, how alike the best candidate's name is. Never a licence to fetch.
        because: One sentence: why this decision.
        unanswered: Source to why it gave no answer; the item is open, not absent.
        answer_pending: True where only a silent source stands in the way: asking again may settle it.
        workflows: Who needs it.
        skipped: By choice: the item stays open, nothing is fetched for it and nobody is asked about it.
        into: The models folder that was chosen, where the workflows tell none.
    """

    filename: str
    value: str
    folder: str | None
    expected_type: str
    source: str
    decision: str
    confidence: float
    because: str
    evidence: tuple[Evidence, ...] = ()
    download_url: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    model_id: int | None = None
    model_name: str | None = None
    version_id: int | None = None
    version_name: str | None = None
    file_id: int | None = None
    repo_id: str | None = None
    revision: str | None = None
    repo_path: str | None = None
    candidates: tuple[Candidate, ...] = ()
    unanswered: dict[str, str] = {}
    answer_pending: bool = False
    asked: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    skipped: bool = False
    into: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The same file has the same key in every list: folder, value, file name."""
        return self.folder or "", self.value, self.filename
