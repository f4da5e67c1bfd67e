"""What speaks for and against one candidate, as sentences. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.sidecar import Sidecar
from comfyfixer.resolve.likeness import differences
from comfyfixer.resolve.names import is_generic, split_extension
from comfyfixer.resolve.sidecars import told_beside

LONG_HASHES: Final = ("sha256", "blake3")
"""Long enough to prove alone."""
_SHORT_HASHES: Final = ("autov3", "autov2")
"""Equal ones count together with the exact name: somebody could make another file with such a short hash."""
_WEAK_HASHES: Final = ("crc32",)
"""Easily met on purpose and sometimes by chance: an equal one proves nothing, another one refuses."""
_SAME_FOLDER: Final = {"unet": "diffusion_models", "clip": "text_encoders", "t2i_adapter": "controlnet"}
DISQUALIFYING: Final = frozenset({"not-allowed-host", "unsafe", "virus", "contradictory", "hash-differs"})
"""A candidate with one of these is shown and never accepted."""
_LOWERED: Final = frozenset({"A", "An", "It", "Its", "Listed", "Many", "Named", "Stored", "The"})
"""First words of sentences; what else one begins with may be a name, such as Hugging Face."""


def judged(missing: MissingModel, candidate: Candidate, beside: Sequence[Sidecar] = ()) -> Candidate:
    """The candidate with everything that speaks for and against it, beside what its source said."""
    evidence = (
        *candidate.evidence,
        *_about_hashes(missing, candidate),
        *told_beside(candidate, beside),
        *_about_name(missing, candidate),
        *_about_kind(missing, candidate),
        *_about_access(candidate),
    )
    return msgspec.structs.replace(candidate, evidence=tuple(dict.fromkeys(evidence)))


def kinds(candidate: Candidate) -> set[str]:
    """The kinds of all that is known of a judged candidate."""
    return {fact.kind for fact in candidate.evidence}


def detail(candidate: Candidate, kind: str) -> str:
    """The sentence of one kind of evidence that the candidate has."""
    return next(fact.detail for fact in candidate.evidence if fact.kind == kind)


def said_against(candidates: Iterable[Candidate]) -> tuple[str, ...]:
    """The sentences that rule candidates out, each once."""
    facts = (fact for candidate in candidates for fact in candidate.evidence if fact.kind in DISQUALIFYING)
    return tuple(dict.fromkeys(fact.detail for fact in facts))


def as_part(sentence: str) -> str:
    """A sentence as a part of another or of a list: `Its SHA256 equals` -> `its SHA256 equals`."""
    first, space, rest = sentence.partition(" ")
    return f"{first.lower()}{space}{rest}" if first in _LOWERED else sentence


def all_names(candidate: Candidate) -> tuple[str, ...]:
    """Every name the hub has for the file."""
    return (candidate.filename, *candidate.alternative_names)


def all_hashes(candidate: Candidate) -> Mapping[str, str]:
    """The promised hashes, with AutoV2 where it follows from the SHA-256."""
    return {"autov2": candidate.sha256[:10], **candidate.hashes} if candidate.sha256 else candidate.hashes


def has_name(missing: MissingModel, candidate: Candidate) -> bool:
    """Whether a name of the candidate is exactly the wanted one.

    A text tag names a file without its extension: then the candidate's name without its own has to be equal.
    """
    if split_extension(missing.filename)[1]:
        return missing.filename in all_names(candidate)
    return any(missing.filename in (name, split_extension(name)[0]) for name in all_names(candidate))


def _about_hashes(missing: MissingModel, candidate: Candidate) -> Iterable[Evidence]:
    found = all_hashes(candidate)
    for algorithm in (*LONG_HASHES, *_SHORT_HASHES, *_WEAK_HASHES):
        if algorithm in missing.hashes and algorithm in found:
            yield _about_hash(missing, candidate, algorithm, found[algorithm])


def _about_hash(missing: MissingModel, candidate: Candidate, algorithm: str, found: str) -> Evidence:
    wanted = missing.hashes[algorithm]
    shown = wanted if len(wanted) <= 12 else f"{wanted[:12]}..."
    if not _equal(algorithm, wanted, found):
        text = f"Its {algorithm.upper()} is not the one the workflow names ({shown})"
        return Evidence(kind="hash-differs", detail=text)
    if algorithm in LONG_HASHES:
        return Evidence(kind="hash", detail=f"Its {algorithm.upper()} equals the one the workflow names ({shown})")
    if algorithm in _SHORT_HASHES and has_name(missing, candidate):
        return Evidence(kind="hash", detail=f"Its {algorithm} {shown} and its name equal what the workflow names")
    return Evidence(kind="short-hash", detail=f"Its {algorithm} {shown} equals the one the workflow names")


def _equal(algorithm: str, wanted: str, found: str) -> bool:
    """Civitai writes a CRC32 with its bytes in reverse order, other programs do not."""
    if algorithm != "crc32" or len(found) != 8:
        return wanted == found
    return wanted in (found, "".join(found[place : place + 2] for place in (6, 4, 2, 0)))


def _about_name(missing: MissingModel, candidate: Candidate) -> Iterable[Evidence]:
    if missing.filename in candidate.alternative_names:
        yield Evidence(kind="exact-name", detail=f"Stored as `{missing.filename}`, shown as `{candidate.filename}`")
    elif has_name(missing, candidate):
        yield Evidence(kind="exact-name", detail=f"Named exactly `{candidate.filename}`")
    else:
        said = "; ".join(differences(missing.filename, candidate.filename))
        text = f"Named `{candidate.filename}`" + (f": {said}" if said else "")
        yield Evidence(kind="name-differs", detail=text)
    if is_generic(missing.filename):
        yield Evidence(kind="generic-name", detail="Many different files carry this name")


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
