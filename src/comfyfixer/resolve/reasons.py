"""What speaks for and against a candidate, in the words of somebody who compares them. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.choice import ReviewedCandidate
from comfyfixer.model.content import PICKLE_SUFFIXES
from comfyfixer.model.missing import MissingModel
from comfyfixer.resolve.evidence import as_part
from comfyfixer.resolve.likeness import differences, family_of, same_family, traits
from comfyfixer.resolve.names import split_extension
from comfyfixer.resolve.ruled_out import REFUSED, refusal
from comfyfixer.resolve.safer_twins import TWIN

FOR: Final = frozenset(
    {"hash", "short-hash", "workflow-url", "note-url", "repository", "index", "sidecar", "exact-name", "kind-matches",
     "listed", "mirror", "licence"}
)  # fmt: skip
"""Kinds of evidence that speak for a candidate, or at least not against it."""
_TOLD_ANEW: Final = frozenset({"name-differs", "access", "local-file", "choice", "exact-name", TWIN})
"""Kinds that are told here in shorter words."""
_ACCESS: Final = {
    "gated": "its licence has to be accepted on its page first",
    "login-required": "it can be had only with a key",
    "early-access": "it is in early access: it has to be bought, or waited for",
    "download-disabled": "its author allows no download",
    "archived": "its hub has archived it",
}
_KINDS: Final = {
    "loras": ("a LoRA", 0, 4e9),
    "vae": ("a VAE", 0, 2.5e9),
    "vae_approx": ("a preview decoder", 0, 0.2e9),
    "upscale_models": ("an upscaler", 0, 2e9),
    "embeddings": ("an embedding", 0, 0.2e9),
    "controlnet": ("a ControlNet", 0, 9e9),
    "checkpoints": ("a checkpoint", 0.2e9, None),
    "diffusion_models": ("a diffusion model", 0.1e9, None),
    "unet": ("a diffusion model", 0.1e9, None),
}
"""Models folder to what its files are called, and the bytes that such a file hardly falls below or exceeds."""


def reviewed(missing: MissingModel, candidates: Sequence[Candidate]) -> tuple[ReviewedCandidate, ...]:
    """Candidates as they are shown to a person or agent, numbered in their order."""
    return tuple(
        _reviewed(missing, candidate, number, candidates) for number, candidate in enumerate(candidates, start=1)
    )


def precision_of(candidate: Candidate) -> str | None:
    """As its name tells it; the hub's own path may tell more than the base name."""
    return traits(candidate.filename).precision or traits((candidate.repo_path or "").rpartition("/")[0]).precision


def base_model_of(candidate: Candidate) -> str | None:
    """The family by the hub's word, else by its names."""
    texts = (candidate.base_model, candidate.filename, candidate.repo_id, candidate.model_name)
    return next((family for text in texts if text and (family := family_of(text))), None)


def _reviewed(
    missing: MissingModel, candidate: Candidate, number: int, candidates: Sequence[Candidate]
) -> ReviewedCandidate:
    return ReviewedCandidate(
        number=number,
        id=candidate.id,
        source=candidate.source,
        filename=candidate.filename,
        size_bytes=candidate.size_bytes,
        sha256=candidate.sha256,
        title=_title(candidate),
        base_model=candidate.base_model or base_model_of(candidate),
        precision=precision_of(candidate),
        access=candidate.access,
        page_url=candidate.page_url,
        download_url=candidate.download_url,
        folders=candidate.folders,
        speaks_for=tuple(dict.fromkeys(_for(missing, candidate))),
        speaks_against=tuple(dict.fromkeys(_against(missing, candidate, candidates))),
        refused=refusal(candidate),
    )


def _title(candidate: Candidate) -> str:
    """What its hub calls it: model and version, or repository and path."""
    if candidate.model_name:
        return ", ".join(part for part in (candidate.model_name, candidate.version_name) if part)
    return "/".join(part for part in (candidate.repo_id, candidate.repo_path) if part)


def _for(missing: MissingModel, candidate: Candidate) -> Iterator[str]:
    facts = {fact.kind: fact.detail for fact in candidate.evidence}
    if "exact-name" in facts:
        stored = missing.filename in candidate.alternative_names and candidate.filename != missing.filename
        yield "the same name, as its hub stores it" if stored else "the same name"
    yield from (as_part(detail) for kind, detail in facts.items() if kind in FOR - _TOLD_ANEW)
    if "local-file" in facts:
        yield as_part(facts["local-file"])


def _against(missing: MissingModel, candidate: Candidate, others: Sequence[Candidate]) -> Iterator[str]:
    found = {fact.kind for fact in candidate.evidence}
    yield from (why for kind, why in REFUSED.items() if kind in found)
    if "exact-name" not in found:
        said = differences(missing.filename, candidate.filename)
        yield from said
        if not said and candidate.source != "local":
            yield f"another name: {candidate.filename}"
    if size := _odd_size(missing, candidate):
        yield size
    yield from (
        as_part(fact.detail)
        for fact in candidate.evidence
        if fact.kind not in FOR and fact.kind not in _TOLD_ANEW and fact.kind not in REFUSED
    )
    yield from _other_base_model(missing, candidate)
    if candidate.access in _ACCESS:
        yield _ACCESS[candidate.access]
    yield from _pickle(candidate, others)
    if candidate.source != "local" and not candidate.hashes:
        yield "its hub names no hash, so its bytes can't be verified"


def _odd_size(missing: MissingModel, candidate: Candidate) -> str | None:
    """`6.5 GB where the node wants a LoRA`."""
    called, low, high = _KINDS.get(missing.folder or "", ("", 0, None))
    size = candidate.size_bytes
    if size is None or not called or (size >= low and (high is None or size <= high)):
        return None
    shown = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
    return f"{shown} where the node wants {called}"


def _other_base_model(missing: MissingModel, candidate: Candidate) -> Iterator[str]:
    wanted, found = family_of(missing.filename), base_model_of(candidate)
    if wanted and found and not same_family(wanted, found) and not traits(candidate.filename).base_model:
        yield f"for {found}, where the name says {wanted}"


def _pickle(candidate: Candidate, others: Sequence[Candidate]) -> Iterator[str]:
    stem, extension = split_extension(candidate.filename)
    if extension not in PICKLE_SUFFIXES:
        return
    safe = (split_extension(other.filename) for other in others)
    twin = any(fact.kind == TWIN for fact in candidate.evidence)
    beside = twin or any(end == ".safetensors" and name.casefold() == stem.casefold() for name, end in safe)
    yield "a pickle file" + ("; a safetensors of the same model exists" if beside else "")
