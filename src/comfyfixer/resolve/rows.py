"""Decisions as rows of `output/resolutions.json`."""

from comfyfixer.model.candidate import Candidate, Findings
from comfyfixer.model.decision import Ask, Decision, Fetch, Unresolvable
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.resolution import Resolution
from comfyfixer.resolve.decide import confidence


def resolution(missing: MissingModel, decision: Decision, findings: Findings) -> Resolution:
    """The decision, flat, with the first candidate's identity at the top."""
    candidates = () if isinstance(decision, Unresolvable) else decision.candidates
    best = candidates[0] if candidates else _NONE
    return Resolution(
        filename=missing.filename,
        value=missing.value,
        folder=missing.folder,
        expected_type=missing.expected_type,
        source=best.source,
        decision=_WORDS[type(decision)],
        confidence=confidence(missing, decision),
        because=decision.because,
        evidence=best.evidence,
        download_url=best.download_url or None,
        size_bytes=best.size_bytes,
        sha256=best.sha256,
        model_id=best.model_id,
        model_name=best.model_name,
        version_id=best.version_id,
        version_name=best.version_name,
        file_id=best.file_id,
        repo_id=best.repo_id,
        revision=best.revision,
        repo_path=best.repo_path,
        candidates=candidates,
        unanswered=findings.unanswered,
        answer_pending=not isinstance(decision, Fetch) and decision.unanswered,
        asked=findings.asked,
        workflows=missing.workflows,
    )


_NONE = Candidate(source="not_found", filename="", download_url="")
_WORDS: dict[type, str] = {Fetch: "accepted", Ask: "review", Unresolvable: "not_found"}
