"""Which candidates are proven to be the wanted file, or what stands in the way. Pure.

Proof is, in this order: an equal hash; the address that the workflow itself carries for that very file; the exact name
in the right kind of place, when every source answered and nothing else carries the name with other bytes. Whatever
contradicts, or can't be looked at, is a doubt, and a doubt is never resolved by likelihood.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from comfyfixer.model.candidate import Candidate, Findings
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.source_names import called
from comfyfixer.resolve.evidence import DISQUALIFYING, as_part, detail, kinds, said_against
from comfyfixer.resolve.names import is_generic
from comfyfixer.resolve.silent import listed

_MAY_BE_STALE: Final = "only a metadata file beside where it belongs names it, and that may be stale"


class Proven(msgspec.Struct, frozen=True):
    """The file, in one or several places."""

    candidates: tuple[Candidate, ...]
    because: str


class Doubt(msgspec.Struct, frozen=True):
    """Why nothing is proven.

    Attributes:
        because: Sentence part; empty where there is just no candidate worth a doubt.
        silent: The doubt is what a source that did not answer would have said.
    """

    because: str = ""
    silent: bool = False


def proof(missing: MissingModel, judged: Sequence[Candidate], findings: Findings) -> Proven | Doubt:
    """The proven candidates, best place first, or the doubt."""
    if missing.disputed_hashes:
        return Doubt("the workflows that need it name different hashes, so they mean different files")
    usable = [candidate for candidate in judged if not kinds(candidate) & DISQUALIFYING]
    found = (
        _by_hash(usable)
        or _by_address(missing, judged, usable, findings)
        or _by_name(missing, judged, usable, findings)
    )
    if isinstance(found, Proven) and missing.folder is None:
        return Doubt("nothing tells into which models folder it belongs")
    if isinstance(found, Proven) and "blake3" in missing.hashes and "hash" not in kinds(found.candidates[0]):
        return Doubt("the workflow names a BLAKE3 hash, and no source tells the file's own")
    if isinstance(found, Proven) and is_generic(missing.filename) and missing.said_nothing:
        return Doubt("other workflows need a file of this common name, and do not say which")
    return found


def _by_hash(usable: Sequence[Candidate]) -> Proven | Doubt | None:
    proven = [candidate for candidate in usable if "hash" in kinds(candidate)]
    if not proven:
        return None
    if len({candidate.sha256 for candidate in proven if candidate.sha256}) > 1:
        return Doubt("different files carry the short hash that the workflow names")
    return Proven(_with_copies(proven, usable), detail(proven[0], "hash"))


def _by_address(
    missing: MissingModel, judged: Sequence[Candidate], usable: Sequence[Candidate], findings: Findings
) -> Proven | Doubt | None:
    """The addresses that workflows carry: a node's own weigh more than a note's, and all of a rank have to agree.

    An address that leads nowhere any more is a doubt too: whatever else has the name may be another file.
    """
    own = [url for url in missing.urls if missing.url_origins.get(url, "properties") != "note"]
    ranked = own or list(missing.urls)
    if not ranked:
        return None
    answers = [candidate for candidate in usable if set(candidate.workflow_urls) & set(ranked)]
    answered = {url for candidate in answers for url in candidate.workflow_urls}
    for url in ranked:
        if url not in answered:
            return _unanswered_address(url, judged, findings)
    if len(answers) > 1 and (len({candidate.sha256 for candidate in answers}) > 1 or answers[0].sha256 is None):
        return Doubt("the workflows carry addresses of different files under this name")
    if own:
        return Proven(_with_copies(answers, usable), detail(answers[0], "workflow-url"))
    return _by_note(missing, answers, usable)


def _unanswered_address(url: str, judged: Sequence[Candidate], findings: Findings) -> Doubt:
    ruled_out = [candidate for candidate in judged if url in candidate.workflow_urls]
    if ruled_out:
        asked = any("not-allowed-host" not in kinds(candidate) for candidate in ruled_out)
        said = "gives a file that is ruled out" if asked else "may not be asked"
        return Doubt(f"{url}, which the workflow names, {said}: {_why_not(ruled_out)}")
    if "workflow" in findings.unanswered:
        return Doubt(f"no answer came about {url}, which the workflow names", silent=True)
    return Doubt(f"{url}, which the workflow names, does not give the file (any more), or may not be asked")


def _by_note(missing: MissingModel, answers: Sequence[Candidate], usable: Sequence[Candidate]) -> Proven | Doubt:
    if is_generic(missing.filename):
        return Doubt(f"`{missing.filename}` is a name that many different files carry")
    if any("exact-name" not in kinds(candidate) for candidate in answers):
        return Doubt("the workflow's notes link to a file of another name")
    return Proven(_with_copies(answers, usable), detail(answers[0], "note-url"))


def _by_name(
    missing: MissingModel, judged: Sequence[Candidate], usable: Sequence[Candidate], findings: Findings
) -> Proven | Doubt:
    """Uniqueness is judged among all that carry the name; only what the workflow's own hash rules out is no rival."""
    exact = [candidate for candidate in usable if "exact-name" in kinds(candidate)]
    rivals = [c for c in judged if "exact-name" in kinds(c) and "hash-differs" not in kinds(c)]
    if not exact:
        return _no_exact(judged, usable)
    if is_generic(missing.filename):
        return Doubt(f"`{missing.filename}` is a name that many different files carry")
    if any("kind-differs" in kinds(candidate) for candidate in rivals):
        return Doubt("a file of that name is of another kind than the node wants")
    if len({candidate.sha256 for candidate in rivals}) > 1 or (rivals[0].sha256 is None and len(rivals) > 1):
        return Doubt("different files carry exactly this name")
    if any("sidecar-differs" in kinds(candidate) for candidate in exact):
        return Doubt("a metadata file beside where it belongs names other bytes than the file of this name has")
    if findings.unanswered:
        silent = listed(sorted(findings.unanswered))
        return Doubt(f"no answer came from {silent}, so another file of this name is not ruled out", silent=True)
    if not any("kind-matches" in kinds(candidate) for candidate in exact):
        wanted = f"that it is a file for `{missing.folder}`" if missing.folder else "which models folder it is for"
        return Doubt(f"it has exactly this name, but nothing shows {wanted}")
    because = f"The only file named exactly `{missing.filename}` that was found, on {called(exact[0].source)}"
    return Proven(tuple(exact), because)


def _no_exact(judged: Sequence[Candidate], usable: Sequence[Candidate]) -> Doubt:
    if any("sidecar" in kinds(candidate) for candidate in usable):
        return Doubt(_MAY_BE_STALE)
    ruled_out = [candidate for candidate in judged if "exact-name" in kinds(candidate)]
    return Doubt(f"the file of exactly this name is ruled out: {_why_not(ruled_out)}") if ruled_out else Doubt()


def _why_not(ruled_out: Sequence[Candidate]) -> str:
    return "; ".join(as_part(sentence) for sentence in said_against(ruled_out)[:2])


def _with_copies(proven: Sequence[Candidate], usable: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The proven ones first, then every other place that has the same bytes."""
    digest = next((candidate.sha256 for candidate in proven if candidate.sha256), None)
    if digest is None:
        return tuple(proven[:1])
    same = [candidate for candidate in (*proven, *usable) if candidate.sha256 == digest]
    return tuple({candidate.id: candidate for candidate in same}.values())
