"""The heart: what is to be done about one missing file. Pure; a likeness of names is never proof."""

from collections.abc import Sequence

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence, Findings
from comfyfixer.model.decision import Ask, Decision, Fetch, Unresolvable
from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.resolve.evidence import DISQUALIFYING, all_names, judged, kinds
from comfyfixer.resolve.likeness import closeness, similarity
from comfyfixer.resolve.names import is_generic
from comfyfixer.resolve.proof import Doubt, Proven, proof
from comfyfixer.resolve.relinking import usable
from comfyfixer.resolve.safer_twins import with_safer_twins
from comfyfixer.resolve.silent import by_reason, listed


def decide(
    missing: MissingModel, findings: Findings, *, fuzzy_threshold: float = 0.6, max_results: int = 5
) -> Decision:
    """Fetch what is proven (`proof.py` says how), ask where there is a choice, and say why."""
    known = with_safer_twins(missing, [judged(missing, one, findings.beside) for one in findings.candidates])
    found = proof(missing, known, findings)
    proven = found.candidates if isinstance(found, Proven) else ()
    local = _local_candidates(missing, proven)
    if isinstance(found, Proven) and not local:
        return Fetch(candidates=tuple(_promised(missing, one) for one in proven), because=found.because)
    doubt = found if isinstance(found, Doubt) else Doubt()
    shown = _ranked(missing, known, fuzzy_threshold)[:max_results]
    if local or shown:
        because = _why_ask(local, shown, doubt)
        return Ask(candidates=(*local, *shown), because=because, unanswered=doubt.silent and not local)
    return _nothing(missing, findings)


def already_here(match: LocalMatch, elsewhere: Sequence[Candidate] = ()) -> Fetch:
    """A local file is proven to have the very bytes: nothing is to be fetched, though they are elsewhere too."""
    local = _local_candidate(match)
    fact = Evidence(kind="hash", detail=f"Its SHA-256 is the wanted one ({(match.sha256 or '')[:12]}...)")
    hashes = {"sha256": match.sha256} if match.sha256 else {}
    local = msgspec.structs.replace(local, hashes=hashes, evidence=(fact, *local.evidence))
    because = f"The very same file is here, as `{match.path}`: its SHA-256 is the wanted one"
    return Fetch(candidates=(local, *elsewhere), because=because)


def confidence(missing: MissingModel, decision: Decision) -> float:
    """1.0 when proven, 0.0 without a candidate, between them how alike the best name is (at most 0.99)."""
    match decision:
        case Fetch():
            return 1.0
        case Ask(candidates=candidates):
            return min(0.99, round(_likeness(missing, candidates[0]), 2))
        case Unresolvable():
            return 0.0


def _promised(missing: MissingModel, candidate: Candidate) -> Candidate:
    """What the workflow promises about the bytes is checked after the download, whatever the hub promises."""
    return msgspec.structs.replace(candidate, hashes={**missing.hashes, **candidate.hashes})


def _likeness(missing: MissingModel, candidate: Candidate) -> float:
    return max(similarity(missing.filename, name) for name in all_names(candidate))


def _ranked(missing: MissingModel, judged: Sequence[Candidate], threshold: float) -> list[Candidate]:
    """Best first: evidence before likeness; below the threshold only what has evidence of its own."""
    strong = {"hash", "short-hash", "workflow-url", "note-url", "repository", "index", "sidecar", "exact-name"}
    kept = [one for one in judged if kinds(one) & strong or _likeness(missing, one) >= threshold]

    def order(candidate: Candidate) -> tuple[int, int, float]:
        known = kinds(candidate)
        close = max(closeness(missing.filename, name) for name in all_names(candidate))
        return (len(known & DISQUALIFYING) + ("kind-differs" in known), -len(known & strong), -close)

    return sorted(kept, key=order)


def _local_candidates(missing: MissingModel, proven: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Files that are here and may be meant.

    Beside a proven file only those that may be the very same bytes: of its size, or, where the hub tells no size, in
    the same models folder. What is here and can't be used is no choice.
    """
    sizes = {candidate.size_bytes for candidate in proven if candidate.size_bytes is not None}

    def may_be_meant(match: LocalMatch) -> bool:
        if match.why in ("broken", "wrong-kind"):
            return False
        return match.size_bytes in sizes if sizes else not proven or match.why != "other-folder"

    return tuple(_local_candidate(match) for match in usable(missing) if may_be_meant(match))


def _local_candidate(match: LocalMatch) -> Candidate:
    return Candidate(
        source="local",
        filename=match.name,
        download_url=match.path,
        size_bytes=match.size_bytes,
        folders=(match.folder,),
        found_by="local",
        evidence=(Evidence(kind="local-file", detail=match.detail or "A file that may be meant is here"),),
    )


def _why_ask(local: Sequence[Candidate], shown: Sequence[Candidate], doubt: Doubt) -> str:
    if local:
        return local[0].evidence[0].detail
    if doubt.because:
        return f"Not taken by itself: {doubt.because}"
    count = f"{len(shown)} files have" if len(shown) > 1 else "One file has"
    return f"{count} a similar name, which proves nothing"


def _nothing(missing: MissingModel, findings: Findings) -> Unresolvable:
    if findings.unanswered:
        silent = "; ".join(f"{listed(sources)} ({why})" for sources, why in by_reason(findings.unanswered))
        return Unresolvable(because=f"Not every source answered: {silent}", unanswered=True)
    if is_generic(missing.filename):
        return Unresolvable(
            because=f"Many different files are named `{missing.filename}`, and the workflow tells no more"
        )
    return Unresolvable(because="No source has a file of this or a similar name")
