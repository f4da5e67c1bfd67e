"""Candidates that are shown and never taken: why, who may be asked instead, and what else to do. Pure."""

from shlex import quote
from typing import Final

from comfyfixer.errors import DownloadError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.resolution import Resolution
from comfyfixer.resolve.evidence import DISQUALIFYING, kinds, said_against
from comfyfixer.resolve.safer_twins import TWIN
from comfyfixer.resolve.verdict import is_chosen

REFUSED: Final = {
    "virus": "its hub's virus scan calls it dangerous",
    "unsafe": "its hub's scan calls it unsafe",
    "contradictory": "its hub contradicts itself about its bytes, so it can't be verified",
    "not-allowed-host": "its host is not among `download.allowed_hosts`",
}
"""Kinds of evidence that no choice overrules. That is all that disqualifies but another hash: who chooses sees that."""
_CODES: Final = {
    "virus": "unsafe-file",
    "unsafe": "unsafe-file",
    "contradictory": "hash-mismatch",
    "hash-differs": "hash-mismatch",
    "not-allowed-host": "host-not-allowed",
}
_SCANS: Final = frozenset({"virus", "unsafe"})


def refusal(candidate: Candidate) -> str | None:
    """Why a candidate can't be chosen, as a sentence part; None where it can."""
    found = kinds(candidate)
    return next((why for kind, why in REFUSED.items() if kind in found), None)


def all_refused(row: Resolution) -> bool:
    """Whether there are candidates, and none that can be chosen."""
    return bool(row.candidates) and all(map(refusal, row.candidates))


def fetchable(row: Resolution) -> tuple[Candidate, ...]:
    """The places of an accepted file that may be asked. What is ruled out is not, whoever wrote it into the row."""
    against = REFUSED.keys() if is_chosen(row) else DISQUALIFYING
    return tuple(candidate for candidate in row.candidates if not kinds(candidate) & against)


def nothing_fetchable(row: Resolution) -> DownloadError:
    """Why an accepted row brings nothing: each of its candidates is ruled out."""
    found = {kind for candidate in row.candidates for kind in kinds(candidate)}
    code = next((code for kind, code in _CODES.items() if kind in found), "unsafe-file")
    said = "; ".join(said_against(row.candidates)[:3])
    return DownloadError(f"`{row.filename}` is not fetched: {said}", code=code, hint=instead(row))


def instead(row: Resolution) -> str:
    """What a person can do for a file of which no candidate may be taken."""
    leave = f"`comfyfixer choose {quote(row.filename)} skip` leaves it out"
    facts = [fact for candidate in row.candidates for fact in candidate.evidence]
    found = {fact.kind for fact in facts}
    if not found & _SCANS:
        host = "not-allowed-host" in found
        way = "Add its host to `download.allowed_hosts` in config.json if you trust it" if host else "Look at its page"
        return f"{way}, and run `comfyfixer resolve` again; {leave}"
    twin = next((fact.detail for fact in facts if fact.kind == TWIN), None)
    if twin:
        return f"{twin}: name that one in the node; {leave}"
    return f"Look for a `.safetensors` version of it, and name that one in the node; {leave}"
