"""The heart: which candidate is proven to be the file a workflow means. Pure; a likeness of names is never proof."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence, Findings
from comfyfixer.model.decision import Ask, Decision, Fetch, Unresolvable
from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.resolve.likeness import differences, similarity
from comfyfixer.resolve.names import is_generic, split_extension

_LONG_HASHES: Final = ("sha256", "blake3")
_SHORT_HASHES: Final = ("autov3", "autov2", "crc32")
"""Too short to prove alone: equal ones count together with the exact name."""
_DISQUALIFYING: Final = frozenset({"not-allowed-host", "unsafe", "hash-differs"})
_SILENCE: Final = "no answer came from"
_SAME_FOLDER: Final = {"unet": "diffusion_models", "clip": "text_encoders", "t2i_adapter": "controlnet"}
_LOCAL_WHY: Final = {
    "other-separator": "It is here, named with the other kind of slash: choose it anew in the node",
    "other-case": "It is here with other capital letters: choose it anew in the node",
    "other-subfolder": "A file of this name is here in another sub-folder: choose it in the node, or move it",
    "other-folder": "A file of this name is here in another models folder: move or link it if it is the one",
}


def decide(
    missing: MissingModel, findings: Findings, *, fuzzy_threshold: float = 0.6, max_results: int = 5
) -> Decision:
    """Decide about one missing file.

    Proof is, in this order: an equal hash; a URL that the workflow itself carries for that very file; the exact name in
    the right kind of place, when every source answered and nothing else carries the name with other bytes.
    """
    judged = [_judged(missing, candidate) for candidate in findings.candidates]
    proven, because, doubt = _proof(missing, judged, findings)
    if missing.folder is None and proven:
        doubt, proven = "nothing tells into which models folder it belongs", []
    local = _local_candidates(missing, proven)
    if proven and not local:
        return Fetch(candidates=tuple(_promised(missing, candidate) for candidate in proven), because=because)
    shown = _ranked(missing, judged, fuzzy_threshold)[:max_results]
    if local or shown:
        silence = not local and doubt is not None and doubt.startswith(_SILENCE)
        return Ask(candidates=(*local, *shown), because=_why_ask(local, shown, doubt), unanswered=silence)
    return _nothing(missing, findings)


def confidence(missing: MissingModel, decision: Decision) -> float:
    """1.0 when proven, 0.0 without a candidate, between them how alike the best name is (at most 0.99)."""
    match decision:
        case Fetch():
            return 1.0
        case Ask(candidates=candidates):
            return min(0.99, round(_likeness(missing, candidates[0]), 2))
        case Unresolvable():
            return 0.0


# --- proof -----------------------------------------------------------------------------------------------------------


def _proof(
    missing: MissingModel, judged: Sequence[Candidate], findings: Findings
) -> tuple[list[Candidate], str, str | None]:
    """The proven candidates with the reason, or none with what stands in the way."""
    usable = [candidate for candidate in judged if not _kinds(candidate) & _DISQUALIFYING]
    by_hash = [candidate for candidate in usable if "hash" in _kinds(candidate)]
    if by_hash:
        return _with_copies(by_hash, usable), _detail(by_hash[0], "hash"), None
    named = [candidate for candidate in usable if _kinds(candidate) & {"workflow-url", "note-url"}]
    if named:
        return _by_url(named, usable)
    return _by_name(missing, usable, findings)


def _by_url(named: list[Candidate], usable: Sequence[Candidate]) -> tuple[list[Candidate], str, str | None]:
    """A node's own URL weighs more than a note's; different bytes behind equally good URLs prove nothing."""
    own = [candidate for candidate in named if "workflow-url" in _kinds(candidate)]
    named = own or [candidate for candidate in named if "exact-name" in _kinds(candidate)]
    if not named:
        return [], "", "the workflow's notes link to a file of another name"
    if len({candidate.sha256 for candidate in named if candidate.sha256}) > 1:
        return [], "", "the workflows carry URLs of different files under this name"
    kind = "workflow-url" if own else "note-url"
    return _with_copies(named, usable), _detail(named[0], kind), None


def _by_name(
    missing: MissingModel, usable: Sequence[Candidate], findings: Findings
) -> tuple[list[Candidate], str, str | None]:
    exact = [candidate for candidate in usable if "exact-name" in _kinds(candidate)]
    if not exact:
        return [], "", None
    if is_generic(missing.filename):
        return [], "", f"`{missing.filename}` is a name that many different files carry"
    if any("kind-differs" in _kinds(candidate) for candidate in exact):
        return [], "", "a file of that name is of another kind than the node wants"
    if len({candidate.sha256 for candidate in exact}) > 1 or (exact[0].sha256 is None and len(exact) > 1):
        return [], "", "different files carry exactly this name"
    if findings.unanswered:
        silent = ", ".join(sorted(findings.unanswered))
        return [], "", f"{_SILENCE} {silent}, so another file of this name is not ruled out"
    return exact, f"The only file named exactly `{missing.filename}`, on {exact[0].source}", None


def _with_copies(proven: Sequence[Candidate], usable: Sequence[Candidate]) -> list[Candidate]:
    """The proven ones first, then every other place that has the same bytes."""
    digest = next((candidate.sha256 for candidate in proven if candidate.sha256), None)
    if digest is None:
        return list(proven[:1])
    same = [candidate for candidate in (*proven, *usable) if candidate.sha256 == digest]
    return list({candidate.id: candidate for candidate in same}.values())


def _promised(missing: MissingModel, candidate: Candidate) -> Candidate:
    """What the workflow promises about the bytes holds for a place that promises nothing itself."""
    if candidate.sha256:
        return candidate
    promised = {algorithm: missing.hashes[algorithm] for algorithm in _LONG_HASHES if algorithm in missing.hashes}
    return msgspec.structs.replace(candidate, hashes={**promised, **candidate.hashes})


# --- evidence --------------------------------------------------------------------------------------------------------


def _judged(missing: MissingModel, candidate: Candidate) -> Candidate:
    """The candidate with everything that speaks for and against it, beside what its source said."""
    evidence = (
        *candidate.evidence,
        *_about_hash(missing, candidate),
        *_about_name(missing, candidate),
        *_about_kind(missing, candidate),
        *_about_access(candidate),
    )
    return msgspec.structs.replace(candidate, evidence=tuple(dict.fromkeys(evidence)))


def _about_hash(missing: MissingModel, candidate: Candidate) -> Iterable[Evidence]:
    for algorithm in _LONG_HASHES:
        wanted, found = missing.hashes.get(algorithm), candidate.hashes.get(algorithm)
        if wanted and found:
            same = wanted == found
            word = "equals" if same else "is not"
            detail = f"Its {algorithm.upper()} {word} the one the workflow names ({wanted[:12]}...)"
            yield Evidence(kind="hash" if same else "hash-differs", detail=detail)
            return
    for algorithm in _SHORT_HASHES:
        wanted, found = missing.hashes.get(algorithm), candidate.hashes.get(algorithm)
        if wanted and found and wanted != found:
            yield Evidence(kind="hash-differs", detail=f"Its {algorithm} is {found}, the workflow names {wanted}")
        elif wanted and found and missing.filename in _all_names(candidate):
            yield Evidence(kind="hash", detail=f"Its {algorithm} {found} and its name equal what the workflow names")
        elif wanted and found:
            yield Evidence(kind="short-hash", detail=f"Its {algorithm} {found} equals the one the workflow names")


def _about_name(missing: MissingModel, candidate: Candidate) -> Iterable[Evidence]:
    if missing.filename in (candidate.filename, _tag_name(missing, candidate.filename)):
        yield Evidence(kind="exact-name", detail=f"Named exactly `{candidate.filename}`")
    elif missing.filename in candidate.alternative_names:
        yield Evidence(kind="exact-name", detail=f"Stored as `{missing.filename}`, shown as `{candidate.filename}`")
    else:
        said = "; ".join(differences(missing.filename, candidate.filename))
        detail = f"Named `{candidate.filename}`" + (f": {said}" if said else "")
        yield Evidence(kind="name-differs", detail=detail)
    if is_generic(missing.filename):
        yield Evidence(kind="generic-name", detail="Many different files carry this name")


def _tag_name(missing: MissingModel, name: str) -> str | None:
    """A candidate's name as a text tag writes it, when the workflow's name is such a one: without extension."""
    return None if split_extension(missing.filename)[1] else split_extension(name)[0]


def _about_kind(missing: MissingModel, candidate: Candidate) -> Iterable[Evidence]:
    if not candidate.folders or missing.folder is None:
        return
    wanted = _SAME_FOLDER.get(missing.folder, missing.folder)
    places = {_SAME_FOLDER.get(folder, folder) for folder in candidate.folders}
    kind = candidate.kind or " or ".join(candidate.folders)
    if any(wanted == place or wanted.startswith(f"{place}/") for place in places):
        yield Evidence(kind="kind-matches", detail=f"{kind}: belongs into `{missing.folder}`")
    else:
        yield Evidence(kind="kind-differs", detail=f"{kind}: the node reads `{missing.folder}`")


def _about_access(candidate: Candidate) -> Iterable[Evidence]:
    if candidate.access not in ("open", "unknown"):
        yield Evidence(
            kind="access", detail=f"Access: {candidate.access}; see {candidate.page_url or candidate.source}"
        )


def _kinds(candidate: Candidate) -> set[str]:
    return {fact.kind for fact in candidate.evidence}


def _detail(candidate: Candidate, kind: str) -> str:
    return next(fact.detail for fact in candidate.evidence if fact.kind == kind)


def _all_names(candidate: Candidate) -> tuple[str, ...]:
    return (candidate.filename, *candidate.alternative_names)


# --- what is shown when nothing is proven ----------------------------------------------------------------------------


def _likeness(missing: MissingModel, candidate: Candidate) -> float:
    return max(similarity(missing.filename, name) for name in _all_names(candidate))


def _ranked(missing: MissingModel, judged: Sequence[Candidate], threshold: float) -> list[Candidate]:
    """Best first: evidence before likeness; below the threshold only what has evidence of its own."""
    strong = {"hash", "short-hash", "workflow-url", "note-url", "repository", "exact-name"}
    scored = [(_likeness(missing, candidate), candidate) for candidate in judged]
    kept = [
        (likeness, candidate) for likeness, candidate in scored if likeness >= threshold or _kinds(candidate) & strong
    ]

    def order(item: tuple[float, Candidate]) -> tuple[int, int, float]:
        likeness, candidate = item
        kinds = _kinds(candidate)
        return (len(kinds & _DISQUALIFYING) + ("kind-differs" in kinds), -len(kinds & strong), -likeness)

    return [candidate for _, candidate in sorted(kept, key=order)]


def _local_candidates(missing: MissingModel, proven: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Files that are here and may be meant.

    Beside a proven file only those that may be the very same bytes: of its size, or, where the hub tells no size, in
    the same models folder.
    """
    sizes = {candidate.size_bytes for candidate in proven if candidate.size_bytes is not None}

    def may_be_meant(match: LocalMatch) -> bool:
        return match.size_bytes in sizes if sizes else not proven or match.why != "other-folder"

    return tuple(_local_candidate(match) for match in missing.local_matches if may_be_meant(match))


def _local_candidate(match: LocalMatch) -> Candidate:
    return Candidate(
        source="local",
        filename=match.name,
        download_url=match.path,
        size_bytes=match.size_bytes,
        folders=(match.folder,),
        found_by="local",
        evidence=(Evidence(kind="local-file", detail=_LOCAL_WHY[match.why]),),
    )


def _why_ask(local: Sequence[Candidate], shown: Sequence[Candidate], doubt: str | None) -> str:
    if local:
        return local[0].evidence[0].detail
    if doubt:
        return f"Not taken by itself: {doubt}"
    count = f"{len(shown)} files have" if len(shown) > 1 else "One file has"
    return f"{count} a similar name, which proves nothing"


def _nothing(missing: MissingModel, findings: Findings) -> Unresolvable:
    if findings.unanswered:
        silent = "; ".join(f"{source}: {why}" for source, why in sorted(findings.unanswered.items()))
        return Unresolvable(
            because=f"Not every source answered ({silent}); `comfyfixer resolve` asks again", unanswered=True
        )
    if is_generic(missing.filename):
        return Unresolvable(
            because=f"Many different files are named `{missing.filename}`, and the workflow tells no more"
        )
    return Unresolvable(because="No source has a file of this or a similar name")
