"""A choice says which file is wanted, and ends when what it was made by is different."""

from typing import Any

import msgspec
import pytest

from comfyfixer.model.candidate import Candidate, Evidence, Findings
from comfyfixer.model.choice import Choice
from comfyfixer.model.decision import Ask, Fetch
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.resolution import Resolution
from comfyfixer.resolve.choices import with_choice
from comfyfixer.resolve.rows import resolution
from comfyfixer.resolve.verdict import is_chosen, is_here

A, B = "a" * 64, "b" * 64
MISSING = MissingModel(
    filename="soft.safetensors", value="soft.safetensors", folder="loras", expected_type="lora", workflow="w",
    workflows=("w",), node_type="LoraLoader", node_id="1", references=(),
)  # fmt: skip


def found(number: int, sha256: str | None = A, **more: Any) -> Candidate:
    hashes = {"sha256": sha256} if sha256 else {}
    given: dict[str, Any] = {"hashes": hashes, "size_bytes": 100, **more}
    return Candidate(
        source="civitai", filename="soft.safetensors", download_url=f"https://c/{number}", model_id=number, **given
    )


ONE, OTHER = found(1, A), found(2, B)


def waiting(*candidates: Candidate, unanswered: dict[str, str] | None = None) -> Resolution:
    decision = Ask(candidates=candidates, because="Different files carry exactly this name")
    return resolution(MISSING, decision, Findings(candidates=candidates, unanswered=unanswered or {}))


def choice(of: Candidate | None, row: Resolution, **more: object) -> Choice:
    return Choice(
        filename=MISSING.filename, value=MISSING.value, folder="loras", made="2026-01-31T10:00:00+00:00",
        skip=of is None, candidate=of, undecided=row, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_chosen_candidate_is_accepted_with_the_choice_as_evidence_and_less_than_full_confidence() -> None:
    row = waiting(ONE, OTHER)
    told = with_choice(MISSING, row, choice(OTHER, row), (ONE, OTHER))

    assert (told.decision, told.sha256, told.source) == ("accepted", B, "civitai")
    assert [candidate.id for candidate in told.candidates] == [OTHER.id]
    assert told.evidence[0] == Evidence(kind="choice", detail="Chosen by you on 2026-01-31")
    assert is_chosen(told)
    assert told.confidence < 1.0


def test_the_same_bytes_elsewhere_stay_places_to_fetch_from_but_not_where_they_are_refused() -> None:
    mirror = found(3, B)
    danger = found(4, B, evidence=(Evidence(kind="virus", detail="Danger"),))
    row = waiting(ONE, OTHER)
    told = with_choice(MISSING, row, choice(OTHER, row), (ONE, OTHER, mirror, danger))
    assert [candidate.id for candidate in told.candidates] == [OTHER.id, mirror.id]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (found(2, A), "has other bytes than when you chose it (SHA256 aaaaaaaaaaaa)"),
        (found(2, B, size_bytes=101), "has another size than when you chose it (101 bytes, it had 100)"),
        (found(2, B, evidence=(Evidence(kind="virus", detail="x"),)), "can't be chosen: its hub's virus scan"),
        (
            found(2, B, evidence=(Evidence(kind="unsafe", detail="x"),)),
            "can't be chosen: its hub's scan calls it unsafe",
        ),
    ],
)
def test_a_choice_is_void_when_its_file_changed_and_says_why(now: Candidate, said: str) -> None:
    row = waiting(ONE, now)
    told = with_choice(MISSING, row, choice(OTHER, row), (ONE, now))

    assert told.decision == "review"
    assert told.because.startswith("Your choice of 2026-01-31 does not hold any more: ")
    assert said in told.because
    assert row.because in told.because


def test_a_choice_whose_file_is_not_found_again_holds_by_its_hash_alone() -> None:
    row = waiting(ONE)
    assert with_choice(MISSING, row, choice(OTHER, row), (ONE,)).sha256 == B

    nameless = found(2, None)
    assert with_choice(MISSING, row, choice(nameless, row), (ONE,)).decision == "review"
    silent = waiting(ONE, unanswered={"civitai": "timed out"})
    assert with_choice(MISSING, silent, choice(nameless, silent), (ONE,)).decision == "accepted"


def test_a_choice_of_what_its_hub_calls_unsafe_is_void_though_the_file_is_not_found_again() -> None:
    unsafe = found(2, B, evidence=(Evidence(kind="unsafe", detail="x"),))
    row = waiting(ONE)
    assert with_choice(MISSING, row, choice(unsafe, row), (ONE,)).decision == "review"


def test_a_workflow_that_comes_later_and_names_another_hash_ends_the_choice() -> None:
    row = waiting(ONE, OTHER)
    later = msgspec.structs.replace(MISSING, hashes={"sha256": A})
    told = with_choice(later, row, choice(OTHER, row), (ONE, OTHER))
    assert told.decision == "review"
    assert "a workflow names the SHA256 of another file" in told.because

    in_spite = choice(OTHER, row, wanted={"sha256": A})
    chosen = with_choice(later, row, in_spite, (ONE, OTHER))
    assert (chosen.decision, chosen.candidates[0].hashes) == ("accepted", {"sha256": B})


def test_what_the_workflow_promises_is_checked_where_it_does_not_contradict() -> None:
    row = waiting(ONE, OTHER)
    wanted = msgspec.structs.replace(MISSING, hashes={"autov2": B[:10], "crc32": "01234567"})
    told = with_choice(wanted, row, choice(OTHER, row, wanted=wanted.hashes), (OTHER,))
    assert told.candidates[0].hashes == {"autov2": B[:10], "crc32": "01234567", "sha256": B}


def test_proof_that_comes_later_weighs_more_and_another_choice_is_told() -> None:
    proven = resolution(MISSING, Fetch(candidates=(ONE,), because="Its hash is equal"), Findings(candidates=(ONE,)))
    same = with_choice(MISSING, proven, choice(ONE, waiting(ONE)), (ONE,))
    assert same == proven

    other = with_choice(MISSING, proven, choice(OTHER, waiting(ONE, OTHER)), (ONE, OTHER))
    assert (other.decision, other.sha256) == ("accepted", A)
    assert other.because.startswith("Your choice of 2026-01-31 does not hold any more: the wanted file is proven now.")


def test_skip_leaves_everything_open_and_fetches_nothing_even_of_what_is_proven() -> None:
    proven = resolution(MISSING, Fetch(candidates=(ONE,), because="x"), Findings(candidates=(ONE,)))
    for row, decision in ((waiting(ONE), "review"), (proven, "review")):
        told = with_choice(MISSING, row, choice(None, row), ())
        assert (told.decision, told.skipped, told.because) == (decision, True, "Left out by your choice of 2026-01-31")


def test_a_chosen_local_file_is_here() -> None:
    local = Candidate(source="local", filename="soft.safetensors", download_url="/m/loras/x/soft.safetensors")
    row = waiting(local, ONE)
    assert is_here(with_choice(MISSING, row, choice(local, row), (local, ONE)))


def test_the_models_folder_that_was_chosen_comes_along() -> None:
    row = waiting(ONE)
    assert with_choice(MISSING, row, choice(ONE, row, into="loras"), (ONE,)).into == "loras"
