"""The same model in a format that holds no code: a `.safetensors` beside a `.pt`, `.ckpt`, `.bin`. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.content import PICKLE_SUFFIXES
from comfyfixer.model.missing import MissingModel
from comfyfixer.resolve.evidence import DISQUALIFYING, kinds
from comfyfixer.resolve.names import split_extension

TWIN: Final = "safetensors-twin"
_SAFE: Final = frozenset({".safetensors", ".sft"})
_NAMED_EXACTLY: Final = frozenset({"hash", "short-hash", "workflow-url"})


def with_safer_twins(missing: MissingModel, judged: Sequence[Candidate]) -> list[Candidate]:
    """The candidates, each pickle with its twin told.

    Where the workflow names no format (a text tag), the pickle is left out and its twin is meant: a loader takes
    either. Where it names this very file by its hash or address, the twin is another file.
    """
    twins = [(candidate, _twin(candidate, judged)) for candidate in judged]
    any_format = not split_extension(missing.filename)[1]
    return [
        _told(candidate, twin) if twin and TWIN not in kinds(candidate) else candidate
        for candidate, twin in twins
        if not (twin and any_format and not kinds(candidate) & _NAMED_EXACTLY)
    ]


def _twin(candidate: Candidate, judged: Sequence[Candidate]) -> Candidate | None:
    """In the same version on Civitai or the same folder of a repository, and of the same name but for its ending."""
    if _suffix(candidate) not in PICKLE_SUFFIXES:
        return None
    return next(
        (
            other
            for other in judged
            if _suffix(other) in _SAFE and _place(other) == _place(candidate) and not kinds(other) & DISQUALIFYING
        ),
        None,
    )


def _place(candidate: Candidate) -> tuple[object, ...]:
    stem = split_extension(candidate.filename)[0]
    folder = (candidate.repo_path or "").rpartition("/")[0]
    owner = (candidate.version_id, candidate.repo_id, candidate.revision)
    return (candidate.source, *owner, folder, stem, candidate.download_url if owner == (None, None, None) else "")


def _suffix(candidate: Candidate) -> str:
    return split_extension(candidate.filename)[1].lower()


def twin_told(name: str, place: str) -> Evidence:
    """That a pickle has a twin."""
    return Evidence(kind=TWIN, detail=f"The same model is there in a format that holds no code: `{name}` ({place})")


def _told(candidate: Candidate, twin: Candidate) -> Candidate:
    fact = twin_told(twin.filename, twin.page_url or twin.id)
    return msgspec.structs.replace(candidate, evidence=(*candidate.evidence, fact))
