"""Which candidates of an accepted row are asked, and what is said where none is."""

from typing import Any

import pytest

from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.resolution import Resolution
from comfyfixer.resolve.evidence import DISQUALIFYING
from comfyfixer.resolve.ruled_out import REFUSED, all_refused, fetchable, instead, nothing_fetchable
from comfyfixer.resolve.safer_twins import twin_told

CHOICE = Evidence(kind="choice", detail="Chosen by you")


def candidate(*kinds: str, **more: Any) -> Candidate:
    facts = tuple(Evidence(kind=kind, detail=f"Its {kind}") for kind in kinds)
    return Candidate(source="civitai", filename="a.pth", download_url="https://c/1", evidence=facts, **more)


def row(*candidates: Candidate, evidence: tuple[Evidence, ...] = ()) -> Resolution:
    return Resolution(
        filename="a b.pth", value="a b.pth", folder="loras", expected_type="lora", source="civitai",
        decision="accepted", confidence=1.0, because="x", candidates=candidates, evidence=evidence,
    )  # fmt: skip


@pytest.mark.parametrize("kind", sorted(DISQUALIFYING))
def test_what_is_ruled_out_is_not_asked_and_a_choice_overrules_another_hash_alone(kind: str) -> None:
    out, fine = candidate(kind), candidate("exact-name")
    assert fetchable(row(out, fine)) == (fine,)
    chosen = fetchable(row(out, evidence=(CHOICE,)))
    assert chosen == ((out,) if kind == "hash-differs" else ())
    assert (kind in REFUSED) == (chosen == ())


@pytest.mark.parametrize(
    ("kind", "code"),
    [("unsafe", "unsafe-file"), ("virus", "unsafe-file"), ("contradictory", "hash-mismatch"),
     ("hash-differs", "hash-mismatch"), ("not-allowed-host", "host-not-allowed")],
)  # fmt: skip
def test_each_reason_has_its_code_and_a_way_out(kind: str, code: str) -> None:
    error = nothing_fetchable(row(candidate(kind)))
    assert (error.code, error.message) == (code, f"`a b.pth` is not fetched: Its {kind}")
    assert "`comfyfixer choose 'a b.pth' skip` leaves it out" in (error.hint or "")


def test_what_a_scan_refuses_sends_to_a_format_without_code_by_its_name_where_there_is_one() -> None:
    assert instead(row(candidate("unsafe"))).startswith("Look for a `.safetensors` version of it")
    twin = twin_told("a.safetensors", "https://h/o/r")
    told = instead(
        row(
            Candidate(source="url", filename="a", download_url="u", evidence=(twin, Evidence(kind="virus", detail="x")))
        )
    )
    assert told.startswith(
        "The same model is there in a format that holds no code: `a.safetensors` (https://h/o/r): name"
    )


def test_there_is_nothing_to_choose_only_where_every_candidate_is_refused() -> None:
    assert all_refused(row(candidate("unsafe"), candidate("virus")))
    assert not all_refused(row(candidate("unsafe"), candidate("hash-differs")))
    assert not all_refused(row())
