"""What a person or agent chose, put in the place of what could not be decided; and when a choice holds no longer. Pure.

A choice never proves anything: it says which file is wanted. The chosen file is still verified against what its hub
promises, and a choice ends as soon as what it was made by is different.
"""

from collections.abc import Mapping, Sequence

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence, Findings
from comfyfixer.model.choice import Choice
from comfyfixer.model.decision import Fetch
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.source_names import called
from comfyfixer.resolve.evidence import all_hashes
from comfyfixer.resolve.rows import resolution
from comfyfixer.resolve.ruled_out import refusal


def with_choice(missing: MissingModel, row: Resolution, choice: Choice, found: Sequence[Candidate]) -> Resolution:
    """The row as the choice wants it, or with why the choice is void.

    Args:
        row: As it is without the choice.
        found: Every candidate that was found now, judged or not.
    """
    if choice.skip:
        decision = "review" if row.decision == "accepted" else row.decision
        said = f"Left out by your choice of {choice.day}"
        return msgspec.structs.replace(row, decision=decision, because=said, skipped=True, answer_pending=False)
    now = next((one for one in found if choice.candidate and one.id == choice.candidate.id), None)
    chosen = now or choice.candidate
    reason = _void(missing, row, choice, now)
    if chosen is None or (reason and row.decision == "accepted" and _same_bytes(chosen, row)):
        return row
    if reason:
        said = f"Your choice of {choice.day} does not hold any more: {reason}. {row.because}"
        return msgspec.structs.replace(row, because=said)
    return _accepted(missing, row, choice, chosen, found)


def _void(missing: MissingModel, row: Resolution, choice: Choice, now: Candidate | None) -> str | None:
    """Why the choice holds no longer, as a sentence part; None where it does."""
    was = choice.candidate
    if was is None:
        return None
    if row.decision == "accepted":
        return "the wanted file is proven now"
    if why := refusal(now or was):
        return f"`{was.filename}` can't be chosen: {why}"
    if now is None:
        gone = not row.unanswered and was.source != "local" and was.sha256 is None
        where = called(was.source)
        return f"`{was.filename}` was not found again on {where}, and nothing else tells its bytes" if gone else None
    if changed := _changed(was, now):
        return f"`{was.filename}` on {called(was.source)} has {changed}"
    return _wanted_otherwise(missing.hashes, choice.wanted, now)


def _changed(was: Candidate, now: Candidate) -> str | None:
    for algorithm in was.hashes.keys() & now.hashes.keys():
        if was.hashes[algorithm] != now.hashes[algorithm]:
            return f"other bytes than when you chose it ({algorithm.upper()} {now.hashes[algorithm][:12]})"
    if None not in (was.size_bytes, now.size_bytes) and was.size_bytes != now.size_bytes:
        return f"another size than when you chose it ({now.size_bytes} bytes, it had {was.size_bytes})"
    return None


def _wanted_otherwise(wanted: Mapping[str, str], then: Mapping[str, str], now: Candidate) -> str | None:
    """A workflow that came later may say by hash that it means another file."""
    for algorithm, value in wanted.items():
        if then.get(algorithm) != value and all_hashes(now).get(algorithm, value) != value:
            return f"a workflow names the {algorithm.upper()} of another file"
    return None


def _same_bytes(chosen: Candidate, row: Resolution) -> bool:
    return chosen.sha256 is not None and chosen.sha256 == row.sha256


def _accepted(
    missing: MissingModel, row: Resolution, choice: Choice, chosen: Candidate, found: Sequence[Candidate]
) -> Resolution:
    because = f"Chosen by you on {choice.day}"
    fact = Evidence(kind="choice", detail=because)
    evidence = (fact, *(known for known in chosen.evidence if known.kind != "choice"))
    best = msgspec.structs.replace(chosen, hashes=_promised(missing, chosen), evidence=evidence)
    copies = (other for other in found if other.id != chosen.id and chosen.sha256 and other.sha256 == chosen.sha256)
    decision = Fetch(candidates=(best, *(copy for copy in copies if not refusal(copy))), because=because)
    told = resolution(missing, decision, Findings(unanswered=row.unanswered, asked=row.asked))
    return msgspec.structs.replace(told, into=choice.into, confidence=row.confidence)


def _promised(missing: MissingModel, chosen: Candidate) -> dict[str, str]:
    """What the workflow promises is checked too, unless the choice was made in spite of it."""
    wanted = missing.hashes
    agrees = all(all_hashes(chosen).get(algorithm, value) == value for algorithm, value in wanted.items())
    return {**wanted, **chosen.hashes} if agrees else dict(chosen.hashes)
